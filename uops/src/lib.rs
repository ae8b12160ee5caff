//! WebAssembly 2.0 on copy-and-patch: every instruction is a micro-operation with a C body. Of 3.0 there are tail calls,
//! multiple memories, 64-bit memories and tables, and extended constant expressions.
//!
//! A [`Program`] is a module, validated and compiled. An [`Instance`] of it lives in a [`Store`], which owns all that
//! programs share; a [`Linker`] has what they may use of the world outside. [`wasi`] has that of command-line programs.
//!
//! ```
//! use uops::{Instance, Linker, Program, Store, Value};
//!
//! # fn main() -> Result<(), uops::Error> {
//! let program = Program::new(
//!     br#"(module
//!         (import "env" "print" (func $print (param i32)))
//!         (func (export "add") (param i32 i32) (result i32)
//!             (call $print (local.get 0))
//!             (i32.add (local.get 0) (local.get 1))))"#,
//! )?;
//! let mut linker = Linker::new();
//! linker.func_wrap("env", "print", |n: i32| println!("{n}"));
//! let store = Store::new()?;
//! let instance = Instance::new(&store, &program, &linker)?;
//! // With types that are checked once, or with values.
//! let add = instance.func(&store, "add")?.typed::<(i32, i32), i32>(&store)?;
//! assert_eq!(add.call(&store, (40, 2))?, 42);
//! assert_eq!(instance.call(&store, "add", &[40.into(), 2.into()])?, [Value::I32(42)]);
//! # Ok(())
//! # }
//! ```
//!
//! Those who know other engines may look for an engine, which there is none of: what can be chosen is chosen for a store
//! ([`Options`]) or a module ([`Version`]). All methods take `&Store`, so that host functions may use the store that
//! calls them; what they share with the rest of the embedder, closures capture.
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
mod instance;
mod instantiate;
mod interrupt;
mod linker;
mod lower;
mod memory;
mod module;
mod program;
mod progress;
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
pub use instance::Instance;
pub use interrupt::InterruptHandle;
pub use linker::{Extern, Linker};
pub use memory::Memory;
pub use module::Module;
pub use program::Program;
pub use progress::{Phase, Progress};
pub use store::{Options, Store};
pub use table::Table;
pub use trap::Trap;
pub use typed::{HostResult, IntoHost, TypedFunc, WasmType, WasmTypes};
pub use types::{AddressType, ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValueType};
pub use value::Value;
