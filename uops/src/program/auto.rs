//! The tier `auto`: programs that begin in the interpreter and continue in machine code, which another thread compiles.
//!
//! A function's stream is made when the function is first called. A word says that the machine code exists; streams read it when a
//! function or an iteration of a loop begins ([`crate::runtime::tier`]).

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::lower::{ALONE_LABEL, Checkpoints};
use crate::module::error::Error;
use crate::module::{Module, allocate};
use crate::program::bridge;
use crate::program::code::Code;
use crate::program::compile::{Compiled, without_interpreter};
use crate::runtime::executable::{Entry, Executable, MachineCode};
use crate::runtime::vm::Addresses;

/// A program's streams, and its machine code as soon as it has been compiled.
#[derive(Debug)]
pub(crate) struct Auto {
    entry: Entry,
    /// The streams of the functions that have been called.
    streams: Vec<OnceLock<Box<Compiled>>>,
    machine_code: OnceLock<Result<Resumable, Error>>,
    /// 1 once there is machine code. Interpreted functions read it.
    compiled: AtomicU64,
}

/// Machine code, and where interpreted functions can continue in it.
#[derive(Debug)]
pub(super) struct Resumable {
    pub(super) code: Compiled,
    checkpoints: Checkpoints,
}

impl Auto {
    /// Makes a program without streams and without machine code.
    pub(super) fn new(module: &Module) -> Result<Self, Error> {
        let entry = bridge::entry().map_err(without_interpreter)?;
        let mut streams = allocate::vec("module", module.bodies.len())?;
        streams.resize_with(module.bodies.len(), OnceLock::new);
        Ok(Self { entry, streams, machine_code: OnceLock::new(), compiled: AtomicU64::new(0) })
    }

    pub(super) fn entry(&self) -> Entry {
        self.entry
    }

    /// The bytes that it takes from the beginning.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.streams)
    }

    /// The size of a function's machine code in bytes, or of its stream before that exists: 0 if it has not been called.
    pub(super) fn code_size(&self, index: usize) -> usize {
        match self.machine_code() {
            Some(code) => code.code.code_size(index),
            None => self.streams[index].get().map_or(0, |stream| stream.size()),
        }
    }

    /// The word that is not 0 once there is machine code.
    pub(super) fn compiled(&self) -> *const u64 {
        self.compiled.as_ptr()
    }

    /// Makes the stream of a function, or finds it.
    pub(super) fn stream(
        &self,
        module: &Module,
        index: usize,
        step: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<(*const c_void, u64), Error> {
        let stream = match self.streams[index].get() {
            Some(stream) => stream,
            None => {
                let stream = Box::new(Compiled::function_stream(module, index, step)?);
                // Another thread may have made the same stream in the meantime. One of them is enough.
                self.streams[index].get_or_init(|| stream)
            }
        };
        Ok((stream.address(ALONE_LABEL), stream.size() as u64))
    }

    /// The machine code, once it has been compiled.
    pub(super) fn machine_code(&self) -> Option<&Resumable> {
        self.machine_code.get()?.as_ref().ok()
    }

    /// Waits for the machine code.
    pub(super) fn wait(&self) -> Result<(), &Error> {
        self.machine_code.wait().as_ref().map(|_| ())
    }

    /// Compiles the machine code, and publishes it.
    fn compile(&self, module: &Module, mut wanted: impl FnMut() -> bool) {
        let mut observer = |_| if wanted() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let compiled = Compiled::machine_code(module, &mut observer);
        let compiled = compiled.map(|(code, checkpoints)| Resumable { code, checkpoints });
        let exists = compiled.is_ok();
        // Nobody else sets it.
        let _ = self.machine_code.set(compiled);
        self.compiled.store(exists.into(), Ordering::Release);
    }
}

/// Compiles a program's machine code on a thread of its own, or on this one if the system refuses a thread. The thread gives up when it
/// is the last that uses the program.
pub(super) fn compile_beside(program: &Arc<Executable<Code>>) {
    let shared = program.clone();
    let beside = move || compile(&shared, || Arc::strong_count(&shared) > 1);
    if std::thread::Builder::new().name("uops compiler".to_owned()).spawn(beside).is_err() {
        compile(program, || true);
    }
}

fn compile(program: &Executable<Code>, wanted: impl FnMut() -> bool) {
    if let Code::Auto(auto) = &program.code {
        auto.compile(&program.module, wanted);
    }
}

impl MachineCode for Resumable {
    fn function(&self, index: usize) -> Addresses {
        self.code.function(index)
    }

    fn begin(&self, site: u32) -> Option<*const c_void> {
        let index = self.checkpoints.binary_search_by_key(&site, |&(site, _)| site).ok()?;
        Some(self.code.address(self.checkpoints[index].1))
    }

    fn size(&self) -> u64 {
        (self.code.size() + size_of_val(&*self.checkpoints)) as u64
    }
}

#[cfg(test)]
mod tests;
