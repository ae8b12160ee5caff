//! What two engines have to agree on: programs, instances of them, calls, and what these leave behind.

mod on_uops;
mod on_wasmi;

use std::collections::BTreeMap;

pub use on_uops::Uops;
pub use on_wasmi::Wasmi;
use uops::{Trap, Value};

/// A module and what it needs, compiled by an engine.
pub trait Program: Sized {
    /// What can be called.
    type Instance: Instance;

    /// Compiles modules with their names, each of which may import from those before it.
    ///
    /// # Errors
    /// [`Stop::Refused`].
    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop>;

    /// Fresh instances of all of them.
    ///
    /// # Errors
    /// Why there is none.
    fn instantiate(&self) -> Result<Self::Instance, Stop>;
}

/// An instance of a program.
pub trait Instance {
    /// Calls an exported function of the last module.
    ///
    /// # Errors
    /// Why there are no results.
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<String>, Stop>;

    /// All that the modules export and functions may change.
    fn state(&self) -> State;
}

/// Globals, memories and tables by module and name.
pub type State = BTreeMap<(usize, String), Item>;

/// Something that functions may change. Of NaNs the bits are not compared, unless they are in memory; of references,
/// whether they are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The value of a global.
    Global(String),
    /// The bytes of a memory.
    Memory(Vec<u8>),
    /// The elements of a table.
    Table(Vec<String>),
}

/// Why a module is not compiled, not instantiated, or why a call has no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A trap. Of two that the other engine does not tell apart, it is always the same one.
    Trap(Trap),
    /// There was no more room for frames. How much there is differs between engines.
    Exhausted,
    /// Anything else, in the engine's words.
    Refused(String),
}
