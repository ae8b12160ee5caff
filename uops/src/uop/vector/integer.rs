//! Integers in vectors, and bitwise operators. `lt` and `le` are `gt` and `ge` with swapped operands.

use crate::uop::vectors;

binary! {
    v128_and: v128, (a & b);
    v128_andnot: v128, (a & ~b);
    v128_or: v128, (a | b);
    v128_xor: v128, (a ^ b);
    i8x16_swizzle: v128, (i8x16_swizzle(a, b));
    i8x16_eq: u8x16, (a == b);
    i8x16_ne: u8x16, (a != b);
    i8x16_gt_s: i8x16, (a > b);
    i8x16_gt_u: u8x16, (a > b);
    i8x16_ge_s: i8x16, (a >= b);
    i8x16_ge_u: u8x16, (a >= b);
    i8x16_narrow_i16x8_s: v128, (_mm_packs_epi16(a, b));
    i8x16_narrow_i16x8_u: v128, (_mm_packus_epi16(a, b));
    i8x16_add: u8x16, (a + b);
    i8x16_add_sat_s: v128, (_mm_adds_epi8(a, b));
    i8x16_add_sat_u: v128, (_mm_adds_epu8(a, b));
    i8x16_sub: u8x16, (a - b);
    i8x16_sub_sat_s: v128, (_mm_subs_epi8(a, b));
    i8x16_sub_sat_u: v128, (_mm_subs_epu8(a, b));
    i8x16_min_s: v128, (_mm_min_epi8(a, b));
    i8x16_min_u: v128, (_mm_min_epu8(a, b));
    i8x16_max_s: v128, (_mm_max_epi8(a, b));
    i8x16_max_u: v128, (_mm_max_epu8(a, b));
    i8x16_avgr_u: v128, (_mm_avg_epu8(a, b));
    i16x8_eq: u16x8, (a == b);
    i16x8_ne: u16x8, (a != b);
    i16x8_gt_s: i16x8, (a > b);
    i16x8_gt_u: u16x8, (a > b);
    i16x8_ge_s: i16x8, (a >= b);
    i16x8_ge_u: u16x8, (a >= b);
    i16x8_q15mulr_sat_s: v128, (i16x8_q15mulr_sat_s(a, b));
    i16x8_narrow_i32x4_s: v128, (_mm_packs_epi32(a, b));
    i16x8_narrow_i32x4_u: v128, (_mm_packus_epi32(a, b));
    i16x8_add: u16x8, (a + b);
    i16x8_add_sat_s: v128, (_mm_adds_epi16(a, b));
    i16x8_add_sat_u: v128, (_mm_adds_epu16(a, b));
    i16x8_sub: u16x8, (a - b);
    i16x8_sub_sat_s: v128, (_mm_subs_epi16(a, b));
    i16x8_sub_sat_u: v128, (_mm_subs_epu16(a, b));
    i16x8_mul: u16x8, (a * b);
    i16x8_min_s: v128, (_mm_min_epi16(a, b));
    i16x8_min_u: v128, (_mm_min_epu16(a, b));
    i16x8_max_s: v128, (_mm_max_epi16(a, b));
    i16x8_max_u: v128, (_mm_max_epu16(a, b));
    i16x8_avgr_u: v128, (_mm_avg_epu16(a, b));
    i16x8_extmul_low_i8x16_s: v128, (_mm_mullo_epi16(_mm_cvtepi8_epi16(a), _mm_cvtepi8_epi16(b)));
    i16x8_extmul_high_i8x16_s: v128, (_mm_mullo_epi16(_mm_cvtepi8_epi16(HIGH(a)), _mm_cvtepi8_epi16(HIGH(b))));
    i16x8_extmul_low_i8x16_u: v128, (_mm_mullo_epi16(_mm_cvtepu8_epi16(a), _mm_cvtepu8_epi16(b)));
    i16x8_extmul_high_i8x16_u: v128, (_mm_mullo_epi16(_mm_cvtepu8_epi16(HIGH(a)), _mm_cvtepu8_epi16(HIGH(b))));
    i32x4_eq: u32x4, (a == b);
    i32x4_ne: u32x4, (a != b);
    i32x4_gt_s: i32x4, (a > b);
    i32x4_gt_u: u32x4, (a > b);
    i32x4_ge_s: i32x4, (a >= b);
    i32x4_ge_u: u32x4, (a >= b);
    i32x4_add: u32x4, (a + b);
    i32x4_sub: u32x4, (a - b);
    i32x4_mul: u32x4, (a * b);
    i32x4_min_s: v128, (_mm_min_epi32(a, b));
    i32x4_min_u: v128, (_mm_min_epu32(a, b));
    i32x4_max_s: v128, (_mm_max_epi32(a, b));
    i32x4_max_u: v128, (_mm_max_epu32(a, b));
    i32x4_dot_i16x8_s: v128, (_mm_madd_epi16(a, b));
    i32x4_extmul_low_i16x8_s: v128, (_mm_mullo_epi32(_mm_cvtepi16_epi32(a), _mm_cvtepi16_epi32(b)));
    i32x4_extmul_high_i16x8_s: v128, (_mm_mullo_epi32(_mm_cvtepi16_epi32(HIGH(a)), _mm_cvtepi16_epi32(HIGH(b))));
    i32x4_extmul_low_i16x8_u: v128, (_mm_mullo_epi32(_mm_cvtepu16_epi32(a), _mm_cvtepu16_epi32(b)));
    i32x4_extmul_high_i16x8_u: v128, (_mm_mullo_epi32(_mm_cvtepu16_epi32(HIGH(a)), _mm_cvtepu16_epi32(HIGH(b))));
    i64x2_eq: u64x2, (a == b);
    i64x2_ne: u64x2, (a != b);
    i64x2_gt_s: i64x2, (a > b);
    i64x2_ge_s: i64x2, (a >= b);
    i64x2_add: u64x2, (a + b);
    i64x2_sub: u64x2, (a - b);
    i64x2_mul: u64x2, (a * b);
    // The instruction multiplies the lower halves of 64-bit lanes.
    i64x2_extmul_low_i32x4_s: v128, (_mm_mul_epi32(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b)));
    i64x2_extmul_high_i32x4_s: v128, (_mm_mul_epi32(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b)));
    i64x2_extmul_low_i32x4_u: v128, (_mm_mul_epu32(_mm_unpacklo_epi32(a, a), _mm_unpacklo_epi32(b, b)));
    i64x2_extmul_high_i32x4_u: v128, (_mm_mul_epu32(_mm_unpackhi_epi32(a, a), _mm_unpackhi_epi32(b, b)));
}

