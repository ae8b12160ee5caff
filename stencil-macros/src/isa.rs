//! The seam between the phases of the macro and instruction sets.
//!
//! The phases know machine code in the form that `instruction` defines, and ask the instruction set for the rest. Each of
//! the items below concerns one question; another instruction set is a module that answers the same ones, beside `x86_64`.

/// What instructions do: bytes to [`crate::instruction::Instruction`]. And the assembly text of bytes, with names in the
/// place of fields.
pub use crate::x86_64::{decode::decode, listing::disassemble};

/// Jumps: their conditions, their sizes, when a short one reaches, and their bytes. A `lea` as a load from a slot.
pub use crate::x86_64::jump::{
    JUMP_ADDEND, condition, ends_with_jump, jump_size, lea_to_load, negated, push_jump, reaches,
};

/// Relocations of ELF: what each type computes, and which instruction set a file is for.
pub use crate::x86_64::relocation::{MACHINE, relocation, set_displacement};

/// Registers of the calling conventions, how many a machine can have, and which it can leave to bodies.
pub use crate::x86_64::registers::{
    C_CALL_READS, LOST_IN_CALLS, MAX_INTEGERS, MAX_VECTORS, RESERVED, RESULTS, SCRATCH, STACK, Scratch,
    narrow_parameters, parameters,
};

/// Values of operands as parts of instructions.
pub use crate::x86_64::fold;

/// Calling conventions, read from machine code.
pub use crate::x86_64::probe;

/// Names in messages and in Rust, and the feature that a vector's registers need.
pub use crate::x86_64::{NAME, needs_feature, vector};
