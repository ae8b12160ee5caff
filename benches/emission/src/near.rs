//! Memory near the executable, from where host functions are called directly.

use std::ffi::c_void;

use crate::Result;

/// A mapping that can be written.
pub struct Near {
    start: *mut c_void,
    size: usize,
}

impl Near {
    /// So many bytes, all zero.
    pub fn new(size: usize) -> Result<Self> {
        let below = (Self::new as *const () as usize & !0xfff) - (256 << 20);
        let (writable, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping that replaces none.
        let start = unsafe { libc::mmap(below as *mut c_void, size, writable, flags, -1, 0) };
        if start as usize != below {
            return Err("no memory near the executable".into());
        }
        Ok(Self { start, size })
    }

    /// The bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is writable, and nobody else's.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.size) }
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, which nobody has borrowed from.
        unsafe { libc::munmap(self.start, self.size) };
    }
}
