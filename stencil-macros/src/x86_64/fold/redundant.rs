//! Instructions that change nothing: a register gets what it holds, or something that nothing reads.

use iced_x86::{Mnemonic, OpKind};

use super::equality;
use super::pass::Pass;
use super::value::Value;
use crate::instruction::Registers;

impl Pass<'_> {
    /// Deletes instructions that change nothing. Whether there were any.
    pub fn redundant(&mut self) -> bool {
        let mut changed = false;
        while let Some(index) = self.first_redundant() {
            self.delete(index);
            self.analyze();
            changed = true;
        }
        changed
    }

    fn first_redundant(&self) -> Option<usize> {
        let facts = equality::facts(&self.steps, &self.effects, &self.next, &self.operands);
        (0..self.steps.len()).find(|&index| {
            let flags = self.effects[index].writes.intersects(Registers::FLAGS)
                && self.live_after[index].intersects(Registers::FLAGS);
            !self.steps[index].deleted && !flags && (self.is_dead(index) || self.changes_nothing(index, &facts[index]))
        })
    }

    /// Whether a register gets what it holds.
    fn changes_nothing(&self, index: usize, facts: &equality::Facts) -> bool {
        let step = &self.steps[index];
        let upper_is_dead = |register| !self.live_after[index].intersects(Registers::high(register));
        if let Some((target, source)) = step.copies(32) {
            let same = facts.equal_bits(target, &Value::copy(source)) >= 32;
            return same && (facts.is_extended(target) || upper_is_dead(target));
        }
        let constant = || step.definition(&[None; 16], &self.operands).filter(|(_, value)| value.base.is_none());
        let (target, value) = match (step.copies(64), step.number()) {
            (Some((target, source)), _) => (target, Value::copy(source)),
            (None, Some((target, number))) => (target, Value::number(number)),
            (None, None) => {
                let Some(known) = constant() else { return false };
                known
            }
        };
        match facts.equal_bits(target, &value) {
            64 => true,
            32 => upper_is_dead(target),
            _ => false,
        }
    }

    /// Whether an instruction does nothing but set a general register that nothing reads.
    fn is_dead(&self, index: usize) -> bool {
        use Mnemonic::{
            Adc, Add, And, Cdqe, Dec, Inc, Lea, Mov, Movsx, Movsxd, Movzx, Neg, Not, Or, Sar, Sbb, Shl, Shr, Sub, Xor,
        };
        let (step, writes) = (&self.steps[index], self.effects[index].writes);
        let instruction = &step.instruction;
        let plain = matches!(
            instruction.mnemonic(),
            Adc | Add
                | And
                | Cdqe
                | Dec
                | Inc
                | Lea
                | Mov
                | Movsx
                | Movsxd
                | Movzx
                | Neg
                | Not
                | Or
                | Sar
                | Sbb
                | Shl
                | Shr
                | Sub
                | Xor
        );
        // Whatever else is in memory may be volatile.
        let memory = (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
        let harmless = !memory || step.variable.is_some() || instruction.mnemonic() == Mnemonic::Lea;
        let writes_register = writes.without(Registers::FLAGS) != Registers::NONE;
        plain && harmless && writes_register && !self.live_after[index].intersects(writes.without(Registers::FLAGS))
    }
}
