//! From a module to machine code. A placeholder, until the uops are there.

use std::ffi::c_void;

use crate::error::Error;
use crate::module::Module;
use crate::vm::Vm;

/// How compiled code is entered. Arguments are in the first slots of the frame, and there are the results; what is
/// returned is a [`Trap`](crate::trap::Trap)'s code or 0. [`Vm::start`] says which function runs.
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

/// The machine code of a module.
#[derive(Debug)]
pub(crate) struct Compiled {
    never: std::convert::Infallible,
}

impl Compiled {
    /// Compiles a module.
    pub(crate) fn new(_module: &Module) -> Result<Self, Error> {
        Err(Error::Unsupported { what: "running modules".to_owned(), offset: 0 })
    }

    /// The way into every function.
    pub(crate) fn entry(&self) -> Entry {
        match self.never {}
    }

    /// The code of a function; `index` does not count imported ones.
    pub(crate) fn function(&self, _index: usize) -> *const c_void {
        match self.never {}
    }

    /// The code of every host function: it calls [`call_host`](crate::host::call_host).
    pub(crate) fn host_thunk(&self) -> *const c_void {
        match self.never {}
    }

    /// A function's uops, for people.
    pub(crate) fn listing(&self, _module: &Module, _index: usize) -> String {
        match self.never {}
    }
}
