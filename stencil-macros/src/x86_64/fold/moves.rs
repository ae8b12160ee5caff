//! Copies at the end of a value's life: the value is computed where it is wanted.
//!
//! `lea 5(%r13), %rax; mov %rax, %r13` is `lea 5(%r13), %r13` where nothing reads `rax` later. All instructions from the one that sets the
//! copied register to the copy use the target instead. They have to be one straight path, which does not use the target for anything
//! else.

use iced_x86::{Code, Instruction, OpKind, Register};

use super::encode;
use super::flow;
use super::pass::Pass;
use crate::instruction::Registers;

impl Pass<'_> {
    /// Deletes copies by computing values in their targets. Whether there were any.
    pub fn coalesce(&mut self) -> bool {
        let mut changed = false;
        for index in 0..self.steps.len() {
            if self.coalesce_copy(index).is_some() {
                self.analyze();
                changed = true;
            }
        }
        changed
    }

    fn coalesce_copy(&mut self, copy: usize) -> Option<()> {
        let step = &self.steps[copy];
        let (target, source) = step.copies(64).or_else(|| step.copies(32))?;
        let half = step.copies(32).is_some();
        let (to, from) = (Registers::of(target), Registers::of(source));
        let dead = !self.live_after[copy].intersects(from);
        if target == source || !dead || [target, source].contains(&Register::RSP) {
            return None;
        }
        let mut renamed = Vec::new();
        let mut first = copy;
        // Whether the last instruction that sets the source clears the upper half, as the copy does.
        let mut clears = None;
        loop {
            if self.is_joined(first) {
                return None;
            }
            first = first.checked_sub(1)?;
            if self.next[first].within != [first + 1] || self.next[first].leaves.is_some() {
                return None;
            }
            if self.steps[first].deleted {
                continue;
            }
            if flow::is_call(&self.steps[first].instruction) {
                return None;
            }
            let effects = self.effects[first];
            let sets = effects.kills.intersects(from) && !effects.reads.intersects(from);
            if effects.writes.intersects(to) || effects.reads.intersects(to) && !sets {
                return None;
            }
            if effects.writes.intersects(from) {
                clears.get_or_insert(effects.extends.intersects(from));
            }
            if effects.writes.with(effects.reads).intersects(from) {
                renamed.push((first, self.renamed(first, source, target)?));
            }
            if sets {
                break;
            }
        }
        if half && clears != Some(true) {
            let [(_, instruction)] = renamed.as_mut_slice() else { return None };
            *instruction = narrowed(instruction)?;
        }
        for (index, instruction) in renamed {
            let fills = self.steps[index].fills.clone();
            let defines = self.steps[index].defines.filter(|(_, value)| value.base != Some(source));
            self.change(index, instruction, fills);
            self.steps[index].defines = match defines {
                Some((register, value)) if register == source => Some((target, value)).filter(|_| !half),
                other => other,
            };
        }
        self.delete(copy);
        Some(())
    }

    /// Whether control reaches an instruction from elsewhere than from the one in front of it.
    fn is_joined(&self, index: usize) -> bool {
        self.next.iter().enumerate().any(|(from, next)| from + 1 != index && next.within.contains(&index))
    }

    /// An instruction with another register in the place of one, if that is all that changes.
    fn renamed(&mut self, index: usize, from: Register, to: Register) -> Option<Instruction> {
        use Register::{AH, BH, CH, DH};
        let mut new = self.steps[index].instruction;
        for operand in 0..new.op_count() {
            let register = new.op_register(operand);
            if new.op_kind(operand) == OpKind::Register && register.full_register() == from {
                if matches!(register, AH | BH | CH | DH) {
                    return None;
                }
                new.set_op_register(operand, same_part(register, to)?);
            }
        }
        if new.memory_base() == from {
            new.set_memory_base(to);
        }
        if new.memory_index() == from {
            new.set_memory_index(to);
        }
        // It may use registers that it does not name.
        let (old, effects) = (self.effects[index], self.effects_of(index, &new));
        let moved = |set: Registers| set.renamed(from, to);
        let same = effects.reads == moved(old.reads)
            && effects.writes == moved(old.writes)
            && effects.kills == moved(old.kills)
            && effects.extends == moved(old.extends);
        (same && encode::is_encodable(&new)).then_some(new)
    }
}

/// The part of a register that has the size of another one.
fn same_part(like: Register, of: Register) -> Option<Register> {
    let number = flow::number(of)? as u32;
    let first = match like.size() {
        8 => Register::RAX,
        4 => Register::EAX,
        2 => Register::AX,
        // Those of 8 bits have the upper halves of the first four in between.
        1 if number < 4 => Register::AL,
        1 => return Some(Register::SPL + (number - 4)),
        _ => return None,
    };
    Some(first + number)
}

/// An instruction that sets the lower half of a register as before, and clears the upper half.
fn narrowed(from: &Instruction) -> Option<Instruction> {
    let mut new = *from;
    new.set_code(match from.code() {
        Code::Movsx_r64_rm8 => Code::Movsx_r32_rm8,
        Code::Movsx_r64_rm16 => Code::Movsx_r32_rm16,
        Code::Movsxd_r64_rm32 => Code::Mov_r32_rm32,
        Code::Lea_r64_m => Code::Lea_r32_m,
        _ => return None,
    });
    new.set_op0_register(same_part(Register::EAX, from.op0_register().full_register())?);
    Some(new)
}
