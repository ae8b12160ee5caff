//! Absolute addresses of 32 bits, which the executable may be beyond.

use iced_x86::{Code, Instruction, OpKind, Register};

use super::pass::Pass;
use super::rules::Field;
use super::{Fill, Filled, Reference, To};
use crate::instruction::{self, Effects};

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
                // A table, at an address plus one register.
                _ if instruction.memory_base() == Register::None
                    && self.function.decoded[origin].is_displacement(*offset) =>
                {
                    let Effects { reads, writes, .. } = self.effects[index];
                    let taken = self.live_after[index].with(reads).with(writes);
                    let Some(free) = taken.absent() else { continue };
                    let Ok(whole) = whole(free) else { continue };
                    let mut new = instruction;
                    new.set_memory_base(free);
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
