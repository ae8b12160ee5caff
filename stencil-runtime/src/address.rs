//! Addresses of code as operands.

use std::fmt;

use crate::operand::Operand;

/// The address of code, as an operand that bodies jump to (`JUMP(target)`) or call (`CALL(target)`).
///
/// The jump is one machine instruction, `jmp rel32`, and the call is `call rel32`. Beyond 2 GiB they go through a trampoline in the
/// program's data. The code is another program's: its uops belong to the same machine.
///
/// ```
/// use stencil_runtime::{Arena, CodeAddress, stencil};
///
/// stencil! {
///     machine Calc(x: u64) -> u64;
///     uop double() { x *= 2; }
///     uop jump(target: CodeAddress) { JUMP(target); }
///     uop ret() { RETURN(x); }
/// }
///
/// let arena = Arena::new()?;
/// let end = Calc::compile_fragment_in(&arena, &[Calc::double(), Calc::ret()])?;
/// let start = Calc::compile_in(&arena, &[Calc::double(), Calc::jump(end.start())])?;
/// // SAFETY: the bodies touch no memory, and `end` still exists.
/// assert_eq!(unsafe { start.entry()(3) }, 12);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// A program does not keep the code alive that its operands refer to. Keep the other program as long as this one runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct CodeAddress(*const u8);

// SAFETY: the address is a number here. Only compiled code goes there.
unsafe impl Send for CodeAddress {}
// SAFETY: as above.
unsafe impl Sync for CodeAddress {}

impl CodeAddress {
    /// Makes a code address of a pointer to the first machine instruction.
    #[must_use]
    #[inline]
    pub const fn new(pointer: *const u8) -> Self {
        Self(pointer)
    }

    /// Returns the address as a pointer, for operands and registers of the type `*const u8`.
    #[must_use]
    #[inline]
    pub const fn as_ptr(self) -> *const u8 {
        self.0
    }
}

impl From<*const u8> for CodeAddress {
    #[inline]
    fn from(pointer: *const u8) -> Self {
        Self(pointer)
    }
}

impl fmt::Debug for CodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeAddress({:p})", self.0)
    }
}

impl Operand for CodeAddress {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0.to_word()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self(Operand::from_word(word))
    }
}
