//! Integer comparisons. A following branch absorbs a comparison; otherwise it becomes a value.

use stencil_runtime::Label;

use super::Function;
use super::place::{IN_SLOT, Operand, Uop};
use super::shape::Value;
use crate::module::types::ValueType;
use crate::uop::Wasm;

/// A comparison of integers that has not been emitted yet.
#[derive(Clone, Copy)]
pub(super) enum Comparison {
    /// A register with an operand, by the relation at an index of [`RELATIONS`].
    Relation { relation: usize, a: usize, b: Operand },
    /// A value in a register or a slot with zero, for equality (`is`) or inequality.
    Zero { ty: ValueType, place: usize, slot: u32, is: bool },
}

type Jump = fn(usize, usize, u32, i32, Label) -> Uop;

/// Each relation as a value and as a jump, the index of its negation, and the index of the relation that holds with the
/// operands exchanged. The relations of `i64` come after those of `i32`.
const RELATIONS: [(Value, Jump, usize, usize); 20] = [
    (Wasm::i32_eq, Wasm::jump_i32_eq, 1, 0),
    (Wasm::i32_ne, Wasm::jump_i32_ne, 0, 1),
    (Wasm::i32_lt_s, Wasm::jump_i32_lt_s, 8, 4),
    (Wasm::i32_lt_u, Wasm::jump_i32_lt_u, 9, 5),
    (Wasm::i32_gt_s, Wasm::jump_i32_gt_s, 6, 2),
    (Wasm::i32_gt_u, Wasm::jump_i32_gt_u, 7, 3),
    (Wasm::i32_le_s, Wasm::jump_i32_le_s, 4, 8),
    (Wasm::i32_le_u, Wasm::jump_i32_le_u, 5, 9),
    (Wasm::i32_ge_s, Wasm::jump_i32_ge_s, 2, 6),
    (Wasm::i32_ge_u, Wasm::jump_i32_ge_u, 3, 7),
    (Wasm::i64_eq, Wasm::jump_i64_eq, 11, 10),
    (Wasm::i64_ne, Wasm::jump_i64_ne, 10, 11),
    (Wasm::i64_lt_s, Wasm::jump_i64_lt_s, 18, 14),
    (Wasm::i64_lt_u, Wasm::jump_i64_lt_u, 19, 15),
    (Wasm::i64_gt_s, Wasm::jump_i64_gt_s, 16, 12),
    (Wasm::i64_gt_u, Wasm::jump_i64_gt_u, 17, 13),
    (Wasm::i64_le_s, Wasm::jump_i64_le_s, 14, 18),
    (Wasm::i64_le_u, Wasm::jump_i64_le_u, 15, 19),
    (Wasm::i64_ge_s, Wasm::jump_i64_ge_s, 12, 16),
    (Wasm::i64_ge_u, Wasm::jump_i64_ge_u, 13, 17),
];

impl Comparison {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Relation { relation, a, b } => Self::Relation { relation: RELATIONS[relation].2, a, b },
            Self::Zero { ty, place, slot, is } => Self::Zero { ty, place, slot, is: !is },
        }
    }

    /// The jump that is taken if the comparison holds.
    pub(super) fn jump(self, label: Label) -> Uop {
        match self {
            Self::Relation { relation, a, b } => RELATIONS[relation].1(a, b.place, b.slot, b.imm, label),
            Self::Zero { ty, place, slot, is } => match (ty, is) {
                (ValueType::I64, true) => Wasm::jump_i64_eqz(place, slot, label),
                (ValueType::I64, false) => Wasm::jump_i64_nez(place, slot, label),
                (_, true) => Wasm::jump_i32_eqz(place, slot, label),
                (_, false) => Wasm::jump_i32_nez(place, slot, label),
            },
        }
    }
}

impl Function<'_, '_> {
    pub(super) fn compare(&mut self, mut relation: usize) {
        let (a, b) = self.operands(|| {
            relation = RELATIONS[relation].3;
            true
        });
        self.comparison = Some(Comparison::Relation { relation, a, b });
    }

    pub(super) fn equals_zero(&mut self, ty: ValueType) {
        self.comparison = Some(match self.comparison.take() {
            Some(comparison) => comparison.negated(),
            None => self.zero(ty, true),
        });
    }

    /// Pops the condition on top of the stack as a comparison.
    pub(super) fn condition(&mut self) -> Comparison {
        match self.comparison.take() {
            Some(comparison) => comparison,
            None => self.zero(ValueType::I32, false),
        }
    }

    /// Pops the top of the stack and compares it with zero.
    pub(super) fn zero(&mut self, ty: ValueType, is: bool) -> Comparison {
        let entry = self.stack.pop();
        let (place, slot) = self.slot_or_register(entry);
        Comparison::Zero { ty, place, slot, is }
    }

    pub(super) fn materialize(&mut self, comparison: Comparison) {
        match comparison {
            Comparison::Relation { relation, a, b } => {
                self.result(RELATIONS[relation].0(a, b.place, b.slot, b.imm), ValueType::I32, a);
            }
            Comparison::Zero { ty, place, slot, is } => {
                let register = if place == IN_SLOT { self.vacate(ty) } else { place };
                let uop = if ty == ValueType::I64 { Wasm::i64_eqz } else { Wasm::i32_eqz };
                self.result(uop(register, place, slot), ValueType::I32, register);
                if !is {
                    // The second of two `eqz` is 1 if the value is not zero.
                    let register = self.pop_register();
                    self.result(Wasm::i32_eqz(register, register, 0), ValueType::I32, register);
                }
            }
        }
    }
}
