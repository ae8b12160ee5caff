//! Programs: a module with its machine code, or with the stream that the interpreter runs.

mod auto;
mod bridge;
pub(crate) mod code;
mod compile;

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::module::Module;
use crate::module::decode::decode;
use crate::module::error::Error;
use crate::module::features::Version;
use crate::module::progress::{Observer, Progress, nobody};
use crate::program::code::Code;
use crate::runtime::executable::{AnyExecutable, Executable};

/// A module and its machine code, or its uops for the interpreter ([`Tier`]). It is compiled once and shared by any number of instances,
/// in any number of stores.
///
/// Cloning copies a pointer.
#[derive(Clone, Debug)]
pub struct Program(Arc<Executable<Code>>);

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

/// The way in which a program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// Machine code, compiled when the program is made. It needs executable memory.
    #[default]
    Jit,
    /// An interpreter of the same uops. It works where the operating system refuses executable memory. Programs behave in the same way, and
    /// are slower. It needs the crate's feature `interpreter`, and the committed objects or clang: gcc's calling convention leaves no register for
    /// it.
    Interpreter,
    /// The interpreter at first and machine code later, so that even a large program runs at once. Another thread compiles the machine
    /// code, and the run changes to it at the next call or the next iteration of a loop. Where machine code cannot be made, because the
    /// system refuses executable memory or there is too little memory, the program stays in the interpreter
    /// ([`Program::wait_for_code`] tells why). It needs the interpreter. If the system refuses a thread, the machine code is compiled before the
    /// program is returned.
    ///
    /// A function is translated for the interpreter when it is first called. A failure, such as [`Error::OutOfMemory`], ends that call.
    /// Two threads allocate: if other limits than those of stores bound the process's memory, its exhaustion may end the process.
    ///
    /// A store's budget ([`StoreLimits::bytes`](crate::StoreLimits::bytes)) includes the functions that have been called, and the
    /// machine code from the change on; if it is too small for the machine code, the instance stays in the interpreter.
    Auto,
}

/// The options of a program.
///
/// ```
/// use std::ops::ControlFlow;
/// use uops::{Instance, Linker, Program, ProgramOptions, Store, Tier, Value};
///
/// # fn main() -> Result<(), uops::Error> {
/// let text = br#"(module (func (export "double") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))"#;
/// let options = ProgramOptions { tier: Tier::Interpreter, ..ProgramOptions::default() };
/// let program = Program::with_options(text, options, |_| ControlFlow::Continue(()));
/// # if matches!(program, Err(uops::Error::NoInterpreter)) { return Ok(()) }
/// let store = Store::new()?;
/// let instance = Instance::new(&store, &program?, &Linker::new())?;
/// assert_eq!(instance.call(&store, "double", &[21.into()])?, [Value::I32(42)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramOptions {
    /// The version of WebAssembly that the module has to be valid in.
    pub version: Version,
    /// The way in which the program runs.
    pub tier: Tier,
}

impl From<Tier> for ProgramOptions {
    fn from(tier: Tier) -> Self {
        Self { tier, ..Self::default() }
    }
}

impl From<Version> for ProgramOptions {
    fn from(version: Version) -> Self {
        Self { version, ..Self::default() }
    }
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
        Self::for_tier(module, Tier::default())
    }

    /// Compiles a module for a tier.
    ///
    /// # Errors
    /// Those of [`compile`](Self::compile), and [`Error::NoInterpreter`].
    pub fn for_tier(module: Module, tier: Tier) -> Result<Self, Error> {
        Self::observed(module, tier, &mut nobody)
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
        observer: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        Self::with_options(wasm_or_text, ProgramOptions::default(), observer)
    }

    /// Decodes, validates and compiles a module as [`with_progress`](Self::with_progress) does, for a version and a tier.
    ///
    /// # Errors
    /// Those of [`with_progress`](Self::with_progress), and [`Error::NoInterpreter`].
    pub fn with_options(
        wasm_or_text: &[u8],
        options: ProgramOptions,
        mut observer: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, Error> {
        let ProgramOptions { version, tier } = options;
        let wasm = Module::binary(wasm_or_text)?;
        let module = decode(&wasm, version, &mut observer)?;
        Self::observed(module, tier, &mut observer)
    }

    fn observed(module: Module, tier: Tier, observer: Observer<'_>) -> Result<Self, Error> {
        let code = Code::new(&module, tier, observer)?;
        let size = (module.wasm.len() + code.size()) as u64;
        let program = Arc::new(Executable { entry: code.entry(), size, module, code });
        if tier == Tier::Auto {
            auto::compile_beside(&program);
        }
        Ok(Self(program))
    }

    /// Waits until the machine code of a program of the tier [`Tier::Auto`] has been compiled. Programs of other tiers have all their code
    /// from the beginning.
    ///
    /// # Errors
    /// Why there is no machine code: [`Error::Code`], [`Error::Limit`], [`Error::OutOfMemory`]. The program runs in the interpreter.
    pub fn wait_for_code(&self) -> Result<(), &Error> {
        match &self.0.code {
            Code::Whole(_) => Ok(()),
            Code::Auto(auto) => auto.wait(),
        }
    }

    /// Returns the module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.0.module
    }

    /// Lists the uops of a function and their machine code. An interpreted program has no machine code; nor has a program of the tier
    /// [`Tier::Auto`] before it is compiled. The index `defined` does not count imported functions.
    #[must_use]
    pub fn listing(&self, defined: usize) -> Option<String> {
        let listing = || self.0.code.whole().map(|code| code.listing(&self.0.module, defined)).unwrap_or_default();
        (defined < self.0.module.bodies.len()).then(listing)
    }

    /// Returns the size of a function's machine code or stream in bytes: 0 if there is neither yet ([`Tier::Auto`]). The index `defined`
    /// does not count imported functions.
    #[must_use]
    pub fn code_size(&self, defined: usize) -> Option<usize> {
        (defined < self.0.module.bodies.len()).then(|| self.0.code.code_size(defined))
    }

    /// Counts the uops of all functions. It lowers them again, so it takes about as long as compilation.
    #[must_use]
    pub fn summary(&self) -> Summary {
        compile::summary(&self.0.module)
    }

    /// Returns the executable that instances share and keep alive.
    pub(crate) fn executable(&self) -> Arc<AnyExecutable> {
        self.0.clone()
    }

    pub(crate) fn code(&self) -> &Code {
        &self.0.code
    }
}
