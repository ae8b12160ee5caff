//! From a module to machine code. A placeholder, until the uops are there: it takes modules without functions.

use std::ffi::c_void;

use crate::error::Error;
use crate::host::call_host;
use crate::instance::memory_grow;
use crate::module::Module;
use crate::trap::Trap;
use crate::vm::Vm;

/// How compiled code is entered. Arguments are in the first slots of the frame, and there are the results; what is
/// returned is a [`Trap`]'s code or 0. [`Vm::start`] says which function runs.
pub(crate) type Entry = unsafe extern "C" fn(
    vm: *mut Vm,
    fp: *mut u64,
    mem: *mut u8,
    r0: u64,
    r1: u64,
    r2: u64,
    s0: f32,
    s1: f32,
    s2: f32,
    d0: f64,
    d1: f64,
    d2: f64,
) -> u64;

/// What compiled code calls.
const _: unsafe extern "C" fn(*mut Vm, u32) -> u32 = memory_grow;

/// The machine code of a module.
#[derive(Debug)]
pub(crate) struct Compiled;

impl Compiled {
    /// Compiles a module.
    pub(crate) fn new(module: &Module) -> Result<Self, Error> {
        if module.bodies.is_empty() {
            return Ok(Self);
        }
        Err(Error::Unsupported { what: "a function".to_owned(), offset: module.body(0).range().start })
    }

    /// The way into every function.
    pub(crate) fn entry(&self) -> Entry {
        #[rustfmt::skip]
        extern "C" fn entry(
            _: *mut Vm, _: *mut u64, _: *mut u8, _: u64, _: u64, _: u64, _: f32, _: f32, _: f32, _: f64, _: f64, _: f64,
        ) -> u64 {
            Trap::Unreachable.code()
        }
        entry
    }

    /// The code of a function; `index` does not count imported ones.
    pub(crate) fn function(&self, _index: usize) -> *const c_void {
        std::ptr::null()
    }

    /// The code of every host function: it calls [`call_host`].
    pub(crate) fn host_thunk(&self) -> *const c_void {
        call_host as *const c_void
    }

    /// Bytes of a function's machine code.
    pub(crate) fn code_size(&self, _index: usize) -> usize {
        0
    }

    /// A function's uops, for people.
    pub(crate) fn listing(&self, _module: &Module, _index: usize) -> String {
        String::new()
    }
}
