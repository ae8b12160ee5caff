//! Programs: a module with its machine code.

pub(crate) mod compile;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::module::Module;
use crate::module::decode::decode;
use crate::module::error::Error;
use crate::module::features::Version;
use crate::module::progress::{Observer, Progress, nobody};
use crate::program::compile::Compiled;
use crate::runtime::executable::{AnyExecutable, Executable};

/// A module and its machine code. It is compiled once and shared by any number of instances, in any number of stores.
///
/// Cloning copies a pointer.
#[derive(Clone, Debug)]
pub struct Program(Arc<Executable<Compiled>>);

/// Totals over the functions of a program, without imported ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of uops.
    pub uops: usize,
    /// The number of uops in their narrow form, which they have because their operands are small.
    pub narrow: usize,
    /// Bytes of machine code, without out-of-line code.
    pub code: usize,
    /// Bytes of machine code if all uops had their general form.
    pub general: usize,
}

impl Program {
    /// Decodes, validates and compiles a module in the binary or in the text format.
    ///
    /// # Errors
    /// Those of [`Module::from_text`] and [`compile`](Self::compile).
    pub fn new(wasm_or_text: &[u8]) -> Result<Self, Error> {
        Self::compile(Module::from_text(wasm_or_text)?)
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// [`Error::Code`], [`Error::Limit`], [`Error::OutOfMemory`].
    pub fn compile(module: Module) -> Result<Self, Error> {
        Self::compile_with(module, &mut nobody)
    }

    /// Decodes, validates and compiles a module as [`new`](Self::new) does. Reports the progress to a callback, and stops
    /// if the callback returns [`ControlFlow::Break`].
    ///
    /// The callback runs once per function, and once for every 4 KiB of a larger one, so keep it quick. Three steps do not
    /// call it until they are done: parsing the text format, decoding a section other than the code section, and writing
    /// the machine code. They take at most 20, 50 and 5 ns per byte on one Zen 4 core (2026-11-26). If you limit the time,
    /// limit the size of modules, too.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::time::{Duration, Instant};
    /// use uops::{Error, Program};
    ///
    /// # fn main() -> Result<(), Error> {
    /// let end = Instant::now() + Duration::from_secs(10);
    /// let result = Program::with_progress(b"(module (func))", |_| {
    ///     if Instant::now() < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// });
    /// let program = match result {
    ///     Err(Error::Cancelled) => panic!("it took too long"),
    ///     result => result?,
    /// };
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and [`Error::Cancelled`].
    pub fn with_progress(
        wasm_or_text: &[u8],
        mut observer: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let wasm = Module::binary(wasm_or_text)?;
        let module = decode(&wasm, Version::default(), &mut observer)?;
        Self::compile_with(module, &mut observer)
    }

    fn compile_with(module: Module, observer: Observer<'_>) -> Result<Self, Error> {
        let code = Compiled::new(&module, observer)?;
        let size = (module.wasm.len() + code.size()) as u64;
        Ok(Self(Arc::new(Executable { entry: code.entry(), size, module, code })))
    }

    /// Returns the module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.0.module
    }

    /// Lists the uops of a function and their machine code. The index `defined` does not count imported functions.
    #[must_use]
    pub fn listing(&self, defined: usize) -> Option<String> {
        (defined < self.0.module.bodies.len()).then(|| self.0.code.listing(&self.0.module, defined))
    }

    /// Returns the size of a function's machine code in bytes. The index `defined` does not count imported functions.
    #[must_use]
    pub fn code_size(&self, defined: usize) -> Option<usize> {
        (defined < self.0.module.bodies.len()).then(|| self.0.code.code_size(defined))
    }

    /// Counts the uops of all functions. It lowers them again, so it takes about as long as compilation.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.0.code.summary(&self.0.module)
    }

    /// Returns the executable that instances share and keep alive.
    pub(crate) fn executable(&self) -> Arc<AnyExecutable> {
        self.0.clone()
    }

    pub(crate) fn code(&self) -> &Compiled {
        &self.0.code
    }
}
