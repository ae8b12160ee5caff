//! Conversions between vectors and scalars: lanes, splats, tests. Each lane is a member of a family, because the
//! instruction encodes the lane's number.

use crate::uop::vectors;

/// Extracts a lane to a register, zero-extended for integers, and replaces a lane by a register.
macro_rules! lane {
    ($($extract:ident, $replace:ident: $ty:ident, $lanes:tt, $register:ident;)*) => {
        vectors! {$(
            pub uop $extract<const TO: 0..3, const A: 0..2, const LANE: 0..$lanes>() {
                $register(TO) = (($ty)V(A))[LANE];
            }
            pub uop $replace<const A: 0..2, const B: 0..3, const LANE: 0..$lanes>() {
                $ty a = ($ty)V(A);
                a[LANE] = $register(B);
                V(A) = (v128)a;
            }
        )*}
    };
}

lane! {
    i8x16_extract_lane_u, i8x16_replace_lane: u8x16, 16, R;
    i16x8_extract_lane_u, i16x8_replace_lane: u16x8, 8, R;
    i32x4_extract_lane, i32x4_replace_lane: u32x4, 4, R;
    i64x2_extract_lane, i64x2_replace_lane: u64x2, 2, R;
    f32x4_extract_lane, f32x4_replace_lane: f32x4, 4, S;
    f64x2_extract_lane, f64x2_replace_lane: f64x2, 2, D;
}

/// Copies a scalar, in a register or in a slot, to all lanes.
macro_rules! splat {
    ($($name:ident: $place:ident, $value:tt;)*) => {
        vectors! {$(
            pub uop $name<const TO: 0..2, const A: 0..4>(slot: u32) {
                const int imm = 0;
                (void)imm;
                __typeof__($place(A)) a = $place(A);
                V(TO) = (v128)$value;
            }
        )*}
    };
}

splat! {
    i8x16_splat: INTEGER32, (_mm_set1_epi8((char)a));
    i16x8_splat: INTEGER32, (_mm_set1_epi16((short)a));
    i32x4_splat: INTEGER32, (_mm_set1_epi32((int)a));
    i64x2_splat: INTEGER, (_mm_set1_epi64x((long long)a));
    f32x4_splat: SINGLE, (_mm_set1_ps(a));
    f64x2_splat: DOUBLE, (_mm_set1_pd(a));
}

/// Tests all lanes, with an integer as result.
macro_rules! test {
    ($($name:ident: $value:tt;)*) => {
        vectors! {$(
            pub uop $name<const TO: 0..3, const A: 0..2>() {
                v128 a = V(A);
                R(TO) = (uint32_t)$value;
            }
        )*}
    };
}

test! {
    v128_any_true: (!_mm_testz_si128(a, a));
    i8x16_all_true: (_mm_test_all_zeros(_mm_cmpeq_epi8(a, ZERO), _mm_set1_epi8(-1)));
    i16x8_all_true: (_mm_test_all_zeros(_mm_cmpeq_epi16(a, ZERO), _mm_set1_epi8(-1)));
    i32x4_all_true: (_mm_test_all_zeros(_mm_cmpeq_epi32(a, ZERO), _mm_set1_epi8(-1)));
    i64x2_all_true: (_mm_test_all_zeros(_mm_cmpeq_epi64(a, ZERO), _mm_set1_epi8(-1)));
    i8x16_bitmask: (_mm_movemask_epi8(a));
    i16x8_bitmask: (_mm_movemask_epi8(_mm_packs_epi16(a, ZERO)));
    i32x4_bitmask: (_mm_movemask_ps((f32x4)a));
    i64x2_bitmask: (_mm_movemask_pd((f64x2)a));
}
