//! Copy-and-patch for interpreters written in Rust.
//!
//! [`stencil!`] compiles the C bodies of micro-operations (uops) while rustc expands it. At run time this crate copies their
//! machine code and fills in its holes, without a compiler or an assembler.
#![doc = include_str!("first_screen.md")]
//!
//! [`stencil!`] documents the grammar and the expansion of a block. Of the other items, [`Code`] is a compiled program,
//! [`Arena`] is memory for many programs, and an [`Assembler`] builds one program after another without allocation. [`Listing`]
//! shows a program's machine code, [`AddressTable`] maps a fault to its instruction, and [`Error`] lists what can fail. Below
//! them, [`Emitter`] is a cursor that emit functions write at, [`patch`] computes the fields that they fill in, and [`Stencil`]
//! describes a uop's machine code.
//!
//! The module `guide` is a short book about writing interpreters with this crate.
//!
//! The method is that of Xu and Kjolstad, *Copy-and-Patch Compilation* (OOPSLA 2021).

extern crate self as stencil_runtime;

mod address;
mod address_table;
mod arena;
mod assembler;
mod batch;
mod block;
#[doc(hidden)]
pub mod builtins;
mod catalog;
mod code;
mod constant;
mod convention;
mod described;
mod emit;
mod entry;
mod error;
mod exit;
mod extent;
mod feature;
mod fragment;
#[cfg(any(doc, doctest))]
pub mod guide;
mod interpreter;
mod label;
mod link;
mod listing;
mod lockstep;
mod memory;
mod operand;
pub mod patch;
mod program;
mod stencil;
mod uop;
mod vector;
mod written;

pub use address::CodeAddress;
pub use address_table::AddressTable;
pub use arena::{Arena, ArenaOptions, ArenaStats};
pub use assembler::Assembler;
pub use batch::Batch;
pub use code::{Code, Compiled};
pub use emit::{Address, Emitter, Fresh, Memory, Reused};
pub use entry::{Entry, EntryPoint};
pub use error::Error;
pub use exit::CodeExit;
pub use fragment::{Fragment, FragmentEntry};
pub use interpreter::Interpreter;
pub use label::{Label, LabelAllocator, Labels};
pub use listing::{ListedLine, ListedUop, Listing};
pub use lockstep::{Comparison, Difference, Lockstep, Mismatch};
pub use memory::Mapping;
pub use operand::{Operand, Words};
pub use program::{Instruction, Machine};
pub use stencil::{Abi, Body, Family, Hole, Patch, PatchKind, Section, Stencil, Value};
pub use uop::Uop;
pub use vector::VectorOperand;

/// Items for expansions of [`stencil!`] alone.
#[doc(hidden)]
pub mod expansion {
    pub use crate::catalog::{Catalog, Stored};
    pub use crate::constant::Pointer;
    pub use crate::convention::Convention;
    pub use crate::described::Link;
    pub use crate::emit::copy;
    pub use crate::exit::aligned;
    pub use crate::feature::Feature;
    pub use crate::interpreter::Handler;
    pub use crate::lockstep::Observer;
    pub use crate::uop::{Function, Shape};
    pub use ::{core, std};
    pub use stencil_macros::{stencil_for_any_target, stencil_for_target};

    /// The first segments of all paths in an expansion, which the user's names cannot shadow. Each block imports them with a
    /// glob, because two globs in one module do not conflict.
    pub mod roots {
        pub use crate as __stencil_runtime;
        pub use ::core as __stencil_core;
    }

    /// The body of a function of a block with mistakes, which rustc rejects.
    pub fn unreachable() -> ! {
        unreachable!("a block with mistakes does not compile")
    }

    /// States that a machine's registers and result are those of the function type `Here` where a block continues it.
    #[diagnostic::on_unimplemented(
        message = "this block continues the machine with other registers, or another result, than it was declared with",
        label = "here it has those of `{Here}`",
        note = "it was declared with those of `{Self}`"
    )]
    pub trait Declared<Here> {}
    impl<Registers> Declared<Registers> for Registers {}

    /// A type that the macro knows by name is `Expected`, as it took it to be.
    #[diagnostic::on_unimplemented(
        message = "C takes this type for `{Expected}`, but here it is `{Self}`",
        label = "`{Self}` under the name of `{Expected}`",
        note = "`stencil!` knows types by name: remove the other type of this name from the scope, or use its own name"
    )]
    pub trait Is<Expected: ?Sized> {}
    impl<T: ?Sized> Is<T> for T {}

    /// Compiles only if both types are one.
    pub const fn assert_type<Found: Is<Expected> + ?Sized, Expected: ?Sized>() {}

    /// A type, provided that a constant can be evaluated.
    pub trait Given<const CONSTANT: usize> {
        /// The type.
        type Itself;
    }
    impl<T, const CONSTANT: usize> Given<CONSTANT> for T {
        type Itself = T;
    }
}
