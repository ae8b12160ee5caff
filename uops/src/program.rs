//! A module with its machine code: what instances are made of.

pub(crate) mod compile;

use std::sync::Arc;

use crate::module::Module;
use crate::module::decode::decode;
use crate::module::error::Error;
use crate::module::features::Version;
use crate::module::progress::{Observer, Progress, nobody};
use crate::program::compile::Compiled;

/// A module and its machine code, compiled once and shared by any number of instances, of any number of stores.
///
/// It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Program(Arc<Parts>);

/// Kept together, because the code is that of just this module and an instance relies on it.
#[derive(Debug)]
struct Parts {
    module: Module,
    code: Compiled,
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
    /// [`Error::Code`], and [`Error::Unsupported`] for what cannot be compiled.
    pub fn compile(module: Module) -> Result<Self, Error> {
        Self::compile_observed(module, &mut nobody)
    }

    /// As [`new`](Self::new), and tells someone how far it is: often, so that whoever shows it should not do so each time.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn observed(wasm_or_text: &[u8], mut observer: impl FnMut(Progress)) -> Result<Self, Error> {
        let wasm = Module::binary(wasm_or_text)?;
        let module = decode(&wasm, Version::default(), &mut observer)?;
        Self::compile_observed(module, &mut observer)
    }

    fn compile_observed(module: Module, observer: Observer<'_>) -> Result<Self, Error> {
        let code = Compiled::new(&module, observer)?;
        Ok(Self(Arc::new(Parts { module, code })))
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.0.module
    }

    /// The uops of a function and their machine code, for people. `defined` does not count imported functions.
    #[must_use]
    pub fn listing(&self, defined: usize) -> Option<String> {
        (defined < self.0.module.bodies.len()).then(|| self.0.code.listing(&self.0.module, defined))
    }

    /// Bytes of a function's machine code. `defined` does not count imported functions.
    #[must_use]
    pub fn code_size(&self, defined: usize) -> Option<usize> {
        (defined < self.0.module.bodies.len()).then(|| self.0.code.code_size(defined))
    }

    pub(crate) fn code(&self) -> &Compiled {
        &self.0.code
    }
}
