//! A program as the runtime knows it. How its code was made does not matter here.

use std::arch::x86_64::{__m128i, _mm_setzero_si128};
use std::ffi::c_void;

use stencil_runtime::CodeAddress;

use crate::module::Module;
use crate::module::error::Error;
use crate::runtime::vm::{Addresses, Func, Vm};

/// The entry of compiled code: that of the machine [`Wasm`](crate::uop::Wasm). The first slots of the frame hold the
/// arguments, and later the results. The function returns a [`Trap`](crate::Trap)'s code or 0. [`Vm::start`] selects the
/// function to run.
#[expect(improper_ctypes_definitions, reason = "only compiled code is called through it, which passes vectors as C does")]
#[rustfmt::skip]
pub(crate) type CodeEntry = unsafe extern "C" fn(
    *mut Vm, *mut u64, *mut u8, u64, u64, u64, f32, f32, f32, f64, f64, f64, __m128i, __m128i,
) -> u64;

/// The entry of the interpreter. It has one more parameter: the address in the stream at which the function to run begins.
#[expect(improper_ctypes_definitions, reason = "only compiled code is called through it, which passes vectors as C does")]
#[rustfmt::skip]
pub(crate) type StreamEntry = unsafe extern "C" fn(
    CodeAddress, *mut Vm, *mut u64, *mut u8, u64, u64, u64, f32, f32, f32, f64, f64, f64, __m128i, __m128i,
) -> u64;

/// The entry that leads to every function of a program, in the tier that calls from Rust begin in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry {
    Code(CodeEntry),
    Stream(StreamEntry),
}

impl Entry {
    /// Runs a function. Returns a [`Trap`](crate::Trap)'s code or 0.
    ///
    /// # Safety
    /// The function belongs to an instance of this entry's program, and no reference to it or its `Vm` exists. The frame holds the
    /// function's arguments and has room for its results. It and the frames of all callees end below the limit.
    #[inline]
    pub(crate) unsafe fn call(self, function: *const Func, frame: *mut u64) -> u64 {
        // SAFETY: the entry and the code belong to the same validated module. Only the entry reads `start`, immediately. Everything
        // that the code reaches through the `Vm` belongs to its store and is alive. The rest is the caller's promise.
        unsafe {
            let (vm, this) = ((*function).vm, function as u64);
            let (none, memory) = (_mm_setzero_si128(), (*vm).memory);
            match self {
                Self::Code(entry) => {
                    (*vm).start = (*function).code;
                    entry(vm, frame, memory, this, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, none, none)
                }
                Self::Stream(entry) => {
                    let start = CodeAddress::new((*function).stream.cast());
                    entry(start, vm, frame, memory, this, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, none, none)
                }
            }
        }
    }
}

/// A module and its machine code. Instances rely on their belonging together.
///
/// `C` is the type of the code. Instances and stores share ownership of it without knowing it, as an [`AnyExecutable`].
#[derive(Debug)]
pub(crate) struct Executable<C: ?Sized> {
    pub(crate) module: Module,
    pub(crate) entry: Entry,
    /// Bytes of the module, the machine code or stream, and its jump tables.
    pub(crate) size: u64,
    /// Owns the machine code or stream.
    pub(crate) code: C,
}

/// An executable with any type of code.
pub(crate) type AnyExecutable = Executable<dyn Tiers>;

/// What the runtime asks of a program's code while the program runs. Only programs of the tier `auto` are asked.
pub(crate) trait Tiers: Send + Sync {
    /// Returns the stream of a function and its size in bytes, and makes it if there is none yet. `index` does not count imported
    /// functions. `step` is called now and then, and cancels by failing.
    fn stream(
        &self,
        module: &Module,
        index: usize,
        step: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<(*const c_void, u64), Error>;

    /// Returns the machine code, once it has been compiled.
    fn machine_code(&self) -> Option<&dyn MachineCode>;
}

/// The machine code of a program that began in the interpreter.
pub(crate) trait MachineCode {
    /// Returns the addresses of a function; `index` does not count imported functions.
    fn function(&self, index: usize) -> Addresses;

    /// Returns the address at which the function or the loop begins that is at this offset in the module.
    fn begin(&self, site: u32) -> Option<*const c_void>;

    /// Returns its size in bytes.
    fn size(&self) -> u64;
}
