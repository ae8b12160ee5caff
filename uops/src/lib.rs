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

mod embedding;
mod lower;
mod module;
mod program;
mod runtime;
pub mod uop;
pub mod wasi;
pub mod wast;

pub use embedding::func::Func;
pub use embedding::linker::{Extern, Linker};
pub use embedding::typed::{HostResult, IntoHost, TypedFunc, WasmType, WasmTypes};
pub use module::Module;
pub use module::error::Error;
pub use module::features::Version;
pub use module::progress::{Phase, Progress};
pub use module::trap::Trap;
pub use module::types::{
    AddressType, ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValueType,
};
pub use program::Program;
pub use runtime::backtrace::{Backtrace, Frame};
pub use runtime::extern_ref::ExternRef;
pub use runtime::global::Global;
pub use runtime::host::{Caller, HostError};
pub use runtime::instance::Instance;
pub use runtime::interrupt::InterruptHandle;
pub use runtime::memory::Memory;
pub use runtime::store::{Options, Store};
pub use runtime::table::Table;
pub use runtime::value::Value;
pub use runtime::vm;
