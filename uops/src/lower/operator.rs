//! Operators: one line for each WebAssembly instruction, and what operators of a shape have in common.

use stencil_runtime::{Instruction, Label};
use wasmparser::{MemArg, Operator};

use super::stack::{Entry, Place};
use super::{Function, offset, trap_label};
use crate::error::Error;
use crate::trap::Trap;
use crate::types::ValueType;
use crate::uop::Wasm;

type Uop = Instruction<Wasm>;

/// The place numbers of families (`uop.h`): lower ones are registers.
const IN_SLOT: usize = 3;
const IN_IMM: usize = 4;

/// Offsets of memory instructions are displacements, to which the size of an access is added.
const MAX_DISPLACEMENT: u64 = i32::MAX as u64 - 16;

/// An integer operand as families take it: place, slot offset, constant.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    place: usize,
    slot: u32,
    imm: i32,
}

/// A comparison of integers that has not been emitted yet.
#[derive(Clone, Copy)]
pub(super) enum Comparison {
    /// Of a register with an operand, by the relation at an index of [`RELATIONS`].
    Relation { relation: usize, a: usize, b: Operand },
    /// Of a value, in a register or a slot, with zero: whether it is that, or is not.
    Zero { ty: ValueType, place: usize, slot: u32, is: bool },
}

type Value = fn(usize, usize, u32, i32) -> Uop;
type Jump = fn(usize, usize, u32, i32, Label) -> Uop;

/// Relations, as a value and as a jump, and the indices of that which holds when this does not, and of that which
/// holds with the operands exchanged. Those of `i64` come after those of `i32`.
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

    /// The jump that is taken if it holds.
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

