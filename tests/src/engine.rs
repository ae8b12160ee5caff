//! The interface of an engine under comparison: programs, instances, calls, and the state that calls leave.

mod on_uops;
mod on_wasmi;
mod watchdog;

use std::collections::BTreeMap;

pub use on_uops::{Auto, Interpreted, Uops};
pub use on_wasmi::Wasmi;
use uops::{Trap, Value};

/// The pages that each memory may have.
pub const PAGES: u64 = 256;
/// The steps that a call or an instantiation may take on an engine that counts them. Each engine has its own kind of steps.
pub const STEPS: u64 = 1_000_000;

/// A module and those it depends on, compiled by an engine.
pub trait Program: Sized {
    /// The engine's name.
    const NAME: &str;
    /// An instance of the program.
    type Instance: Instance;

    /// Compiles named modules, each of which may import from those before it.
    ///
    /// # Errors
    /// [`Stop::Refused`] or [`Stop::Unsupported`].
    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop>;

    /// Creates instances of all modules.
    ///
    /// # Errors
    /// Why instantiation failed.
    fn instantiate(&self) -> Result<Self::Instance, Stop>;
}

/// An instance of a program.
pub trait Instance {
    /// Calls an exported function of the last module.
    ///
    /// # Errors
    /// Why there are no results.
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<String>, Stop>;

    /// The state that the modules export and functions may change.
    fn state(&mut self) -> State;
}

/// Globals, memories and tables by module and name.
pub type State = BTreeMap<(usize, String), Item>;

/// A piece of state. NaNs compare as equal, except in memory. References compare by whether
/// they are null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The value of a global.
    Global(String),
    /// The bytes of a memory.
    Memory(Vec<u8>),
    /// The elements of a table.
    Table(Vec<String>),
}

/// Why a module was refused, not instantiated, or why a call has no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A trap. Where the other engine does not distinguish two traps, it is always the same one.
    Trap(Trap),
    /// The frames ran out. Engines differ in how many there are.
    Exhausted,
    /// The steps ran out, or the time.
    Interrupted,
    /// The engine lacks a feature that the module uses.
    Unsupported,
    /// Anything else, as the engine describes it.
    Refused(String),
}
