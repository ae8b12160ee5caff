//! A WebAssembly engine on copy-and-patch: every instruction is a micro-operation with a C body. It runs WebAssembly 2.0
//! and, of 3.0, tail calls, multiple memories, 64-bit memories and tables, and extended constant expressions.
//!
//! A [`Program`] is a validated and compiled module. An [`Instance`] of it lives in a [`Store`], which owns its memories,
//! tables and globals. A [`Linker`] defines what a module imports from its host; [`wasi`] defines what command-line
//! programs import.
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
//! // A typed call checks its types once; an untyped call takes and returns values.
//! let add = instance.func(&store, "add")?.typed::<(i32, i32), i32>(&store)?;
//! assert_eq!(add.call(&store, (40, 2))?, 42);
//! assert_eq!(instance.call(&store, "add", &[40.into(), 2.into()])?, [Value::I32(42)]);
//! # Ok(())
//! # }
//! ```
//!
//! There is no `Engine` type: a store has its [`StoreLimits`], a module its [`Version`]. All methods take `&Store`, so that
//! host functions may use the store that calls them. Closures capture what they share with the rest of the embedder.
//!
//! Modules are not trusted. An invalid module is refused. A valid one reaches nothing but its own memories, tables and
//! globals, and its imports. [`StoreLimits`] bounds the memory that it may use, another thread can end it at any time
//! ([`InterruptHandle`]), and a callback can cancel its compilation ([`Program::with_progress`]).
//!
//! A module is decoded and validated ([`Module`]), lowered to uops and compiled to machine code ([`Program`]), and then
//! instantiated. [`Func`] calls from Rust into compiled code; host functions are called in the other direction. [`vm`] is
//! what both sides know of an instance.

mod embedding;
mod lower;
mod module;
mod program;
mod runtime;
pub mod uop;
pub mod wasi;
pub mod wast;

pub use embedding::linker::{Extern, Linker};
pub use embedding::typed::{HostResult, IntoHost, TypedFunc, WasmType, WasmTypes};
pub use module::Module;
pub use module::backtrace::{Backtrace, Frame};
pub use module::error::{Error, Limit, LimitExceeded};
pub use module::features::Version;
pub use module::progress::{Phase, Progress};
pub use module::trap::Trap;
pub use module::types::{
    AddressType, ExternType, FuncType, GlobalType, Limits, MemoryType, RefType, TableType, ValueType,
};
pub use program::{Program, ProgramOptions, Summary, Tier};
pub use runtime::extern_ref::ExternRef;
pub use runtime::func::Func;
pub use runtime::global::Global;
pub use runtime::host::{Caller, HostError};
pub use runtime::instance::Instance;
pub use runtime::interrupt::InterruptHandle;
pub use runtime::limits::StoreLimits;
pub use runtime::memory::Memory;
pub use runtime::store::Store;
pub use runtime::table::Table;
pub use runtime::value::Value;
pub use runtime::vm;
