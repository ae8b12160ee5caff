//! Address space that must be available before work begins that cannot fail softly.
//!
//! Rust's collections, and wasmparser's, abort the process when the system refuses memory. What decoding, validation and
//! lowering allocate is bounded by the size of a section or of a function. So before they read one, [`Headroom`] makes sure
//! that the system grants that much, by mapping it and unmapping it again. (Another thread can take the memory in the
//! meantime, so that this is exact for a process with one thread only.)

use memmap2::MmapOptions;

use crate::module::error::Error;

/// The least that is mapped, in bytes, so that small functions do not cost a system call each.
const CHUNK: usize = 4 << 20;

/// Bytes that do not depend on the size of a module: buffers that have a size limit, like the validator's operand stack.
const FIXED: usize = 4 << 20;

/// Bytes that the system granted and that have not been claimed yet.
pub(crate) struct Headroom {
    what: &'static str,
    left: usize,
}

impl Headroom {
    /// Makes sure that there is memory for what does not depend on the size of a module. `what` is for the message.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn new(what: &'static str) -> Result<Self, Error> {
        let mut headroom = Self { what, left: 0 };
        headroom.claim(FIXED)?;
        Ok(headroom)
    }

    /// Makes sure that there are `bytes` more.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn claim(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.left {
            let size = bytes.max(CHUNK);
            let failed = |_| Error::OutOfMemory { what: self.what, size: size as u64 };
            drop(MmapOptions::new().len(size).no_reserve_swap().map_anon().map_err(failed)?);
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
