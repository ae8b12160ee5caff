//! WebAssembly 2.0 on copy-and-patch: every instruction is a micro-operation with a C body. Of 3.0 there are tail calls,
//! multiple memories, 64-bit memories and tables, and extended constant expressions.
//!
//! A [`Program`] is a module, validated and compiled. An [`Instance`] of it lives in a [`Store`], which owns all that
//! programs share; [`Imports`] are what it may use of the world outside. [`wasi`] has those of command-line programs.
//!
//! ```no_run
//! use uops::{FuncType, Imports, Instance, Program, Store, Value, ValueType};
//!
//! # fn main() -> Result<(), uops::Error> {
//! let program = Program::new(
//!     br#"(module
//!         (import "env" "print" (func $print (param i32)))
//!         (func (export "add") (param i32 i32) (result i32)
//!             (call $print (local.get 0))
//!             (i32.add (local.get 0) (local.get 1))))"#,
//! )?;
//! let mut imports = Imports::new();
//! imports.func("env", "print", FuncType::new([ValueType::I32], []), |_caller, args| {
//!     println!("{}", args[0]);
//!     Ok(vec![])
//! });
//! let store = Store::new()?;
//! let instance = Instance::new(&store, &program, &imports)?;
//! assert_eq!(instance.call(&store, "add", &[40.into(), 2.into()])?, [Value::I32(42)]);
//! # Ok(())
//! # }
//! ```
//!
//! Modules are not trusted. A module that is not valid is refused; one that is cannot reach anything but its own
//! memory, tables and globals, and what it imports. What it may use of memory is bounded by [`Options`], and
//! another thread can end it at any time: [`InterruptHandle`].
//!
//! Inside, the phases are `decode` (bytes to [`Module`]), `compile` (to machine code), `instantiate`, and the
//! calls between Rust and compiled code: `func` inwards, `host` outwards. `vm` is what both of them see.

mod backtrace;
mod bulk;
mod compile;
mod const_expr;
mod decode;
mod error;
mod extern_ref;
mod features;
mod frames;
mod func;
mod global;
mod host;
mod imports;
mod instance;
mod instantiate;
mod interrupt;
mod lower;
mod memory;
mod module;
mod program;
mod rounding;
mod slots;
mod store;
mod table;
mod trap;
mod typed;
mod types;
pub mod uop;
mod value;
pub mod vm;
pub mod wasi;
pub mod wast;

pub use backtrace::{Backtrace, Frame};
pub use error::Error;
pub use extern_ref::ExternRef;
pub use features::Version;
pub use func::Func;
pub use global::Global;
pub use host::{Caller, HostError};
pub use imports::{Extern, Imports};
pub use instance::Instance;
pub use interrupt::InterruptHandle;
pub use memory::Memory;
pub use module::Module;
pub use program::Program;
pub use store::{Options, Store};
pub use table::Table;
pub use trap::Trap;
pub use typed::{HostResult, IntoHost, TypedFunc, WasmType, WasmTypes};
pub use types::{AddressType, ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValueType};
pub use value::Value;
