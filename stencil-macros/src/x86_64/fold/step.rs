//! One instruction on its way through the pass, and what it sets its register to.

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

use super::flow::{self, State};
use super::rules::Field;
use super::value::{Operand, Value};
use super::{Fill, Filled, Reference, To};
use crate::instruction;
use crate::model::PatchKind;

/// An instruction on its way.
pub struct Step {
    pub instruction: Instruction,
    /// The index of the original instruction that it is, or is in front of.
    pub origin: usize,
    pub fills: Vec<Filled>,
    /// The variable that its memory operand is, and the offset in it.
    pub variable: Option<(usize, i64)>,
    /// The register that it sets to a known value.
    pub defines: Option<(Register, Value)>,
    pub changed: bool,
    pub deleted: bool,
}

impl Step {
    pub fn new(
        origin: usize,
        item: &instruction::Instruction,
        instruction: Instruction,
        references: &[Reference],
    ) -> Self {
        let first = references.partition_point(|reference| reference.offset < item.start);
        let own = references[first..].iter().take_while(|reference| reference.offset < item.end);
        let mut step = Self::inserted(origin, instruction, Vec::new());
        step.changed = false;
        for (index, reference) in own.enumerate() {
            let displacement = item.is_displacement(reference.offset);
            let field = if displacement { Field::Displacement } else { Field::Immediate };
            let relative = displacement && item.is_relative();
            let rest = if relative { item.rest(reference.offset) } else { 0 };
            step.fills.push(Filled { field, fill: Fill::Kept { reference: first + index, rest } });
            if let To::Variable { operand, at } = reference.to
                && relative
            {
                step.variable = Some((operand, at));
            }
        }
        step
    }

    /// Returns an instruction that was not there before, in front of an original one.
    pub fn inserted(origin: usize, instruction: Instruction, fills: Vec<Filled>) -> Self {
        Self { instruction, origin, fills, variable: None, defines: None, changed: true, deleted: false }
    }

    /// Returns whether two operands are registers and there are no others.
    fn is_between_registers(&self) -> bool {
        let instruction = &self.instruction;
        instruction.op_count() == 2
            && instruction.op0_kind() == OpKind::Register
            && instruction.op1_kind() == OpKind::Register
    }

    /// Returns the registers of a copy, the target first, if the instruction copies all 64 bits of a general register, or, with `bits`
    /// of 32, the lower half, and clears the upper one.
    pub fn copies(&self, bits: u32) -> Option<(Register, Register)> {
        let copies = match self.instruction.code() {
            Code::Mov_r64_rm64 | Code::Mov_rm64_r64 => bits == 64,
            Code::Mov_r32_rm32 | Code::Mov_rm32_r32 => bits == 32,
            _ => false,
        };
        let (target, source) = (self.instruction.op0_register(), self.instruction.op1_register());
        (copies && !self.deleted && self.is_between_registers())
            .then(|| (target.full_register(), source.full_register()))
    }

    /// Returns the register that the instruction sets to a number, with that number.
    pub fn number(&self) -> Option<(Register, i64)> {
        let instruction = &self.instruction;
        let target = instruction.op0_register();
        if self.deleted || !self.fills.is_empty() || !(target.is_gpr32() || target.is_gpr64()) {
            return None;
        }
        let number = match (instruction.mnemonic(), instruction.op1_kind()) {
            (Mnemonic::Xor | Mnemonic::Sub, OpKind::Register) if instruction.op1_register() == target => 0,
            (Mnemonic::Mov, _) if instruction.op0_kind() == OpKind::Register => {
                let number = instruction.try_immediate(1).ok()? as i64;
                if target.is_gpr32() { i64::from(number as u32) } else { number }
            }
            _ => return None,
        };
        Some((target.full_register(), number))
    }

