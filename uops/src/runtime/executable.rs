//! A program as the runtime knows it. How its code was made does not matter here.

use std::arch::x86_64::__m128i;

use crate::module::Module;
use crate::runtime::vm::Vm;

/// The entry of compiled code: that of the machine [`Wasm`](crate::uop::Wasm). The first slots of the frame hold the
/// arguments, and later the results. The function returns a [`Trap`](crate::Trap)'s code or 0. [`Vm::start`] selects the
/// function to run.
#[expect(improper_ctypes_definitions, reason = "only compiled code is called through it, which passes vectors as C does")]
#[rustfmt::skip]
pub(crate) type Entry = unsafe extern "C" fn(
    *mut Vm, *mut u64, *mut u8, u64, u64, u64, f32, f32, f32, f64, f64, f64, __m128i, __m128i,
) -> u64;

/// A module and its machine code. Instances rely on their belonging together.
///
/// `C` is the type of the code. Instances and stores share ownership of it without knowing it, as an [`AnyExecutable`].
#[derive(Debug)]
pub(crate) struct Executable<C: ?Sized> {
    pub(crate) module: Module,
    /// The entry that leads to every function.
    pub(crate) entry: Entry,
    /// Bytes of the module, the machine code and its jump tables.
    pub(crate) size: u64,
    /// Owns the machine code.
    pub(crate) code: C,
}

/// An executable with any type of code.
pub(crate) type AnyExecutable = Executable<dyn Send + Sync>;
