//! Vector operators: one line for each instruction, in the order of their numbers.

use wasmparser::Operator;

use super::Function;
use crate::module::error::Error;
use crate::module::types::ValueType::{F32, F64, I32, I64};
use crate::uop::Wasm;

impl Function<'_, '_> {
    /// Lowers one of the operators on vectors.
    pub(super) fn vector_operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        match *operator {
            // Memory.
            O::V128Load { memarg } => self.vector_load(Wasm::v128_load, memarg),
            O::V128Load8x8S { memarg } => self.load_extend(Wasm::i16x8_extend_low_i8x16_s, memarg),
            O::V128Load8x8U { memarg } => self.load_extend(Wasm::i16x8_extend_low_i8x16_u, memarg),
            O::V128Load16x4S { memarg } => self.load_extend(Wasm::i32x4_extend_low_i16x8_s, memarg),
            O::V128Load16x4U { memarg } => self.load_extend(Wasm::i32x4_extend_low_i16x8_u, memarg),
            O::V128Load32x2S { memarg } => self.load_extend(Wasm::i64x2_extend_low_i32x4_s, memarg),
            O::V128Load32x2U { memarg } => self.load_extend(Wasm::i64x2_extend_low_i32x4_u, memarg),
            O::V128Load8Splat { memarg } => self.load_splat(Wasm::i32_load8_u, I32, Wasm::i8x16_splat, memarg),
            O::V128Load16Splat { memarg } => self.load_splat(Wasm::i32_load16_u, I32, Wasm::i16x8_splat, memarg),
            O::V128Load32Splat { memarg } => self.load_splat(Wasm::i32_load, I32, Wasm::i32x4_splat, memarg),
            O::V128Load64Splat { memarg } => self.load_splat(Wasm::i64_load, I64, Wasm::i64x2_splat, memarg),
            O::V128Load32Zero { memarg } => self.vector_load(Wasm::v128_load32_zero, memarg),
            O::V128Load64Zero { memarg } => self.vector_load(Wasm::v128_load64_zero, memarg),
            O::V128Store { memarg } => self.store(Wasm::v128_store, memarg),
            O::V128Load8Lane { memarg, lane } => {
                self.load_lane(Wasm::i32_load8_u, I32, Wasm::i8x16_replace_lane, lane, memarg)
            }
            O::V128Load16Lane { memarg, lane } => {
                self.load_lane(Wasm::i32_load16_u, I32, Wasm::i16x8_replace_lane, lane, memarg)
            }
            O::V128Load32Lane { memarg, lane } => {
                self.load_lane(Wasm::i32_load, I32, Wasm::i32x4_replace_lane, lane, memarg)
            }
            O::V128Load64Lane { memarg, lane } => {
                self.load_lane(Wasm::i64_load, I64, Wasm::i64x2_replace_lane, lane, memarg)
            }
            O::V128Store8Lane { memarg, lane } => {
                self.store_lane(Wasm::i32_store8, I32, Wasm::i8x16_extract_lane_u, lane, memarg)
            }
            O::V128Store16Lane { memarg, lane } => {
                self.store_lane(Wasm::i32_store16, I32, Wasm::i16x8_extract_lane_u, lane, memarg)
            }
            O::V128Store32Lane { memarg, lane } => {
                self.store_lane(Wasm::i32_store, I32, Wasm::i32x4_extract_lane, lane, memarg)
            }
            O::V128Store64Lane { memarg, lane } => {
                self.store_lane(Wasm::i64_store, I64, Wasm::i64x2_extract_lane, lane, memarg)
            }
            // Constants and lanes.
            O::V128Const { value } => self.vector_constant(u128::from_le_bytes(*value.bytes())),
            O::I8x16Shuffle { lanes } => self.shuffle(lanes),
            O::I8x16ExtractLaneS { lane } => {
                self.extract_lane_signed(Wasm::i8x16_extract_lane_u, lane, Wasm::i32_extend8_s)
            }
            O::I8x16ExtractLaneU { lane } => self.extract_lane(Wasm::i8x16_extract_lane_u, lane, I32),
            O::I8x16ReplaceLane { lane } => self.replace_lane(Wasm::i8x16_replace_lane, lane),
            O::I16x8ExtractLaneS { lane } => {
                self.extract_lane_signed(Wasm::i16x8_extract_lane_u, lane, Wasm::i32_extend16_s)
            }
            O::I16x8ExtractLaneU { lane } => self.extract_lane(Wasm::i16x8_extract_lane_u, lane, I32),
            O::I16x8ReplaceLane { lane } => self.replace_lane(Wasm::i16x8_replace_lane, lane),
            O::I32x4ExtractLane { lane } => self.extract_lane(Wasm::i32x4_extract_lane, lane, I32),
            O::I32x4ReplaceLane { lane } => self.replace_lane(Wasm::i32x4_replace_lane, lane),
            O::I64x2ExtractLane { lane } => self.extract_lane(Wasm::i64x2_extract_lane, lane, I64),
            O::I64x2ReplaceLane { lane } => self.replace_lane(Wasm::i64x2_replace_lane, lane),
            O::F32x4ExtractLane { lane } => self.extract_lane(Wasm::f32x4_extract_lane, lane, F32),
            O::F32x4ReplaceLane { lane } => self.replace_lane(Wasm::f32x4_replace_lane, lane),
            O::F64x2ExtractLane { lane } => self.extract_lane(Wasm::f64x2_extract_lane, lane, F64),
            O::F64x2ReplaceLane { lane } => self.replace_lane(Wasm::f64x2_replace_lane, lane),
            O::I8x16Swizzle => self.vector_binary(Wasm::i8x16_swizzle),
            O::I8x16Splat => self.splat(Wasm::i8x16_splat),
            O::I16x8Splat => self.splat(Wasm::i16x8_splat),
            O::I32x4Splat => self.splat(Wasm::i32x4_splat),
            O::I64x2Splat => self.splat(Wasm::i64x2_splat),
            O::F32x4Splat => self.splat(Wasm::f32x4_splat),
            O::F64x2Splat => self.splat(Wasm::f64x2_splat),
            // Comparisons.
            O::I8x16Eq => self.vector_commutative(Wasm::i8x16_eq),
            O::I8x16Ne => self.vector_commutative(Wasm::i8x16_ne),
            O::I8x16LtS => self.vector_exchanged(Wasm::i8x16_gt_s),
            O::I8x16LtU => self.vector_exchanged(Wasm::i8x16_gt_u),
            O::I8x16GtS => self.vector_binary(Wasm::i8x16_gt_s),
            O::I8x16GtU => self.vector_binary(Wasm::i8x16_gt_u),
            O::I8x16LeS => self.vector_exchanged(Wasm::i8x16_ge_s),
            O::I8x16LeU => self.vector_exchanged(Wasm::i8x16_ge_u),
            O::I8x16GeS => self.vector_binary(Wasm::i8x16_ge_s),
            O::I8x16GeU => self.vector_binary(Wasm::i8x16_ge_u),
            O::I16x8Eq => self.vector_commutative(Wasm::i16x8_eq),
            O::I16x8Ne => self.vector_commutative(Wasm::i16x8_ne),
            O::I16x8LtS => self.vector_exchanged(Wasm::i16x8_gt_s),
            O::I16x8LtU => self.vector_exchanged(Wasm::i16x8_gt_u),
            O::I16x8GtS => self.vector_binary(Wasm::i16x8_gt_s),
            O::I16x8GtU => self.vector_binary(Wasm::i16x8_gt_u),
            O::I16x8LeS => self.vector_exchanged(Wasm::i16x8_ge_s),
            O::I16x8LeU => self.vector_exchanged(Wasm::i16x8_ge_u),
            O::I16x8GeS => self.vector_binary(Wasm::i16x8_ge_s),
            O::I16x8GeU => self.vector_binary(Wasm::i16x8_ge_u),
            O::I32x4Eq => self.vector_commutative(Wasm::i32x4_eq),
            O::I32x4Ne => self.vector_commutative(Wasm::i32x4_ne),
            O::I32x4LtS => self.vector_exchanged(Wasm::i32x4_gt_s),
            O::I32x4LtU => self.vector_exchanged(Wasm::i32x4_gt_u),
            O::I32x4GtS => self.vector_binary(Wasm::i32x4_gt_s),
            O::I32x4GtU => self.vector_binary(Wasm::i32x4_gt_u),
            O::I32x4LeS => self.vector_exchanged(Wasm::i32x4_ge_s),
            O::I32x4LeU => self.vector_exchanged(Wasm::i32x4_ge_u),
            O::I32x4GeS => self.vector_binary(Wasm::i32x4_ge_s),
            O::I32x4GeU => self.vector_binary(Wasm::i32x4_ge_u),
            O::I64x2Eq => self.vector_commutative(Wasm::i64x2_eq),
            O::I64x2Ne => self.vector_commutative(Wasm::i64x2_ne),
            O::I64x2LtS => self.vector_exchanged(Wasm::i64x2_gt_s),
            O::I64x2GtS => self.vector_binary(Wasm::i64x2_gt_s),
            O::I64x2LeS => self.vector_exchanged(Wasm::i64x2_ge_s),
            O::I64x2GeS => self.vector_binary(Wasm::i64x2_ge_s),
            O::F32x4Eq => self.vector_binary(Wasm::f32x4_eq),
            O::F32x4Ne => self.vector_binary(Wasm::f32x4_ne),
            O::F32x4Lt => self.vector_binary(Wasm::f32x4_lt),
            O::F32x4Gt => self.vector_exchanged(Wasm::f32x4_lt),
            O::F32x4Le => self.vector_binary(Wasm::f32x4_le),
            O::F32x4Ge => self.vector_exchanged(Wasm::f32x4_le),
            O::F64x2Eq => self.vector_binary(Wasm::f64x2_eq),
            O::F64x2Ne => self.vector_binary(Wasm::f64x2_ne),
            O::F64x2Lt => self.vector_binary(Wasm::f64x2_lt),
            O::F64x2Gt => self.vector_exchanged(Wasm::f64x2_lt),
            O::F64x2Le => self.vector_binary(Wasm::f64x2_le),
            O::F64x2Ge => self.vector_exchanged(Wasm::f64x2_le),
            // Bits.
            O::V128Not => self.vector_unary(Wasm::v128_not),
            O::V128And => self.vector_commutative(Wasm::v128_and),
            O::V128AndNot => self.vector_binary(Wasm::v128_andnot),
            O::V128Or => self.vector_commutative(Wasm::v128_or),
            O::V128Xor => self.vector_commutative(Wasm::v128_xor),
            O::V128Bitselect => self.bitselect(),
            O::V128AnyTrue => self.vector_test(Wasm::v128_any_true),
            // Integers of 8 bits.
            O::I8x16Abs => self.vector_unary(Wasm::i8x16_abs),
            O::I8x16Neg => self.vector_unary(Wasm::i8x16_neg),
            O::I8x16Popcnt => self.vector_unary(Wasm::i8x16_popcnt),
            O::I8x16AllTrue => self.vector_test(Wasm::i8x16_all_true),
            O::I8x16Bitmask => self.vector_test(Wasm::i8x16_bitmask),
            O::I8x16NarrowI16x8S => self.vector_binary(Wasm::i8x16_narrow_i16x8_s),
            O::I8x16NarrowI16x8U => self.vector_binary(Wasm::i8x16_narrow_i16x8_u),
            O::I8x16Shl => self.shift(Wasm::i8x16_shl),
            O::I8x16ShrS => self.shift(Wasm::i8x16_shr_s),
            O::I8x16ShrU => self.shift(Wasm::i8x16_shr_u),
            O::I8x16Add => self.vector_commutative(Wasm::i8x16_add),
            O::I8x16AddSatS => self.vector_commutative(Wasm::i8x16_add_sat_s),
            O::I8x16AddSatU => self.vector_commutative(Wasm::i8x16_add_sat_u),
            O::I8x16Sub => self.vector_binary(Wasm::i8x16_sub),
            O::I8x16SubSatS => self.vector_binary(Wasm::i8x16_sub_sat_s),
            O::I8x16SubSatU => self.vector_binary(Wasm::i8x16_sub_sat_u),
            O::I8x16MinS => self.vector_commutative(Wasm::i8x16_min_s),
            O::I8x16MinU => self.vector_commutative(Wasm::i8x16_min_u),
            O::I8x16MaxS => self.vector_commutative(Wasm::i8x16_max_s),
            O::I8x16MaxU => self.vector_commutative(Wasm::i8x16_max_u),
            O::I8x16AvgrU => self.vector_commutative(Wasm::i8x16_avgr_u),
            // Integers of 16 bits.
            O::I16x8ExtAddPairwiseI8x16S => self.vector_unary(Wasm::i16x8_extadd_pairwise_i8x16_s),
            O::I16x8ExtAddPairwiseI8x16U => self.vector_unary(Wasm::i16x8_extadd_pairwise_i8x16_u),
            O::I16x8Abs => self.vector_unary(Wasm::i16x8_abs),
            O::I16x8Neg => self.vector_unary(Wasm::i16x8_neg),
            O::I16x8Q15MulrSatS => self.vector_commutative(Wasm::i16x8_q15mulr_sat_s),
            O::I16x8AllTrue => self.vector_test(Wasm::i16x8_all_true),
            O::I16x8Bitmask => self.vector_test(Wasm::i16x8_bitmask),
            O::I16x8NarrowI32x4S => self.vector_binary(Wasm::i16x8_narrow_i32x4_s),
            O::I16x8NarrowI32x4U => self.vector_binary(Wasm::i16x8_narrow_i32x4_u),
            O::I16x8ExtendLowI8x16S => self.vector_unary(Wasm::i16x8_extend_low_i8x16_s),
            O::I16x8ExtendHighI8x16S => self.vector_unary(Wasm::i16x8_extend_high_i8x16_s),
            O::I16x8ExtendLowI8x16U => self.vector_unary(Wasm::i16x8_extend_low_i8x16_u),
            O::I16x8ExtendHighI8x16U => self.vector_unary(Wasm::i16x8_extend_high_i8x16_u),
            O::I16x8Shl => self.shift(Wasm::i16x8_shl),
            O::I16x8ShrS => self.shift(Wasm::i16x8_shr_s),
            O::I16x8ShrU => self.shift(Wasm::i16x8_shr_u),
            O::I16x8Add => self.vector_commutative(Wasm::i16x8_add),
            O::I16x8AddSatS => self.vector_commutative(Wasm::i16x8_add_sat_s),
            O::I16x8AddSatU => self.vector_commutative(Wasm::i16x8_add_sat_u),
            O::I16x8Sub => self.vector_binary(Wasm::i16x8_sub),
            O::I16x8SubSatS => self.vector_binary(Wasm::i16x8_sub_sat_s),
            O::I16x8SubSatU => self.vector_binary(Wasm::i16x8_sub_sat_u),
            O::I16x8Mul => self.vector_commutative(Wasm::i16x8_mul),
            O::I16x8MinS => self.vector_commutative(Wasm::i16x8_min_s),
            O::I16x8MinU => self.vector_commutative(Wasm::i16x8_min_u),
            O::I16x8MaxS => self.vector_commutative(Wasm::i16x8_max_s),
            O::I16x8MaxU => self.vector_commutative(Wasm::i16x8_max_u),
            O::I16x8AvgrU => self.vector_commutative(Wasm::i16x8_avgr_u),
            O::I16x8ExtMulLowI8x16S => self.vector_commutative(Wasm::i16x8_extmul_low_i8x16_s),
            O::I16x8ExtMulHighI8x16S => self.vector_commutative(Wasm::i16x8_extmul_high_i8x16_s),
            O::I16x8ExtMulLowI8x16U => self.vector_commutative(Wasm::i16x8_extmul_low_i8x16_u),
            O::I16x8ExtMulHighI8x16U => self.vector_commutative(Wasm::i16x8_extmul_high_i8x16_u),
            // Integers of 32 bits.
            O::I32x4ExtAddPairwiseI16x8S => self.vector_unary(Wasm::i32x4_extadd_pairwise_i16x8_s),
            O::I32x4ExtAddPairwiseI16x8U => self.vector_unary(Wasm::i32x4_extadd_pairwise_i16x8_u),
            O::I32x4Abs => self.vector_unary(Wasm::i32x4_abs),
            O::I32x4Neg => self.vector_unary(Wasm::i32x4_neg),
            O::I32x4AllTrue => self.vector_test(Wasm::i32x4_all_true),
            O::I32x4Bitmask => self.vector_test(Wasm::i32x4_bitmask),
            O::I32x4ExtendLowI16x8S => self.vector_unary(Wasm::i32x4_extend_low_i16x8_s),
            O::I32x4ExtendHighI16x8S => self.vector_unary(Wasm::i32x4_extend_high_i16x8_s),
            O::I32x4ExtendLowI16x8U => self.vector_unary(Wasm::i32x4_extend_low_i16x8_u),
            O::I32x4ExtendHighI16x8U => self.vector_unary(Wasm::i32x4_extend_high_i16x8_u),
            O::I32x4Shl => self.shift(Wasm::i32x4_shl),
            O::I32x4ShrS => self.shift(Wasm::i32x4_shr_s),
            O::I32x4ShrU => self.shift(Wasm::i32x4_shr_u),
            O::I32x4Add => self.vector_commutative(Wasm::i32x4_add),
            O::I32x4Sub => self.vector_binary(Wasm::i32x4_sub),
            O::I32x4Mul => self.vector_commutative(Wasm::i32x4_mul),
            O::I32x4MinS => self.vector_commutative(Wasm::i32x4_min_s),
            O::I32x4MinU => self.vector_commutative(Wasm::i32x4_min_u),
            O::I32x4MaxS => self.vector_commutative(Wasm::i32x4_max_s),
            O::I32x4MaxU => self.vector_commutative(Wasm::i32x4_max_u),
            O::I32x4DotI16x8S => self.vector_commutative(Wasm::i32x4_dot_i16x8_s),
            O::I32x4ExtMulLowI16x8S => self.vector_commutative(Wasm::i32x4_extmul_low_i16x8_s),
            O::I32x4ExtMulHighI16x8S => self.vector_commutative(Wasm::i32x4_extmul_high_i16x8_s),
            O::I32x4ExtMulLowI16x8U => self.vector_commutative(Wasm::i32x4_extmul_low_i16x8_u),
            O::I32x4ExtMulHighI16x8U => self.vector_commutative(Wasm::i32x4_extmul_high_i16x8_u),
            // Integers of 64 bits.
            O::I64x2Abs => self.vector_unary(Wasm::i64x2_abs),
            O::I64x2Neg => self.vector_unary(Wasm::i64x2_neg),
            O::I64x2AllTrue => self.vector_test(Wasm::i64x2_all_true),
            O::I64x2Bitmask => self.vector_test(Wasm::i64x2_bitmask),
            O::I64x2ExtendLowI32x4S => self.vector_unary(Wasm::i64x2_extend_low_i32x4_s),
            O::I64x2ExtendHighI32x4S => self.vector_unary(Wasm::i64x2_extend_high_i32x4_s),
            O::I64x2ExtendLowI32x4U => self.vector_unary(Wasm::i64x2_extend_low_i32x4_u),
            O::I64x2ExtendHighI32x4U => self.vector_unary(Wasm::i64x2_extend_high_i32x4_u),
            O::I64x2Shl => self.shift(Wasm::i64x2_shl),
            O::I64x2ShrS => self.shift(Wasm::i64x2_shr_s),
            O::I64x2ShrU => self.shift(Wasm::i64x2_shr_u),
            O::I64x2Add => self.vector_commutative(Wasm::i64x2_add),
            O::I64x2Sub => self.vector_binary(Wasm::i64x2_sub),
            O::I64x2Mul => self.vector_commutative(Wasm::i64x2_mul),
            O::I64x2ExtMulLowI32x4S => self.vector_commutative(Wasm::i64x2_extmul_low_i32x4_s),
            O::I64x2ExtMulHighI32x4S => self.vector_commutative(Wasm::i64x2_extmul_high_i32x4_s),
            O::I64x2ExtMulLowI32x4U => self.vector_commutative(Wasm::i64x2_extmul_low_i32x4_u),
            O::I64x2ExtMulHighI32x4U => self.vector_commutative(Wasm::i64x2_extmul_high_i32x4_u),
            // Floats.
            O::F32x4Ceil => self.vector_unary(Wasm::f32x4_ceil),
            O::F32x4Floor => self.vector_unary(Wasm::f32x4_floor),
            O::F32x4Trunc => self.vector_unary(Wasm::f32x4_trunc),
            O::F32x4Nearest => self.vector_unary(Wasm::f32x4_nearest),
            O::F32x4Abs => self.vector_unary(Wasm::f32x4_abs),
            O::F32x4Neg => self.vector_unary(Wasm::f32x4_neg),
            O::F32x4Sqrt => self.vector_unary(Wasm::f32x4_sqrt),
            O::F32x4Add => self.vector_binary(Wasm::f32x4_add),
            O::F32x4Sub => self.vector_binary(Wasm::f32x4_sub),
            O::F32x4Mul => self.vector_binary(Wasm::f32x4_mul),
            O::F32x4Div => self.vector_binary(Wasm::f32x4_div),
            O::F32x4Min => self.vector_binary(Wasm::f32x4_min),
            O::F32x4Max => self.vector_binary(Wasm::f32x4_max),
            O::F32x4PMin => self.vector_binary(Wasm::f32x4_pmin),
            O::F32x4PMax => self.vector_binary(Wasm::f32x4_pmax),
            O::F64x2Ceil => self.vector_unary(Wasm::f64x2_ceil),
            O::F64x2Floor => self.vector_unary(Wasm::f64x2_floor),
            O::F64x2Trunc => self.vector_unary(Wasm::f64x2_trunc),
            O::F64x2Nearest => self.vector_unary(Wasm::f64x2_nearest),
            O::F64x2Abs => self.vector_unary(Wasm::f64x2_abs),
            O::F64x2Neg => self.vector_unary(Wasm::f64x2_neg),
            O::F64x2Sqrt => self.vector_unary(Wasm::f64x2_sqrt),
            O::F64x2Add => self.vector_binary(Wasm::f64x2_add),
            O::F64x2Sub => self.vector_binary(Wasm::f64x2_sub),
            O::F64x2Mul => self.vector_binary(Wasm::f64x2_mul),
            O::F64x2Div => self.vector_binary(Wasm::f64x2_div),
            O::F64x2Min => self.vector_binary(Wasm::f64x2_min),
            O::F64x2Max => self.vector_binary(Wasm::f64x2_max),
            O::F64x2PMin => self.vector_binary(Wasm::f64x2_pmin),
            O::F64x2PMax => self.vector_binary(Wasm::f64x2_pmax),
            // Conversions.
            O::I32x4TruncSatF32x4S => self.vector_unary(Wasm::i32x4_trunc_sat_f32x4_s),
            O::I32x4TruncSatF32x4U => self.vector_unary(Wasm::i32x4_trunc_sat_f32x4_u),
            O::F32x4ConvertI32x4S => self.vector_unary(Wasm::f32x4_convert_i32x4_s),
            O::F32x4ConvertI32x4U => self.vector_unary(Wasm::f32x4_convert_i32x4_u),
            O::I32x4TruncSatF64x2SZero => self.vector_unary(Wasm::i32x4_trunc_sat_f64x2_s_zero),
            O::I32x4TruncSatF64x2UZero => self.vector_unary(Wasm::i32x4_trunc_sat_f64x2_u_zero),
            O::F64x2ConvertLowI32x4S => self.vector_unary(Wasm::f64x2_convert_low_i32x4_s),
            O::F64x2ConvertLowI32x4U => self.vector_unary(Wasm::f64x2_convert_low_i32x4_u),
            O::F32x4DemoteF64x2Zero => self.vector_unary(Wasm::f32x4_demote_f64x2_zero),
            O::F64x2PromoteLowF32x4 => self.vector_unary(Wasm::f64x2_promote_low_f32x4),
            // Validation admits no others.
            ref other => {
                let offset = self.operators.original_position();
                return Err(Error::Unsupported { what: format!("{other:?}"), offset });
            }
        }
        Ok(())
    }
}
