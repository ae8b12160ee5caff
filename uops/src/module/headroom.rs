//! Memory that must be available before work begins that cannot report a failure.
//!
//! Rust's collections, and wasmparser's, abort the process when the system refuses memory. The size of a section or of a
//! function bounds what decoding, validation and lowering allocate for it. So before they read one, they claim that much
//! of a [`Headroom`].

use crate::module::allocate;
use crate::module::error::Error;

/// The least that is checked at once, in bytes, so that small functions do not cost a system call each.
const CHUNK: usize = 4 << 20;

/// Bytes that are available and have not been claimed yet.
pub(crate) struct Headroom {
    what: &'static str,
    left: usize,
}

impl Headroom {
    /// Makes sure that there is memory for buffers whose size does not depend on the module's, like the validator's
    /// operand stack. `what` is for the message.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn new(what: &'static str) -> Result<Self, Error> {
        // A check always includes memory for them.
        allocate::check(what, CHUNK)?;
        Ok(Self { what, left: CHUNK })
    }

    /// Makes sure that there are `bytes` more.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn claim(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.left {
            let size = bytes.max(CHUNK);
            allocate::check(self.what, size)?;
            self.left = size;
        }
        self.left -= bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_cannot_be_claimed() {
        let mut headroom = Headroom::new("module").unwrap();
        assert!(headroom.claim(1 << 20).is_ok());
        for size in [1 << 60, usize::MAX] {
            let error = headroom.claim(size).unwrap_err();
            assert!(matches!(error, Error::OutOfMemory { what: "module", .. }), "{error}");
        }
    }
}