vectors! {
    /// Selects bytes of `a` and of `b`. An index from 128 on selects zero.
    pub uop i8x16_shuffle<const A: 0..2, const B: 0..4>(
        slot: u32, of_a: core::arch::x86_64::__m128i, of_b: core::arch::x86_64::__m128i,
    ) where A != B && B != 2 {
        V(A) = _mm_or_si128(_mm_shuffle_epi8(V(A), of_a), _mm_shuffle_epi8(VECTOR(B), of_b));
    }
}

unary! {
    v128_not: v128, (~a);
    i8x16_abs: v128, (_mm_abs_epi8(a));
    i8x16_neg: u8x16, (-a);
    i8x16_popcnt: v128, (i8x16_popcnt(a));
    i16x8_extadd_pairwise_i8x16_s: v128, (_mm_maddubs_epi16(_mm_set1_epi8(1), a));
    i16x8_extadd_pairwise_i8x16_u: v128, (_mm_maddubs_epi16(a, _mm_set1_epi8(1)));
    i16x8_abs: v128, (_mm_abs_epi16(a));
    i16x8_neg: u16x8, (-a);
    i16x8_extend_low_i8x16_s: v128, (_mm_cvtepi8_epi16(a));
    i16x8_extend_high_i8x16_s: v128, (_mm_cvtepi8_epi16(HIGH(a)));
    i16x8_extend_low_i8x16_u: v128, (_mm_cvtepu8_epi16(a));
    i16x8_extend_high_i8x16_u: v128, (_mm_cvtepu8_epi16(HIGH(a)));
    i32x4_extadd_pairwise_i16x8_s: v128, (_mm_madd_epi16(a, _mm_set1_epi16(1)));
    i32x4_extadd_pairwise_i16x8_u: v128, (i32x4_extadd_pairwise_u(a));
    i32x4_abs: v128, (_mm_abs_epi32(a));
    i32x4_neg: u32x4, (-a);
    i32x4_extend_low_i16x8_s: v128, (_mm_cvtepi16_epi32(a));
    i32x4_extend_high_i16x8_s: v128, (_mm_cvtepi16_epi32(HIGH(a)));
    i32x4_extend_low_i16x8_u: v128, (_mm_cvtepu16_epi32(a));
    i32x4_extend_high_i16x8_u: v128, (_mm_cvtepu16_epi32(HIGH(a)));
    i64x2_abs: v128, (i64x2_abs(a));
    i64x2_neg: u64x2, (-a);
    i64x2_extend_low_i32x4_s: v128, (_mm_cvtepi32_epi64(a));
    i64x2_extend_high_i32x4_s: v128, (_mm_cvtepi32_epi64(HIGH(a)));
    i64x2_extend_low_i32x4_u: v128, (_mm_cvtepu32_epi64(a));
    i64x2_extend_high_i32x4_u: v128, (_mm_cvtepu32_epi64(HIGH(a)));
}

/// Shifts all lanes by an integer at location `B`, modulo their width.
macro_rules! shift {
    ($($name:ident: $bits:tt, $value:tt;)*) => {
        vectors! {$(
            pub uop $name<const A: 0..2, const B: 0..5>(slot: u32, imm: i32) {
                v128 a = V(A);
                int n = INTEGER32(B) & ($bits - 1);
                const v128 count = _mm_cvtsi32_si128(n);
                (void)count;
                V(A) = $value;
            }
        )*}
    };
}

shift! {
    i8x16_shl: 8, (_mm_and_si128(_mm_sll_epi16(a, count), _mm_set1_epi8((char)(0xff << n))));
    i8x16_shr_s: 8, (i8x16_shr_s(a, n));
    i8x16_shr_u: 8, (_mm_and_si128(_mm_srl_epi16(a, count), _mm_set1_epi8((char)(0xff >> n))));
    i16x8_shl: 16, (_mm_sll_epi16(a, count));
    i16x8_shr_s: 16, (_mm_sra_epi16(a, count));
    i16x8_shr_u: 16, (_mm_srl_epi16(a, count));
    i32x4_shl: 32, (_mm_sll_epi32(a, count));
    i32x4_shr_s: 32, (_mm_sra_epi32(a, count));
    i32x4_shr_u: 32, (_mm_srl_epi32(a, count));
    i64x2_shl: 64, (_mm_sll_epi64(a, count));
    i64x2_shr_s: 64, (i64x2_shr_s(a, count));
    i64x2_shr_u: 64, (_mm_srl_epi64(a, count));
}
