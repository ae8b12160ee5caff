//! Memory close enough to the executable for direct calls of host functions.

use std::ffi::c_void;

use crate::Result;

/// A writable mapping.
pub struct Near {
    start: *mut c_void,
    size: usize,
}

impl Near {
    /// Maps this many bytes, all zero.
    pub fn new(size: usize) -> Result<Self> {
        let below = (Self::new as *const () as usize & !0xfff) - (256 << 20);
        let (writable, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which replaces no other.
        let start = unsafe { libc::mmap(below as *mut c_void, size, writable, flags, -1, 0) };
        if start as usize != below {
            return Err("no memory near the executable".into());
        }
        Ok(Self { start, size })
    }

    /// The bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is writable, and nothing else refers to it.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.size) }
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        // SAFETY: the whole mapping is unmapped, and no borrow of it is left.
        unsafe { libc::munmap(self.start, self.size) };
    }
}
