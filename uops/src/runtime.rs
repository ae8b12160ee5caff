//! The run time: the data of a store, and the functions that compiled code calls.

pub(crate) mod backtrace;
pub(crate) mod bulk;
pub(crate) mod evaluate;
pub(crate) mod executable;
pub(crate) mod extern_ref;
pub(crate) mod frames;
pub(crate) mod func;
pub(crate) mod global;
pub(crate) mod host;
pub(crate) mod instance;
pub(crate) mod interrupt;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod native_stack;
pub(crate) mod rounding;
pub(crate) mod slots;
pub(crate) mod storage;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod tier;
pub(crate) mod value;
pub mod vm;
