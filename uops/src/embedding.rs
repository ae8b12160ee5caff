//! What users of the library call: instantiation, linking, and calls between Rust and compiled code.

pub(crate) mod call;
pub(crate) mod instance;
pub(crate) mod instantiate;
pub(crate) mod linker;
pub(crate) mod typed;
