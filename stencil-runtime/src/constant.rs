//! Pointers in the statics that C constants become.

/// A pointer in a C constant.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Pointer(*const ());

// SAFETY: the pointer is never written, and no Rust code dereferences it.
unsafe impl Sync for Pointer {}

impl Pointer {
    /// A pointer `offset` bytes from `target`. The result may be anywhere: C may point before or behind an object.
    #[must_use]
    pub const fn new(target: *const (), offset: i64) -> Self {
        Self(target.wrapping_byte_offset(offset as isize))
    }
}
