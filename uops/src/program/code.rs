//! The code of a program in any tier.

use std::ffi::c_void;

use crate::module::Module;
use crate::module::error::Error;
use crate::module::progress::Observer;
use crate::program::auto::Auto;
use crate::program::compile::Compiled;
use crate::program::{Tier, bridge};
use crate::runtime::executable::{Entry, MachineCode, Tiers};
use crate::runtime::tier::NEVER;
use crate::runtime::vm::Addresses;

/// The code of a program.
#[derive(Debug)]
pub(crate) enum Code {
    /// All of it was made before the program ran.
    Whole(Compiled),
    /// It is made while the program runs.
    Auto(Auto),
}

impl Code {
    pub(super) fn new(module: &Module, tier: Tier, observer: Observer<'_>) -> Result<Self, Error> {
        Ok(match tier {
            Tier::Jit => Self::Whole(Compiled::machine_code(module, observer)?.0),
            Tier::Interpreter => Self::Whole(Compiled::stream(module, observer)?),
            Tier::Auto => Self::Auto(Auto::new(module)?),
        })
    }

    /// The code of all functions, if it exists.
    pub(super) fn whole(&self) -> Option<&Compiled> {
        match self {
            Self::Whole(compiled) => Some(compiled),
            Self::Auto(auto) => auto.machine_code().map(|code| &code.code),
        }
    }

    /// The entry that leads to every function.
    pub(super) fn entry(&self) -> Entry {
        match self {
            Self::Whole(compiled) => compiled.entry(),
            Self::Auto(auto) => auto.entry(),
        }
    }

    /// The addresses of a function in a new instance; `index` does not count imported functions.
    pub(crate) fn function(&self, index: usize) -> Addresses {
        match self {
            Self::Whole(compiled) => compiled.function(index),
            Self::Auto(_) => bridge::lazy(),
        }
    }

    /// The addresses that all host functions share. The code there calls [`call_host`](crate::runtime::host::call_host).
    pub(crate) fn host(&self) -> Addresses {
        match self {
            Self::Whole(compiled) => compiled.host(),
            Self::Auto(_) => bridge::host(),
        }
    }

    /// The addresses that functions jump to after a trap.
    pub(crate) fn unwind(&self) -> Addresses {
        match self {
            Self::Whole(compiled) => compiled.unwind(),
            Self::Auto(_) => bridge::unwind(),
        }
    }

    /// The word that is not 0 once functions can continue in machine code.
    pub(crate) fn compiled(&self) -> *const u64 {
        match self {
            Self::Whole(_) => NEVER.as_ptr(),
            Self::Auto(auto) => auto.compiled(),
        }
    }

    /// The bytes that it takes before the program runs.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Whole(compiled) => compiled.size(),
            Self::Auto(auto) => auto.size(),
        }
    }

    /// The size of a function's machine code or stream in bytes; `index` does not count imported functions.
    pub(super) fn code_size(&self, index: usize) -> usize {
        match self {
            Self::Whole(compiled) => compiled.code_size(index),
            Self::Auto(auto) => auto.code_size(index),
        }
    }
}

impl Tiers for Code {
    fn stream(
        &self,
        module: &Module,
        index: usize,
        step: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<(*const c_void, u64), Error> {
        match self {
            Self::Whole(compiled) => Ok((compiled.function(index).stream, 0)),
            Self::Auto(auto) => auto.stream(module, index, step),
        }
    }

    fn machine_code(&self) -> Option<&dyn MachineCode> {
        match self {
            Self::Whole(_) => None,
            Self::Auto(auto) => auto.machine_code().map(|code| code as &dyn MachineCode),
        }
    }
}
