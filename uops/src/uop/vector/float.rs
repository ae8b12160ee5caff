//! Floats in vectors, and conversions. `gt` and `ge` are `lt` and `le` with swapped operands.

binary! {
    f32x4_eq: f32x4, (a == b);
    f32x4_ne: f32x4, (a != b);
    f32x4_lt: f32x4, (a < b);
    f32x4_le: f32x4, (a <= b);
    f32x4_add: f32x4, (a + b);
    f32x4_sub: f32x4, (a - b);
    f32x4_mul: f32x4, (a * b);
    f32x4_div: f32x4, (a / b);
    f32x4_min: f32x4, (f32x4_min(a, b));
    f32x4_max: f32x4, (f32x4_max(a, b));
    f32x4_pmin: f32x4, (_mm_min_ps(b, a));
    f32x4_pmax: f32x4, (_mm_max_ps(b, a));
    f64x2_eq: f64x2, (a == b);
    f64x2_ne: f64x2, (a != b);
    f64x2_lt: f64x2, (a < b);
    f64x2_le: f64x2, (a <= b);
    f64x2_add: f64x2, (a + b);
    f64x2_sub: f64x2, (a - b);
    f64x2_mul: f64x2, (a * b);
    f64x2_div: f64x2, (a / b);
    f64x2_min: f64x2, (f64x2_min(a, b));
    f64x2_max: f64x2, (f64x2_max(a, b));
    f64x2_pmin: f64x2, (_mm_min_pd(b, a));
    f64x2_pmax: f64x2, (_mm_max_pd(b, a));
}

unary! {
    f32x4_abs: u32x4, (a & 0x7fffffff);
    f32x4_neg: u32x4, (a ^ 0x80000000);
    f32x4_sqrt: f32x4, (_mm_sqrt_ps(a));
    f32x4_ceil: f32x4, (_mm_ceil_ps(a));
    f32x4_floor: f32x4, (_mm_floor_ps(a));
    f32x4_trunc: f32x4, (_mm_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
    f32x4_nearest: f32x4, (_mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    f64x2_abs: u64x2, (a & 0x7fffffffffffffff);
    f64x2_neg: u64x2, (a ^ 0x8000000000000000);
    f64x2_sqrt: f64x2, (_mm_sqrt_pd(a));
    f64x2_ceil: f64x2, (_mm_ceil_pd(a));
    f64x2_floor: f64x2, (_mm_floor_pd(a));
    f64x2_trunc: f64x2, (_mm_round_pd(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC));
    f64x2_nearest: f64x2, (_mm_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    i32x4_trunc_sat_f32x4_s: f32x4, (i32x4_trunc_sat_f32x4_s(a));
    i32x4_trunc_sat_f32x4_u: f32x4, (i32x4_trunc_sat_f32x4_u(a));
    f32x4_convert_i32x4_s: v128, (_mm_cvtepi32_ps(a));
    f32x4_convert_i32x4_u: u32x4, (__builtin_convertvector(a, f32x4));
    i32x4_trunc_sat_f64x2_s_zero: f64x2, (i32x4_trunc_sat_f64x2_s_zero(a));
    i32x4_trunc_sat_f64x2_u_zero: f64x2, (i32x4_trunc_sat_f64x2_u_zero(a));
    f64x2_convert_low_i32x4_s: v128, (_mm_cvtepi32_pd(a));
    f64x2_convert_low_i32x4_u: v128, (f64x2_convert_low_i32x4_u(a));
    f32x4_demote_f64x2_zero: f64x2, (_mm_cvtpd_ps(a));
    f64x2_promote_low_f32x4: f32x4, (_mm_cvtps_pd(a));
}
