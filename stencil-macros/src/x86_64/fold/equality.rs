//! What registers hold, and which ones are equal: facts that make instructions redundant.
//!
//! A comparison tells something about registers on the way on which they are equal. A compiler knows that too: of two registers it
//! passes the same one on twice, and of a register that is zero it passes the number on.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::flow::{self, Next};
use super::step::Step;
use super::value::{Operand, Value};
use crate::instruction::{Effects, Registers};

/// The lower `bits` of a register equal those of a value: a copy of another register, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Equality {
    value: Value,
    bits: u32,
}

/// What is known before an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// By the number of the register: what an instruction has set it to.
    contents: [Option<Value>; 16],
    /// By the number of the register: what a comparison says.
    equal: [Option<Equality>; 16],
    /// The registers whose upper halves are zero.
    extended: Registers,
    /// What holds for the register with this number if the zero flag is set.
    if_zero: Option<(usize, Equality)>,
}

/// Returns the facts before each instruction.
pub fn facts(steps: &[Step], effects: &[Effects], next: &[Next], operands: &[Operand]) -> Vec<Facts> {
    flow::forward(
        next,
        Facts::default(),
        |index, facts| facts.after(&steps[index], effects[index], operands),
        |index, position, facts| if next[index].if_zero == Some(position) { facts.if_zero() } else { facts },
        Facts::merged,
    )
}

impl Facts {
    /// Returns how many of the lower bits of a register are known to equal those of a value: 0, 32 or 64.
    pub fn equal_bits(&self, register: Register, value: &Value) -> u32 {
        let Some(number) = flow::number(register) else { return 0 };
        if value.copied() == Some(register) || self.contents[number] == Some(*value) {
            return 64;
        }
        let compared = |of: usize, value: &Value| {
            self.equal[of].filter(|equality| equality.value == *value).map_or(0, |equality| equality.bits)
        };
        let mut bits = compared(number, value);
        if let Some(copied) = value.copied()
            && let Some(other) = flow::number(copied)
        {
            let back = Value::copy(register);
            let contents = self.contents[other];
            let same = contents == Some(back) || contents.is_some() && contents == self.contents[number];
            bits = bits.max(compared(other, &back)).max(if same { 64 } else { 0 });
        }
        bits
    }

    /// Returns whether the upper half of a register is known to be zero.
    pub fn is_extended(&self, register: Register) -> bool {
        self.extended.intersects(Registers::of(register))
    }

    fn merged(&self, other: &Self) -> Self {
        fn both<T: Copy + PartialEq>(a: Option<T>, b: Option<T>) -> Option<T> {
            a.filter(|_| a == b)
        }
        Self {
            contents: std::array::from_fn(|number| both(self.contents[number], other.contents[number])),
            equal: std::array::from_fn(|number| both(self.equal[number], other.equal[number])),
            extended: self.extended.common(other.extended),
            if_zero: both(self.if_zero, other.if_zero),
        }
    }

    /// Returns the facts where the zero flag is set.
    fn if_zero(mut self) -> Self {
        if let Some((number, equality)) = self.if_zero {
            self.equal[number] = Some(equality);
        }
        self
    }

    fn after(&self, step: &Step, effects: Effects, operands: &[Operand]) -> Self {
        let mut facts = *self;
        let set = match step.number() {
            Some((register, number)) => Some((register, Value::number(number))),
            None => step.definition(&self.contents, operands),
        };
        let copied = step.copies(64).is_some_and(|(_, source)| self.is_extended(source));
        facts.forget(effects.writes);
        facts.extended = facts.extended.without(effects.writes).with(effects.extends);
        if let Some((register, value)) = set
            && let Some(number) = flow::number(register)
        {
            // A sum of what the register held before says nothing about what it holds now.
            let of_itself = value.base.is_some_and(|base| effects.writes.intersects(Registers::of(base)));
            facts.contents[number] = Some(value).filter(|_| !of_itself);
            if copied {
                facts.extended = facts.extended.with(Registers::of(register));
            }
        }
        if effects.writes.intersects(Registers::FLAGS) {
            facts.if_zero =
                tested(step, operands).and_then(|(register, equality)| Some((flow::number(register)?, equality)));
        }
        facts
    }

    /// Removes what depends on registers.
    fn forget(&mut self, written: Registers) {
        let depends = |value: &Value| value.base.is_some_and(|base| written.intersects(Registers::of(base)));
        // Sets have room for the registers of other instruction sets.
        let known = self.contents.len();
        for number in written.numbers().take_while(|number| *number < known) {
            (self.contents[number], self.equal[number]) = (None, None);
        }
        for known in &mut self.contents {
            *known = known.filter(|value| !depends(value));
        }
        for known in &mut self.equal {
            *known = known.filter(|equality| !depends(&equality.value));
        }
        self.if_zero = self.if_zero.filter(|(number, equality)| {
            !depends(&equality.value) && written.numbers().all(|written| written != *number)
        });
    }
}

/// Returns what holds for a register after an instruction that has set the zero flag.
fn tested(step: &Step, operands: &[Operand]) -> Option<(Register, Equality)> {
    let instruction = &step.instruction;
    let first = instruction.op0_register();
    let bits = if first.is_gpr64() {
        64
    } else if first.is_gpr32() {
        32
    } else {
        return None;
    };
    if step.deleted || instruction.op0_kind() != OpKind::Register {
        return None;
    }
    let register = first.full_register();
    if instruction.mnemonic() == Mnemonic::Cmp
        && let [filled] = step.fills.as_slice()
    {
        let value = filled.immediate(bits, is_short(instruction.op1_kind()), operands)?;
        return Some((register, Equality { value, bits }));
    }
    if !step.fills.is_empty() {
        return None;
    }
    let number = |number: i64| Value::number(if bits == 32 { i64::from(number as u32) } else { number });
    let equality = match (instruction.mnemonic(), instruction.op1_kind()) {
        (Mnemonic::Cmp, OpKind::Register) => {
            Equality { value: Value::copy(instruction.op1_register().full_register()), bits }
        }
        (Mnemonic::Cmp, _) => Equality { value: number(instruction.try_immediate(1).ok()? as i64), bits },
        (Mnemonic::Test, OpKind::Register) if instruction.op1_register() == first => {
            Equality { value: Value::number(0), bits }
        }
        _ if sets_zero_flag_by_result(instruction) => Equality { value: Value::number(0), bits: 64 },
        _ => return None,
    };
    Some((register, equality))
}

/// Whether an immediate has 8 bits, which the processor extends with their sign.
fn is_short(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate8to32 | OpKind::Immediate8to64)
}

/// Whether an instruction sets the zero flag if its first operand, which it writes, becomes zero. Shifts do not: by a count of 0, they
/// keep the flags.
fn sets_zero_flag_by_result(instruction: &Instruction) -> bool {
    use Mnemonic::{Adc, Add, And, Dec, Inc, Neg, Or, Sbb, Sub, Xor};
    matches!(instruction.mnemonic(), Adc | Add | And | Dec | Inc | Neg | Or | Sbb | Sub | Xor)
}
