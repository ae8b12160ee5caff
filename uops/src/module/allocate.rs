//! Fallible allocation: a module that asks for too much gets an error; the process goes on.
//!
//! Whatever may be large is allocated here and reports a failure. Small allocations (a name, an entry of a map) go through
//! the standard library, which aborts the process when memory runs out. Each large allocation therefore leaves [`HEADROOM`]
//! bytes of address space for them, and for the native stack, which grows into the same space. Before many small ones,
//! [`check`] makes sure that there is memory for all of them; [`Headroom`](crate::module::headroom::Headroom) does so for
//! work that allocates as it goes on.

use memmap2::{MmapMut, MmapOptions};

use crate::module::error::Error;

/// Bytes of address space that remain after every large allocation.
const HEADROOM: usize = 16 << 20;
/// Bytes from which on an allocation counts as large.
const LARGE: usize = 1 << 16;

/// Maps memory that is zero and takes no storage until it is touched, unless the address space is too full.
pub(crate) fn reserve(size: usize) -> Option<MmapMut> {
    let reservation = map(size)?;
    map(HEADROOM).map(|_| reservation)
}

fn map(size: usize) -> Option<MmapMut> {
    MmapOptions::new().len(size).no_reserve_swap().map_anon().ok()
}

/// Makes sure that small allocations of `size` bytes in all will succeed, by mapping that much and unmapping it again.
/// (Another thread can take the memory in the meantime, so this is exact only for a process with one thread.) `what` is
/// for the message.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn check(what: &'static str, size: usize) -> Result<(), Error> {
    size.checked_add(HEADROOM).and_then(map).map(drop).ok_or(Error::OutOfMemory { what, size: size as u64 })
}

/// Allocates a vector with room for exactly `len` elements.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn vec<T>(what: &'static str, len: usize) -> Result<Vec<T>, Error> {
    let mut vec = Vec::new();
    let allocated = vec.try_reserve_exact(len).is_ok();
    finish(what, allocated, len.saturating_mul(size_of::<T>()))?;
    Ok(vec)
}

/// Appends an element to a vector.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn push<T>(what: &'static str, vec: &mut Vec<T>, element: T) -> Result<(), Error> {
    if vec.len() == vec.capacity() {
        let allocated = vec.try_reserve(1).is_ok();
        finish(what, allocated, vec.len().saturating_mul(2).saturating_mul(size_of::<T>()))?;
    }
    vec.push(element);
    Ok(())
}

/// Fails if an allocation has failed, or was large and left too little for small ones.
fn finish(what: &'static str, allocated: bool, size: usize) -> Result<(), Error> {
    match allocated && (size < LARGE || reserve(0).is_some()) {
        true => Ok(()),
        false => Err(Error::OutOfMemory { what, size: size as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_allocations_are_errors() {
        assert!(reserve(usize::MAX >> 2).is_none());
        for size in [1 << 60, usize::MAX] {
            assert!(matches!(check("test", size), Err(Error::OutOfMemory { what: "test", .. })));
        }
        let error = vec::<u64>("test", usize::MAX >> 4).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { what: "test", .. }), "{error}");
        assert_eq!(vec::<u64>("test", 7).unwrap().capacity(), 7);
    }
}