    /// Returns the register that the instruction sets to a known value, with that value, after this state.
    pub fn definition(&self, state: &State, operands: &[Operand]) -> Option<(Register, Value)> {
        if self.deleted {
            return None;
        }
        if self.defines.is_some() {
            return self.defines;
        }
        let instruction = &self.instruction;
        let (first, second) = (instruction.op0_register(), instruction.op1_register());
        let target = first.full_register();
        let known = |register: Register| state[flow::number(register)?];
        let value = match (instruction.code(), self.variable) {
            (code, Some((operand, 0))) => {
                let (read, bits, signed) = match code {
                    Code::Mov_r64_rm64 => (64, 64, false),
                    Code::Mov_r32_rm32 => (32, 32, false),
                    Code::Movzx_r32_rm16 | Code::Movzx_r64_rm16 => (16, 16, false),
                    Code::Movzx_r32_rm8 | Code::Movzx_r64_rm8 => (8, 8, false),
                    Code::Movsxd_r64_rm32 => (32, 64, true),
                    Code::Movsx_r64_rm16 => (16, 64, true),
                    Code::Movsx_r64_rm8 => (8, 64, true),
                    Code::Movsx_r32_rm16 => (16, 32, true),
                    Code::Movsx_r32_rm8 => (8, 32, true),
                    _ => return None,
                };
                Value::loaded(operands, operand, read, bits, signed)?
            }
            (_, Some(_)) => return None,
            (Code::Mov_r64_rm64 | Code::Mov_rm64_r64, None) if self.is_between_registers() => Value::copy(second),
            (Code::Add_rm64_imm8 | Code::Add_rm64_imm32, None) if instruction.op0_kind() == OpKind::Register => {
                let [filled] = self.fills.as_slice() else { return None };
                filled.sum(first, instruction.code() == Code::Add_rm64_imm8)?
            }
            (Code::Lea_r64_m, None) => {
                let (base, index) = (instruction.memory_base(), instruction.memory_index());
                if index != Register::None || flow::number(base).is_none() {
                    return None;
                }
                match self.fills.as_slice() {
                    [] => Value { number: instruction.memory_displacement64() as i64, ..Value::copy(base) },
                    [filled] => filled.sum(base, instruction.memory_displ_size() == 1)?,
                    _ => return None,
                }
            }
            // A sum that is no `lea`, since the operand may not fit one.
            (Code::Add_r64_rm64 | Code::Add_rm64_r64, None) if self.is_between_registers() => {
                let constant = |register| known(register).filter(|value| value.base.is_none() && value.bits == 64);
                match (constant(first), constant(second)) {
                    (Some(value), None) => Value { base: Some(second), ..value },
                    (None, Some(value)) => Value { base: Some(first), ..value },
                    _ => return None,
                }
            }
            _ => return None,
        };
        // The stack pointer cannot be an index, and what is at it moves.
        (value.base != Some(Register::RSP) && target != Register::RSP).then_some((target, value))
    }
}

impl Filled {
    /// Returns the operand's part of an immediate or a displacement that the processor extends to 64 bits with its sign; `short` if
    /// from 8 bits. None if the field holds something else, or less than the operand.
    fn signed(&self, short: bool) -> Option<Value> {
        let Fill::Operand { operand, kind, addend } = self.fill else { return None };
        let factor = match kind {
            PatchKind::Low32 | PatchKind::Abs32S => 1,
            PatchKind::Scaled32(factor) => factor,
            // In a field of 32 bits, these are the low bits, extended with zeros.
            PatchKind::Low8 if short => 1,
            PatchKind::Scaled8(factor) if short => factor,
            _ => return None,
        };
        Some(Value { operand: Some(operand), factor, ..Value::number(addend) })
    }

    /// Returns the immediate that an operation of 32 or 64 bits takes from the field.
    pub fn immediate(&self, bits: u32, short: bool, operands: &[Operand]) -> Option<Value> {
        self.signed(short)?.cut(bits, operands)
    }

    /// Returns the sum of a register and the field.
    fn sum(&self, base: Register, short: bool) -> Option<Value> {
        Some(Value { base: Some(base), ..self.signed(short)? })
    }
}
