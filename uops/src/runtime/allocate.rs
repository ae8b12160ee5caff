//! Fallible allocation: a module that asks for too much gets an error; the process goes on.
//!
//! Whatever may be large is allocated here and reports a failure. Small allocations (a name, an entry of a map) go through
//! the standard library, which aborts when memory runs out. Each large allocation therefore leaves [`HEADROOM`]
//! bytes of address space for them, and for the native stack, which grows into the same space.

use memmap2::{MmapMut, MmapOptions};

use crate::module::error::Error;

/// Bytes of address space that remain after every large allocation.
const HEADROOM: usize = 16 << 20;
/// Bytes from which on an allocation counts as large.
const LARGE: usize = 1 << 16;

/// Maps memory that is zero and takes no storage until it is touched, unless the address space is too full.
pub(crate) fn reserve(size: usize) -> Option<MmapMut> {
    let map = |size| MmapOptions::new().len(size).no_reserve_swap().map_anon().ok();
    let reservation = map(size)?;
    map(HEADROOM).map(|_| reservation)
}

/// Allocates a vector with room for exactly `len` elements.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn vec<T>(what: &'static str, len: usize) -> Result<Vec<T>, Error> {
    let size = len.saturating_mul(size_of::<T>());
    let mut vec = Vec::new();
    vec.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { what, size: size as u64 })?;
    if size >= LARGE {
        check(what)?;
    }
    Ok(vec)
}

/// Fails if there is no address space left for small allocations.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn check(what: &'static str) -> Result<(), Error> {
    reserve(HEADROOM).map(drop).ok_or(Error::OutOfMemory { what, size: HEADROOM as u64 })
}

/// Appends an element to a vector.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn push<T>(what: &'static str, vec: &mut Vec<T>, element: T) -> Result<(), Error> {
    if vec.len() == vec.capacity() {
        let size = vec.len().saturating_mul(2).max(4).saturating_mul(size_of::<T>());
        vec.try_reserve(1).map_err(|_| Error::OutOfMemory { what, size: size as u64 })?;
        if size >= LARGE {
            check(what)?;
        }
    }
    vec.push(element);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert!(reserve(usize::MAX >> 2).is_none());
        let error = vec::<u64>("test", usize::MAX >> 4).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { what: "test", .. }), "{error}");
        assert_eq!(vec::<u64>("test", 7).unwrap().capacity(), 7);
    }
}
