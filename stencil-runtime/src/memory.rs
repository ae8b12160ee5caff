//! Memory for code: fresh zeroed pages near the executable, first writable, then executable, never both.
//!
//! [`Writable`] and [`Executable`] are the two states of one mapping, and [`Writable::publish`] consumes the
//! first to make the second, so that nothing can write to code that may be running.

// All calls of the operating system are here.
use std::ptr::NonNull;

use crate::error::Error;

/// The farthest that a mapping may begin from the executable: 2 GiB less 256 MiB, which leave room for
/// the executable's own size.
const NEAR: usize = (1 << 31) - (256 << 20);
/// The distance between the places that are tried.
const STEP: usize = 16 << 20;

/// A mapping that can be written and not executed. All its bytes are zero when it is made.
#[derive(Debug)]
pub struct Writable(Mapping);

/// A mapping that can be executed and not written.
#[derive(Debug)]
pub struct Executable(Mapping);

/// Where to ask for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Within reach of relative calls to the executable, if the address space has room there.
    Near,
    /// Wherever the system likes.
    Anywhere,
}

impl Writable {
    /// Asks the system for `size` bytes, rounded up to whole pages.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(size: usize, placement: Placement) -> Result<Self, Error> {
        let size = size.max(1);
        if placement == Placement::Near {
            for hint in near(Self::new as *const () as usize, size) {
                if let Some(mapping) = Mapping::at(hint, size) {
                    return Ok(Self(mapping));
                }
            }
        }
        Mapping::new(0, size).map(Self)
    }

    /// The bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is readable and writable, `size` bytes long, and borrowed from a value that owns
        // it alone.
        unsafe { std::slice::from_raw_parts_mut(self.0.base.as_ptr(), self.0.size) }
    }

    /// Makes it executable and takes the right to write.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], if the system refuses. The memory is returned to it.
    pub fn publish(self) -> Result<Executable, Error> {
        // SAFETY: the range is exactly the mapping that `self` owns, and no reference into it is left, since
        // `self` was passed by value.
        let refused =
            unsafe { libc::mprotect(self.0.base.as_ptr().cast(), self.0.size, libc::PROT_READ | libc::PROT_EXEC) };
        // x86-64 keeps instruction fetches coherent with stores; a target that does not flushes here.
        if refused == 0 { Ok(Executable(self.0)) } else { Err(Error::NotExecutable { code: errno() }) }
    }
}

/// Where `size` bytes would be near an address of the executable: below it first, since above it the heap grows.
fn near(anchor: usize, size: usize) -> impl Iterator<Item = usize> {
    let anchor = anchor & !0xffff;
    let below = (size..=NEAR).step_by(STEP).filter_map(move |distance| anchor.checked_sub(distance));
    let above =
        (STEP..=NEAR.saturating_sub(size)).step_by(STEP).filter_map(move |distance| anchor.checked_add(distance));
    below.map(|hint| hint & !0xffff).chain(above)
}

impl Executable {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable and `size` bytes long, and nothing writes to it until it is dropped.
        unsafe { std::slice::from_raw_parts(self.0.base.as_ptr(), self.0.size) }
    }
}

/// A private anonymous mapping, returned to the system on drop.
#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and this value owns it alone.
unsafe impl Send for Mapping {}
// SAFETY: a shared reference gives no more than reads (`Executable::bytes`).
unsafe impl Sync for Mapping {}

impl Mapping {
    /// A mapping that begins at `hint` exactly, if that range is free.
    fn at(hint: usize, size: usize) -> Option<Self> {
        Self::new(hint, size).ok().filter(|mapping| mapping.base.as_ptr() as usize == hint)
    }

    /// A mapping at `hint`, or elsewhere if that range is not free.
    fn new(hint: usize, size: usize) -> Result<Self, Error> {
        // SAFETY: a new anonymous mapping without MAP_FIXED replaces nothing that exists.
        let base = unsafe {
            libc::mmap(
                hint as *mut libc::c_void,
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Error::OutOfMemory { size, code: errno() });
        }
        NonNull::new(base.cast()).map(|base| Self { base, size }).ok_or(Error::OutOfMemory { size, code: 0 })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is exactly the mapping that this value owns, and whoever borrowed from it is gone.
        let failed = unsafe { libc::munmap(self.base.as_ptr().cast(), self.size) };
        debug_assert_eq!(failed, 0, "munmap of a whole mapping cannot fail");
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_memory_is_near_zero_and_becomes_executable() {
        let mut memory = Writable::new(5000, Placement::Near).unwrap();
        assert!(memory.bytes().iter().all(|&byte| byte == 0));
        memory.bytes()[..6].copy_from_slice(&[0xb8, 42, 0, 0, 0, 0xc3]); // mov $42, %eax; ret
        let code = memory.publish().unwrap();
        let start = code.bytes().as_ptr();
        assert!((start as usize).abs_diff(Writable::new as *const () as usize) < 1 << 31);
        // SAFETY: these are the two instructions above, a function of the C convention.
        let function = unsafe { std::mem::transmute::<*const u8, extern "C" fn() -> i32>(start) };
        assert_eq!(function(), 42);
    }

    #[test]
    fn many_mappings_stay_near() {
        let all: Vec<_> = (0..64).map(|_| Writable::new(1 << 20, Placement::Near).unwrap()).collect();
        for memory in &all {
            let start = memory.0.base.as_ptr() as usize;
            assert!(start.abs_diff(Writable::new as *const () as usize) < 1 << 31);
        }
    }

    #[test]
    fn memory_is_returned_on_drop() {
        // More than the address space holds, unless every mapping is returned.
        for _ in 0..300 {
            Writable::new(1 << 40, Placement::Anywhere).map(drop).unwrap_or_else(|error| {
                assert!(matches!(error, Error::OutOfMemory { code: libc::ENOMEM, .. }), "{error}");
            });
        }
        for _ in 0..1000 {
            drop(Writable::new(1 << 30, Placement::Near).unwrap().publish().unwrap());
        }
    }

    #[test]
    fn too_much_is_an_error() {
        let error = Writable::new(1 << 60, Placement::Near).unwrap_err();
        assert_eq!(error, Error::OutOfMemory { size: 1 << 60, code: libc::ENOMEM });
        assert!(matches!(Writable::new(usize::MAX, Placement::Near), Err(Error::OutOfMemory { .. })));
    }
}
