//! What compiled code touches or calls: the data of a store, and the functions that uops call.

pub(crate) mod backtrace;
pub(crate) mod bulk;
pub(crate) mod extern_ref;
pub(crate) mod frames;
pub(crate) mod global;
pub(crate) mod host;
pub(crate) mod instance;
pub(crate) mod interrupt;
pub(crate) mod memory;
pub(crate) mod rounding;
pub(crate) mod slots;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod value;
pub mod vm;