impl Function<'_> {
    /// Lowers one operator.
    pub(super) fn operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        use ValueType::{F32, F64, I32, I64};
        if !self.reachable() {
            self.unreachable_operator(operator);
            return Ok(());
        }
        // A comparison becomes part of the branch that follows it, or else a value.
        if !matches!(operator, O::BrIf { .. } | O::If { .. } | O::I32Eqz)
            && let Some(comparison) = self.comparison.take()
        {
            self.materialize(comparison);
        }
        if self.comparison.is_none() {
            self.stack.unpin();
        }
        match *operator {
            // Control instructions.
            O::Nop => {}
            O::Unreachable => self.trap(Trap::Unreachable),
            O::Block { blockty } => self.block(blockty),
            O::Loop { blockty } => self.loop_(blockty),
            O::If { blockty } => self.if_(blockty),
            O::Else => self.alternative(),
            O::End => self.end(),
            O::Br { relative_depth } => self.br(relative_depth),
            O::BrIf { relative_depth } => self.br_if(relative_depth),
            O::BrTable { ref targets } => self.br_table(targets)?,
            O::Return => {
                self.return_();
                self.leave();
            }
            O::Call { function_index } => self.call(function_index),
            O::CallIndirect { type_index, table_index } => self.call_indirect(type_index, table_index),
            // Parametric and variable instructions.
            O::Drop => {
                self.stack.pop();
            }
            O::Select => self.select(),
            O::LocalGet { local_index } => self.stack.push_local(self.locals[local_index as usize], local_index),
            O::LocalSet { local_index } => self.local_set(local_index, false),
            O::LocalTee { local_index } => self.local_set(local_index, true),
            O::GlobalGet { global_index } => self.global_get(global_index),
            O::GlobalSet { global_index } => self.global_set(global_index),
            O::MemorySize { .. } => {
                let register = self.vacate(I32);
                self.result(Wasm::memory_size(register), I32, register);
            }
            O::MemoryGrow { .. } => {
                let register = self.pop_register();
                self.result(Wasm::memory_grow(register), I32, register);
            }
            // Constants.
            O::I32Const { value } => self.stack.push(I32, Place::Constant(u64::from(value as u32))),
            O::I64Const { value } => self.stack.push(I64, Place::Constant(value as u64)),
            O::F32Const { value } => self.stack.push(F32, Place::Constant(value.bits().into())),
            O::F64Const { value } => self.stack.push(F64, Place::Constant(value.bits())),
            // Numeric instructions: integers.
            O::I32Clz => self.unary(Wasm::i32_clz, I32),
            O::I32Ctz => self.unary(Wasm::i32_ctz, I32),
            O::I32Popcnt => self.unary(Wasm::i32_popcnt, I32),
            O::I32Add => self.commutative(Wasm::i32_add, I32),
            O::I32Sub => self.binary(Wasm::i32_sub, I32),
            O::I32Mul => self.commutative(Wasm::i32_mul, I32),
            O::I32And => self.commutative(Wasm::i32_and, I32),
            O::I32Or => self.commutative(Wasm::i32_or, I32),
            O::I32Xor => self.commutative(Wasm::i32_xor, I32),
            O::I32Shl => self.binary(Wasm::i32_shl, I32),
            O::I32ShrS => self.binary(Wasm::i32_shr_s, I32),
            O::I32ShrU => self.binary(Wasm::i32_shr_u, I32),
            O::I32Rotl => self.binary(Wasm::i32_rotl, I32),
            O::I32Rotr => self.binary(Wasm::i32_rotr, I32),
            O::I32DivS => self.division(Wasm::i32_div_s, I32),
            O::I32DivU => self.division(Wasm::i32_div_u, I32),
            O::I32RemS => self.division(Wasm::i32_rem_s, I32),
            O::I32RemU => self.division(Wasm::i32_rem_u, I32),
            O::I64Clz => self.unary(Wasm::i64_clz, I64),
            O::I64Ctz => self.unary(Wasm::i64_ctz, I64),
            O::I64Popcnt => self.unary(Wasm::i64_popcnt, I64),
            O::I64Add => self.commutative(Wasm::i64_add, I64),
            O::I64Sub => self.binary(Wasm::i64_sub, I64),
            O::I64Mul => self.commutative(Wasm::i64_mul, I64),
            O::I64And => self.commutative(Wasm::i64_and, I64),
            O::I64Or => self.commutative(Wasm::i64_or, I64),
            O::I64Xor => self.commutative(Wasm::i64_xor, I64),
            O::I64Shl => self.binary(Wasm::i64_shl, I64),
            O::I64ShrS => self.binary(Wasm::i64_shr_s, I64),
            O::I64ShrU => self.binary(Wasm::i64_shr_u, I64),
            O::I64Rotl => self.binary(Wasm::i64_rotl, I64),
            O::I64Rotr => self.binary(Wasm::i64_rotr, I64),
            O::I64DivS => self.division(Wasm::i64_div_s, I64),
            O::I64DivU => self.division(Wasm::i64_div_u, I64),
            O::I64RemS => self.division(Wasm::i64_rem_s, I64),
            O::I64RemU => self.division(Wasm::i64_rem_u, I64),
            // Floats.
            O::F32Abs => self.float_unary(Wasm::f32_abs, F32),
            O::F32Neg => self.float_unary(Wasm::f32_neg, F32),
            O::F32Sqrt => self.float_unary(Wasm::f32_sqrt, F32),
            O::F32Ceil => self.float_unary(Wasm::f32_ceil, F32),
            O::F32Floor => self.float_unary(Wasm::f32_floor, F32),
            O::F32Trunc => self.float_unary(Wasm::f32_trunc, F32),
            O::F32Nearest => self.float_unary(Wasm::f32_nearest, F32),
            O::F32Add => self.float_binary(Wasm::f32_add, F32),
            O::F32Sub => self.float_binary(Wasm::f32_sub, F32),
            O::F32Mul => self.float_binary(Wasm::f32_mul, F32),
            O::F32Div => self.float_binary(Wasm::f32_div, F32),
            O::F32Min => self.float_binary(Wasm::f32_min, F32),
            O::F32Max => self.float_binary(Wasm::f32_max, F32),
            O::F32Copysign => self.float_binary(Wasm::f32_copysign, F32),
            O::F32Eq => self.float_comparison(Wasm::f32_eq),
            O::F32Ne => self.float_comparison(Wasm::f32_ne),
            O::F32Lt => self.float_comparison(Wasm::f32_lt),
            O::F32Gt => self.float_comparison(Wasm::f32_gt),
            O::F32Le => self.float_comparison(Wasm::f32_le),
            O::F32Ge => self.float_comparison(Wasm::f32_ge),
            O::F64Abs => self.float_unary(Wasm::f64_abs, F64),
            O::F64Neg => self.float_unary(Wasm::f64_neg, F64),
            O::F64Sqrt => self.float_unary(Wasm::f64_sqrt, F64),
            O::F64Ceil => self.float_unary(Wasm::f64_ceil, F64),
            O::F64Floor => self.float_unary(Wasm::f64_floor, F64),
            O::F64Trunc => self.float_unary(Wasm::f64_trunc, F64),
            O::F64Nearest => self.float_unary(Wasm::f64_nearest, F64),
            O::F64Add => self.float_binary(Wasm::f64_add, F64),
            O::F64Sub => self.float_binary(Wasm::f64_sub, F64),
            O::F64Mul => self.float_binary(Wasm::f64_mul, F64),
            O::F64Div => self.float_binary(Wasm::f64_div, F64),
            O::F64Min => self.float_binary(Wasm::f64_min, F64),
            O::F64Max => self.float_binary(Wasm::f64_max, F64),
            O::F64Copysign => self.float_binary(Wasm::f64_copysign, F64),
            O::F64Eq => self.float_comparison(Wasm::f64_eq),
            O::F64Ne => self.float_comparison(Wasm::f64_ne),
            O::F64Lt => self.float_comparison(Wasm::f64_lt),
            O::F64Gt => self.float_comparison(Wasm::f64_gt),
            O::F64Le => self.float_comparison(Wasm::f64_le),
            O::F64Ge => self.float_comparison(Wasm::f64_ge),
            // Comparisons of integers.
            O::I32Eqz => self.equals_zero(I32),
            O::I32Eq => self.compare(0),
            O::I32Ne => self.compare(1),
            O::I32LtS => self.compare(2),
            O::I32LtU => self.compare(3),
            O::I32GtS => self.compare(4),
            O::I32GtU => self.compare(5),
            O::I32LeS => self.compare(6),
            O::I32LeU => self.compare(7),
            O::I32GeS => self.compare(8),
            O::I32GeU => self.compare(9),
            O::I64Eqz => self.equals_zero(I64),
            O::I64Eq => self.compare(10),
            O::I64Ne => self.compare(11),
            O::I64LtS => self.compare(12),
            O::I64LtU => self.compare(13),
            O::I64GtS => self.compare(14),
            O::I64GtU => self.compare(15),
            O::I64LeS => self.compare(16),
            O::I64LeU => self.compare(17),
            O::I64GeS => self.compare(18),
            O::I64GeU => self.compare(19),
            // Conversions.
            O::I32WrapI64 => self.unary(Wasm::i32_wrap_i64, I32),
            O::I64ExtendI32S => self.unary(Wasm::i64_extend_i32_s, I64),
            O::I64ExtendI32U => self.unary(Wasm::i64_extend_i32_u, I64),
            O::I32TruncF32S => self.truncation(Wasm::i32_trunc_f32_s, I32),
            O::I32TruncF32U => self.truncation(Wasm::i32_trunc_f32_u, I32),
            O::I32TruncF64S => self.truncation(Wasm::i32_trunc_f64_s, I32),
            O::I32TruncF64U => self.truncation(Wasm::i32_trunc_f64_u, I32),
            O::I64TruncF32S => self.truncation(Wasm::i64_trunc_f32_s, I64),
            O::I64TruncF32U => self.truncation(Wasm::i64_trunc_f32_u, I64),
            O::I64TruncF64S => self.truncation(Wasm::i64_trunc_f64_s, I64),
            O::I64TruncF64U => self.truncation(Wasm::i64_trunc_f64_u, I64),
            O::F32ConvertI32S => self.conversion(Wasm::f32_convert_i32_s, F32),
            O::F32ConvertI32U => self.conversion(Wasm::f32_convert_i32_u, F32),
            O::F32ConvertI64S => self.conversion(Wasm::f32_convert_i64_s, F32),
            O::F32ConvertI64U => self.conversion(Wasm::f32_convert_i64_u, F32),
            O::F64ConvertI32S => self.conversion(Wasm::f64_convert_i32_s, F64),
            O::F64ConvertI32U => self.conversion(Wasm::f64_convert_i32_u, F64),
            O::F64ConvertI64S => self.conversion(Wasm::f64_convert_i64_s, F64),
            O::F64ConvertI64U => self.conversion(Wasm::f64_convert_i64_u, F64),
            O::F32DemoteF64 => self.conversion(Wasm::f32_demote_f64, F32),
            O::F64PromoteF32 => self.conversion(Wasm::f64_promote_f32, F64),
            O::I32ReinterpretF32 => self.conversion(Wasm::i32_reinterpret_f32, I32),
            O::I64ReinterpretF64 => self.conversion(Wasm::i64_reinterpret_f64, I64),
            O::F32ReinterpretI32 => self.conversion(Wasm::f32_reinterpret_i32, F32),
            O::F64ReinterpretI64 => self.conversion(Wasm::f64_reinterpret_i64, F64),
            // Memory.
            O::I32Load { memarg } => self.load(Wasm::i32_load, memarg, I32),
            O::I64Load { memarg } => self.load(Wasm::i64_load, memarg, I64),
            O::F32Load { memarg } => self.float_load(Wasm::f32_load, memarg, F32),
            O::F64Load { memarg } => self.float_load(Wasm::f64_load, memarg, F64),
            O::I32Load8S { memarg } => self.load(Wasm::i32_load8_s, memarg, I32),
            O::I32Load8U { memarg } => self.load(Wasm::i32_load8_u, memarg, I32),
            O::I32Load16S { memarg } => self.load(Wasm::i32_load16_s, memarg, I32),
            O::I32Load16U { memarg } => self.load(Wasm::i32_load16_u, memarg, I32),
            O::I64Load8S { memarg } => self.load(Wasm::i64_load8_s, memarg, I64),
            O::I64Load8U { memarg } => self.load(Wasm::i64_load8_u, memarg, I64),
            O::I64Load16S { memarg } => self.load(Wasm::i64_load16_s, memarg, I64),
            O::I64Load16U { memarg } => self.load(Wasm::i64_load16_u, memarg, I64),
            O::I64Load32S { memarg } => self.load(Wasm::i64_load32_s, memarg, I64),
            O::I64Load32U { memarg } => self.load(Wasm::i64_load32_u, memarg, I64),
            O::I32Store { memarg } => self.store(Wasm::i32_store, memarg),
            O::I64Store { memarg } => self.store(Wasm::i64_store, memarg),
            O::F32Store { memarg } => self.float_store(Wasm::f32_store, Wasm::i32_store, memarg),
            O::F64Store { memarg } => self.float_store(Wasm::f64_store, Wasm::i64_store, memarg),
            O::I32Store8 { memarg } => self.store(Wasm::i32_store8, memarg),
            O::I32Store16 { memarg } => self.store(Wasm::i32_store16, memarg),
            O::I64Store8 { memarg } => self.store(Wasm::i64_store8, memarg),
            O::I64Store16 { memarg } => self.store(Wasm::i64_store16, memarg),
            O::I64Store32 { memarg } => self.store(Wasm::i64_store32, memarg),
            // Validation admits no others.
            ref other => {
                let offset = self.operators.original_position();
                return Err(Error::Unsupported { what: format!("{other:?}"), offset });
            }
        }
        Ok(())
    }

    // Places.

    /// A register for a value of this type; the entry that is in it goes to its home slot.
    fn vacate(&mut self, ty: ValueType) -> usize {
        let register = match self.stack.vacancy(ty) {
            Ok(register) => register,
            Err(index) => {
                let entry = self.stack.entry(index);
                self.put_in_slot(entry, self.stack.home(index));
                self.stack.settle(index);
                match entry.place {
                    Place::Register(register) => register,
                    _ => 0,
                }
            }
        };
        self.stack.pin(ty, register);
        register
    }

    /// The register that a value is in, or that it is loaded to.
    fn put_in_register(&mut self, entry: Entry) -> usize {
        use ValueType::{F32, F64, I32, I64};
        if let Place::Register(register) = entry.place {
            return register;
        }
        let register = self.vacate(entry.ty);
        let uop = match (entry.place, entry.ty) {
            (Place::Constant(bits), F32) => Wasm::f32_constant(register, f32::from_bits(bits as u32)),
            (Place::Constant(bits), F64) => Wasm::f64_constant(register, f64::from_bits(bits)),
            (Place::Constant(bits), I32 | I64) => match (u32::try_from(bits), entry.immediate()) {
                (Ok(value), _) => Wasm::constant(register, value),
                (_, Some(imm)) => Wasm::signed_constant(register, imm),
                _ => Wasm::wide_constant(register, bits),
            },
            _ => {
                let slot = offset(entry.slot().unwrap_or_default());
                match entry.ty {
                    I32 | I64 => Wasm::get(register, slot),
                    F32 => Wasm::f32_get(register, slot),
                    F64 => Wasm::f64_get(register, slot),
                }
            }
        };
        self.emit(uop);
        register
    }

    pub(super) fn pop_register(&mut self) -> usize {
        let entry = self.stack.pop();
        self.put_in_register(entry)
    }

    /// Copies a value to a slot. No register is needed for it.
    pub(super) fn put_in_slot(&mut self, entry: Entry, slot: u32) {
        use ValueType::{F32, F64, I32, I64};
        let to = offset(slot);
        let uop = match (entry.place, entry.ty) {
            (Place::Register(register), I32 | I64) => Wasm::set(register, to),
            (Place::Register(register), F32) => Wasm::f32_set(register, to),
            (Place::Register(register), F64) => Wasm::f64_set(register, to),
            (Place::Constant(bits), _) => match entry.immediate() {
                Some(value @ 0..) => Wasm::constant_to_slot(to, value as u32),
                Some(value) => Wasm::signed_constant_to_slot(to, value),
                None => Wasm::wide_constant_to_slot(to, bits),
            },
            (Place::Slot(from) | Place::Local { local: from, .. }, _) => {
                if from == slot {
                    return;
                }
                Wasm::copy(to, offset(from))
            }
        };
        self.emit(uop);
    }

    /// Puts every entry into its home slot.
    pub(super) fn settle_all(&mut self) {
        for index in self.stack.take_unsettled() {
            self.put_in_slot(self.stack.entry(index), self.stack.home(index));
            self.stack.settle(index);
        }
    }

    /// An integer operand where it is, or in a register if it is a constant that no instruction holds.
    fn integer(&mut self, entry: Entry) -> Operand {
        let none = Operand { place: 0, slot: 0, imm: 0 };
        if let Some(imm) = entry.immediate() {
            return Operand { place: IN_IMM, imm, ..none };
        }
        match entry.slot() {
            Some(slot) => Operand { place: IN_SLOT, slot: offset(slot), ..none },
            None => Operand { place: self.put_in_register(entry), ..none },
        }
    }

    /// An operand that is in a slot or, failing that, in a register: place and slot offset.
    fn slot_or_register(&mut self, entry: Entry) -> (usize, u32) {
        match entry.slot() {
            Some(slot) => (IN_SLOT, offset(slot)),
            None => (self.put_in_register(entry), 0),
        }
    }

    fn result(&mut self, uop: Uop, ty: ValueType, register: usize) {
        self.emit(uop);
        self.stack.push(ty, Place::Register(register));
    }

    // Integers.

    /// The two topmost values: the first in a register, which may be overwritten, the second where it is.
    fn operands(&mut self, mut exchange: impl FnMut() -> bool) -> (usize, Operand) {
        let (mut b, mut a) = (self.stack.pop(), self.stack.pop());
        let in_register = |entry: Entry| matches!(entry.place, Place::Register(_));
        if !in_register(a) && in_register(b) && exchange() {
            std::mem::swap(&mut a, &mut b);
        }
        let b = self.integer(b);
        (self.put_in_register(a), b)
    }

    fn binary(&mut self, uop: Value, ty: ValueType) {
        let (a, b) = self.operands(|| false);
        self.result(uop(a, b.place, b.slot, b.imm), ty, a);
    }

    fn commutative(&mut self, uop: Value, ty: ValueType) {
        let (a, b) = self.operands(|| true);
        self.result(uop(a, b.place, b.slot, b.imm), ty, a);
    }

    fn division(&mut self, uop: fn(usize, usize, u32, i32, Label, Label) -> Uop, ty: ValueType) {
        let (a, b) = self.operands(|| false);
        let (zero, overflow) = (trap_label(Trap::IntegerDivisionByZero), trap_label(Trap::IntegerOverflow));
        self.result(uop(a, b.place, b.slot, b.imm, zero, overflow), ty, a);
    }

    fn unary(&mut self, uop: fn(usize, usize, u32) -> Uop, ty: ValueType) {
        let entry = self.stack.pop();
        let (place, slot) = self.slot_or_register(entry);
        let register = if place == IN_SLOT { self.vacate(ty) } else { place };
        self.result(uop(register, place, slot), ty, register);
    }

    fn compare(&mut self, mut relation: usize) {
        let (a, b) = self.operands(|| {
            relation = RELATIONS[relation].3;
            true
        });
        self.comparison = Some(Comparison::Relation { relation, a, b });
    }

    fn equals_zero(&mut self, ty: ValueType) {
        self.comparison = Some(match self.comparison.take() {
            Some(comparison) => comparison.negated(),
            None => self.zero(ty, true),
        });
    }

    /// Whether the value on top of the stack is zero, or is not.
    pub(super) fn zero(&mut self, ty: ValueType, is: bool) -> Comparison {
        let entry = self.stack.pop();
        let (place, slot) = self.slot_or_register(entry);
        Comparison::Zero { ty, place, slot, is }
    }

    fn materialize(&mut self, comparison: Comparison) {
        match comparison {
            Comparison::Relation { relation, a, b } => {
                self.result(RELATIONS[relation].0(a, b.place, b.slot, b.imm), ValueType::I32, a);
            }
            Comparison::Zero { ty, place, slot, is } => {
                let register = if place == IN_SLOT { self.vacate(ty) } else { place };
                let uop = if ty == ValueType::I64 { Wasm::i64_eqz } else { Wasm::i32_eqz };
                self.result(uop(register, place, slot), ValueType::I32, register);
                if !is {
                    // Of two `eqz` the second one says whether the value is not zero.
                    let register = self.pop_register();
                    self.result(Wasm::i32_eqz(register, register, 0), ValueType::I32, register);
                }
            }
        }
    }

    // Floats.

    fn float_unary(&mut self, uop: fn(usize) -> Uop, ty: ValueType) {
        let register = self.pop_register();
        self.result(uop(register), ty, register);
    }

    fn float_operands(&mut self) -> (usize, (usize, u32)) {
        let (b, a) = (self.stack.pop(), self.stack.pop());
        let b = self.slot_or_register(b);
        (self.put_in_register(a), b)
    }

    fn float_binary(&mut self, uop: fn(usize, usize, u32) -> Uop, ty: ValueType) {
        let (a, (place, slot)) = self.float_operands();
        self.result(uop(a, place, slot), ty, a);
    }

    fn float_comparison(&mut self, uop: fn(usize, usize, usize, u32) -> Uop) {
        let (a, (place, slot)) = self.float_operands();
        let register = self.vacate(ValueType::I32);
        self.result(uop(register, a, place, slot), ValueType::I32, register);
    }

    fn conversion(&mut self, uop: fn(usize, usize) -> Uop, ty: ValueType) {
        let from = self.pop_register();
        let register = self.vacate(ty);
        self.result(uop(register, from), ty, register);
    }

    fn truncation(&mut self, uop: fn(usize, usize, Label, Label) -> Uop, ty: ValueType) {
        let (invalid, overflow) = (trap_label(Trap::InvalidConversionToInteger), trap_label(Trap::IntegerOverflow));
        let from = self.pop_register();
        let register = self.vacate(ty);
        self.result(uop(register, from, invalid, overflow), ty, register);
    }

    // Variables.

    fn select(&mut self) {
        let condition = self.pop_register();
        let ty = self.stack.entry(self.stack.height() - 1).ty;
        match ty {
            ValueType::I32 | ValueType::I64 => {
                let (a, b) = self.operands(|| false);
                self.result(Wasm::select(a, b.place, condition, b.slot, b.imm), ty, a);
            }
            ValueType::F32 | ValueType::F64 => {
                let uop = if ty == ValueType::F32 { Wasm::f32_select } else { Wasm::f64_select };
                let (a, (place, slot)) = self.float_operands();
                self.result(uop(a, place, condition, slot), ty, a);
            }
        }
    }

    fn local_set(&mut self, local: u32, keep: bool) {
        let ty = self.locals[local as usize];
        let mut value = self.stack.pop();
        // What is on the stack is the local's value so far.
        while let Some(index) = self.stack.entry_of_local(local) {
            self.put_in_slot(self.stack.entry(index), self.stack.home(index));
            self.stack.detach_local(index);
        }
        if keep && value.slot().is_some() {
            value = Entry { place: Place::Register(self.put_in_register(value)), ..value };
        }
        self.put_in_slot(value, local);
        if keep {
            self.stack.push(ty, value.place);
        }
    }

    fn global_get(&mut self, index: u32) {
        let ty = self.module.globals[index as usize].value;
        let uop = match ty {
            ValueType::I32 | ValueType::I64 => Wasm::global_get,
            ValueType::F32 => Wasm::f32_global_get,
            ValueType::F64 => Wasm::f64_global_get,
        };
        let register = self.vacate(ty);
        self.result(uop(register, index * 8), ty, register);
    }

    fn global_set(&mut self, index: u32) {
        let uop = match self.module.globals[index as usize].value {
            ValueType::I32 | ValueType::I64 => Wasm::global_set,
            ValueType::F32 => Wasm::f32_global_set,
            ValueType::F64 => Wasm::f64_global_set,
        };
        let register = self.pop_register();
        self.emit(uop(register, index * 8));
    }

    // Memory.

    /// An address, in a slot or a register or nowhere, and the offset that remains to be added.
    fn address(&mut self, entry: Entry, memarg: MemArg) -> ((usize, u32), u32) {
        if let Place::Constant(address) = entry.place
            && let sum @ ..=MAX_DISPLACEMENT = u64::from(address as u32) + memarg.offset
        {
            return ((IN_IMM, 0), sum as u32);
        }
        if memarg.offset <= MAX_DISPLACEMENT {
            return (self.slot_or_register(entry), memarg.offset as u32);
        }
        let register = self.put_in_register(entry);
        self.emit(Wasm::far_address(register, memarg.offset, trap_label(Trap::MemoryOutOfBounds)));
        ((register, 0), 0)
    }

    fn load(&mut self, uop: fn(usize, usize, u32, u32, Label) -> Uop, memarg: MemArg, ty: ValueType) {
        let entry = self.stack.pop();
        let ((place, slot), offset) = self.address(entry, memarg);
        let register = if place >= IN_SLOT { self.vacate(ty) } else { place };
        self.result(uop(register, place, slot, offset, trap_label(Trap::MemoryOutOfBounds)), ty, register);
    }

    fn float_load(&mut self, uop: fn(usize, usize, u32, u32, Label) -> Uop, memarg: MemArg, ty: ValueType) {
        let entry = self.stack.pop();
        let ((place, slot), offset) = self.address(entry, memarg);
        let register = self.vacate(ty);
        self.result(uop(register, place, slot, offset, trap_label(Trap::MemoryOutOfBounds)), ty, register);
    }

    fn store(&mut self, uop: fn(usize, usize, u32, u32, i32, u32, Label) -> Uop, memarg: MemArg) {
        let (value, address) = (self.stack.pop(), self.stack.pop());
        let value = self.integer(value);
        let ((place, address_slot), offset) = self.address(address, memarg);
        let outside = trap_label(Trap::MemoryOutOfBounds);
        self.emit(uop(place, value.place, address_slot, value.slot, value.imm, offset, outside));
    }

    /// Stores a float from its register; from a slot, or as a constant, its bits are those of an integer.
    fn float_store(
        &mut self,
        from_register: fn(usize, usize, u32, u32, i32, u32, Label) -> Uop,
        of_bits: fn(usize, usize, u32, u32, i32, u32, Label) -> Uop,
        memarg: MemArg,
    ) {
        let value = self.stack.entry(self.stack.height() - 1);
        let in_integer = value.slot().is_some() || value.immediate().is_some();
        self.store(if in_integer { of_bits } else { from_register }, memarg);
    }
}
