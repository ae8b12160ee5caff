//! Operators: one line for each WebAssembly instruction.

use wasmparser::Operator;

use super::Function;
use super::stack::Place;
use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::ValueType;
use crate::uop::Wasm;

impl Function<'_, '_> {
    /// Lowers one operator.
    pub(super) fn operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        use ValueType::{F32, F64, I32, I64};
        if !self.reachable() {
            self.unreachable_operator(operator);
            return Ok(());
        }
        // A following branch absorbs a comparison; otherwise it becomes a value.
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
            O::ReturnCall { function_index } => self.return_call(function_index),
            O::ReturnCallIndirect { type_index, table_index } => self.return_call_indirect(type_index, table_index),
            // Parametric and variable instructions.
            O::Drop => {
                self.stack.pop();
            }
            O::Select => self.select(),
            O::LocalGet { local_index } => {
                let (ty, slot) = self.locals.get(local_index);
                self.stack.push_local(ty, slot);
            }
            O::LocalSet { local_index } => self.local_set(local_index, false),
            O::LocalTee { local_index } => self.local_set(local_index, true),
            O::GlobalGet { global_index } => self.global_get(global_index),
            O::GlobalSet { global_index } => self.global_set(global_index),
            O::MemorySize { mem } => self.memory_size(mem),
            O::MemoryGrow { mem } => self.memory_grow(mem),
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
            // More conversions, since WebAssembly 2.0.
            O::I32Extend8S => self.unary(Wasm::i32_extend8_s, I32),
            O::I32Extend16S => self.unary(Wasm::i32_extend16_s, I32),
            O::I64Extend8S => self.unary(Wasm::i64_extend8_s, I64),
            O::I64Extend16S => self.unary(Wasm::i64_extend16_s, I64),
            O::I64Extend32S => self.unary(Wasm::i64_extend32_s, I64),
            O::I32TruncSatF32S => self.conversion(Wasm::i32_trunc_sat_f32_s, I32),
            O::I32TruncSatF32U => self.conversion(Wasm::i32_trunc_sat_f32_u, I32),
            O::I32TruncSatF64S => self.conversion(Wasm::i32_trunc_sat_f64_s, I32),
            O::I32TruncSatF64U => self.conversion(Wasm::i32_trunc_sat_f64_u, I32),
            O::I64TruncSatF32S => self.conversion(Wasm::i64_trunc_sat_f32_s, I64),
            O::I64TruncSatF32U => self.conversion(Wasm::i64_trunc_sat_f32_u, I64),
            O::I64TruncSatF64S => self.conversion(Wasm::i64_trunc_sat_f64_s, I64),
            O::I64TruncSatF64U => self.conversion(Wasm::i64_trunc_sat_f64_u, I64),
            // Memory.
            O::I32Load { memarg } => self.load(Wasm::i32_load, Wasm::load_u32, memarg, I32),
            O::I64Load { memarg } => self.load(Wasm::i64_load, Wasm::load_u64, memarg, I64),
            O::F32Load { memarg } => self.float_load(Wasm::f32_load, memarg, F32),
            O::F64Load { memarg } => self.float_load(Wasm::f64_load, memarg, F64),
            O::I32Load8S { memarg } => self.load(Wasm::i32_load8_s, Wasm::load_s8, memarg, I32),
            O::I32Load8U { memarg } => self.load(Wasm::i32_load8_u, Wasm::load_u8, memarg, I32),
            O::I32Load16S { memarg } => self.load(Wasm::i32_load16_s, Wasm::load_s16, memarg, I32),
            O::I32Load16U { memarg } => self.load(Wasm::i32_load16_u, Wasm::load_u16, memarg, I32),
            O::I64Load8S { memarg } => self.load(Wasm::i64_load8_s, Wasm::load_s8, memarg, I64),
            O::I64Load8U { memarg } => self.load(Wasm::i64_load8_u, Wasm::load_u8, memarg, I64),
            O::I64Load16S { memarg } => self.load(Wasm::i64_load16_s, Wasm::load_s16, memarg, I64),
            O::I64Load16U { memarg } => self.load(Wasm::i64_load16_u, Wasm::load_u16, memarg, I64),
            O::I64Load32S { memarg } => self.load(Wasm::i64_load32_s, Wasm::load_s32, memarg, I64),
            O::I64Load32U { memarg } => self.load(Wasm::i64_load32_u, Wasm::load_u32, memarg, I64),
            O::I32Store { memarg } => self.store(Wasm::i32_store, memarg),
            O::I64Store { memarg } => self.store(Wasm::i64_store, memarg),
            O::F32Store { memarg } => self.float_store(Wasm::f32_store, Wasm::i32_store, memarg),
            O::F64Store { memarg } => self.float_store(Wasm::f64_store, Wasm::i64_store, memarg),
            O::I32Store8 { memarg } => self.store(Wasm::i32_store8, memarg),
            O::I32Store16 { memarg } => self.store(Wasm::i32_store16, memarg),
            O::I64Store8 { memarg } => self.store(Wasm::i64_store8, memarg),
            O::I64Store16 { memarg } => self.store(Wasm::i64_store16, memarg),
            O::I64Store32 { memarg } => self.store(Wasm::i64_store32, memarg),
            ref other => self.later_operator(other)?,
        }
        Ok(())
    }
}
