//! WebAssembly on copy-and-patch.
mod compile;
mod decode;
pub mod error;
pub mod module;
pub mod trap;
pub mod types;
pub mod value;
mod vm;
pub use error::Error;
pub use module::Module;
pub use trap::Trap;
pub use types::*;
pub use value::Value;
