//! Absolute addresses of 32 bits, which the executable may be beyond.

use iced_x86::{Code, Instruction, OpKind, Register};

use super::pass::Pass;
use super::rules::Field;
use super::{Fill, Filled, Reference, To};
use crate::instruction::{self, Effects};

/// Returns the form of an instruction that has a register in place of an immediate of 32 bits.
fn with_register(code: Code) -> Option<Code> {
    match code {
        Code::Mov_rm64_imm32 => Some(Code::Mov_rm64_r64),
        Code::Cmp_rm64_imm32 | Code::Cmp_RAX_imm32 => Some(Code::Cmp_rm64_r64),
        Code::Add_rm64_imm32 | Code::Add_RAX_imm32 => Some(Code::Add_rm64_r64),
        Code::Sub_rm64_imm32 | Code::Sub_RAX_imm32 => Some(Code::Sub_rm64_r64),
        Code::Pushq_imm32 => Some(Code::Push_r64),
        _ => None,
    }
}

impl Pass<'_> {
    /// Makes absolute addresses of 32 bits whole: in the register that they are moved to, or in one that is free.
    pub fn addresses(&mut self) {
        for (reference, Reference { offset, to }) in self.function.references.iter().enumerate() {
            let origin = instruction::index_at(self.function.decoded, *offset);
            if *to != To::Address || origin >= self.function.decoded.len() {
                continue;
            }
            let index = self.steps.partition_point(|step| step.origin < origin);
            let instruction = self.steps[index].instruction;
            let fill = Filled { field: Field::Immediate, fill: Fill::Address { reference } };
            let whole = |register| Instruction::with2(Code::Mov_r64_imm64, register, 0_u64);
            match instruction.code() {
                Code::Mov_r32_imm32 | Code::Mov_rm64_imm32 if instruction.op0_kind() == OpKind::Register => {
                    let Ok(whole) = whole(instruction.op0_register().full_register()) else { continue };
                    self.change(index, whole, vec![fill]);
                }
                // A pointer to a function that is stored, compared or passed.
                code if with_register(code).is_some() => {
                    let Some(code) = with_register(code) else { continue };
                    let Effects { reads, writes, .. } = self.effects[index];
                    let Some(free) = self.live_after[index].with(reads).with(writes).absent() else { continue };
                    let Ok(whole) = whole(free) else { continue };
                    let new = if code == Code::Push_r64 {
                        Instruction::with1(code, free)
                    } else if instruction.op0_kind() == OpKind::Register {
                        Instruction::with2(code, instruction.op0_register(), free)
                    } else {
                        let mut new = instruction;
                        new.set_immediate32to64(0);
                        new.set_code(code);
                        new.set_op1_kind(OpKind::Register);
                        new.set_op1_register(free);
                        Ok(new)
                    };
                    let Ok(new) = new else { continue };
                    self.change(index, new, Vec::new());
                    self.insert(index, whole, vec![fill]);
                    self.analyze();
                }
                // A table or a sum: the address plus one register.
                _ if self.function.decoded[origin].is_displacement(*offset)
                    && (instruction.memory_base() == Register::None
                        || instruction.memory_index() == Register::None) =>
                {
                    let Effects { reads, writes, .. } = self.effects[index];
                    let taken = self.live_after[index].with(reads).with(writes);
                    let Some(free) = taken.absent() else { continue };
                    let Ok(whole) = whole(free) else { continue };
                    let mut new = instruction;
                    if instruction.memory_base() == Register::None {
                        new.set_memory_base(free);
                    } else {
                        new.set_memory_index(free);
                        new.set_memory_index_scale(1);
                    }
                    new.set_memory_displ_size(0);
                    new.set_memory_displacement64(0);
                    self.change(index, new, Vec::new());
                    self.insert(index, whole, vec![fill]);
                    self.analyze();
                }
                _ => {}
            }
        }
        self.analyze();
    }
}
