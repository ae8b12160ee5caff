//! Loads of operands become immediates, displacements and shift counts.
//!
//! C declares an operand as a variable that is never defined, and its body loads it. To a compiler the value is unknown, and
//! nothing more. The variable is a slot of the stencil's data, which is patched. This pass finds the instructions that read such a
//! variable, and puts the operand into the instructions themselves:
//!
//! - An operation on the variable gets an immediate.
//! - A register that was loaded from the variable holds a known value until it is set again. An instruction that reads the register gets
//!   an immediate or a displacement. If all of them do, the load is deleted; else it becomes a `mov` of an immediate.
//!
//! The pass replaces what it can prove and keeps the other loads, which are right for every value. A value is known where all paths
//! to an instruction agree on it. A register is dead where no path from an instruction reads it; its upper half may be dead alone. A rule
//! keeps the flags, or they are dead. A field takes all values of the operand, except displacements of a `u32` (see
//! [`Operand::may_be_refused`]).
//!
//! Instructions that change nothing are deleted as well: what folding leaves behind, and what a compiler derives from a comparison. On the
//! path where two registers are equal, it passes one of them on twice, which takes a `mov` that a uop does not need.
//!
//! `value` describes the contents of registers and what fits into fields, `flow` follows values and flags, `step` is an instruction,
//! `rules` rewrites instructions, `conditions` exchanges the operands of comparisons, `equality` collects what comparisons say,
//! `redundant` deletes, `moves` saves copies, `pass` applies all of them in order, and `encode` writes bytes.

mod conditions;
mod encode;
mod equality;
mod flow;
mod moves;
mod pass;
mod redundant;
mod rules;
mod step;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

pub use encode::Replacement;
pub use value::Operand;

use crate::instruction::{Effects, Instruction, Registers};
use crate::model::PatchKind;
use pass::Pass;

/// The values of the short fields that instructions have beside those for all values, the narrowest ones first.
pub const SHORT: [(i64, i64); 2] = [(i8::MIN as i64, i8::MAX as i64), (i32::MIN as i64, i32::MAX as i64)];

/// A function whose loads are to be folded.
pub struct Function<'a> {
    pub code: &'a [u8],
    pub decoded: &'a [Instruction],
    /// The operands of the uop, by index.
    pub operands: &'a [Operand],
    /// All relocated fields, in the order of their offsets.
    pub references: &'a [Reference],
    /// The registers that are live where control leaves the function by the instruction with this index.
    pub leaves: &'a dyn Fn(usize) -> Registers,
    /// The effects of the call at the instruction with this index.
    pub calls: &'a dyn Fn(usize) -> Effects,
    /// Whether a load of 64 bits that has to stay becomes an immediate.
    pub wide_immediates: bool,
}

/// A relocated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub offset: usize,
    pub to: To,
}

/// The target of a relocated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Memory at an offset from the variable of an operand, relative to the next instruction.
    Variable { operand: usize, at: i64 },
    /// An absolute address in 32 bits, which may not be enough.
    Address,
    /// Anything else.
    Other,
}

/// The new content of a field of a changed instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// An operand.
    Operand { operand: usize, kind: PatchKind, addend: i64 },
    /// The whole address that the reference with this index has 32 bits of.
    Address { reference: usize },
    /// The content of the reference with this index; `rest` is added to its addend.
    Kept { reference: usize, rest: i64 },
}

/// A field, and what goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    field: rules::Field,
    fill: Fill,
}

/// The result of the pass.
#[derive(Debug, Default)]
pub struct Folded {
    /// The code; instructions without a replacement may differ in their condition.
    pub code: Vec<u8>,
    /// By the index of the instruction.
    pub replacements: HashMap<usize, Replacement>,
}

/// Folds the loads of a function, and removes what is redundant. All its jumps go where the decoder says, or out of it.
///
/// # Errors
/// Fails if an instruction cannot be encoded, which is a mistake in a rule.
pub fn fold(function: &Function) -> Result<Folded, String> {
    let mut pass = Pass::new(function);
    pass.addresses();
    pass.variables();
    // A change may make further values known, which the next round finds. Each round changes at least one instruction.
    while pass.round() || pass.redundant() || pass.coalesce() || pass.refusals() {}
    pass.remaining_loads();
    if let Some(operand) = pass.unfounded() {
        // It takes all its values then.
        let mut operands = function.operands.to_vec();
        operands[operand].may_be_refused = false;
        return fold(&Function { operands: &operands, ..*function });
    }
    pass.finish()
}
