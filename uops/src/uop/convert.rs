//! Conversions, in the order of the core specification (4.3.4). Conversions between integers are in `integer`.

use stencil_runtime::Label;

use super::uops;

/// Truncates a float to an integer. Traps with `invalid` for NaN, and with `overflow` if the result does not fit.
macro_rules! truncation {
    ($($name:ident: $register:ident, $fits:tt, $to:ident, $bits:ident;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..3>(invalid: Label, overflow: Label) {
                __typeof__($register(A)) a = $register(A);
                if (a != a) JUMP(invalid);
                if (!$fits) JUMP(overflow);
                R(TO) = ($bits)($to)a;
            }
        )*}
    };
}

truncation! {
    i32_trunc_f32_s: S, (a >= -2147483648.0f && a < 2147483648.0f), int32_t, uint32_t;
    i32_trunc_f32_u: S, (a > -1.0f && a < 4294967296.0f), uint32_t, uint32_t;
    i32_trunc_f64_s: D, (a > -2147483649.0 && a < 2147483648.0), int32_t, uint32_t;
    i32_trunc_f64_u: D, (a > -1.0 && a < 4294967296.0), uint32_t, uint32_t;
    i64_trunc_f32_s: S, (a >= -9223372036854775808.0f && a < 9223372036854775808.0f), int64_t, uint64_t;
    i64_trunc_f32_u: S, (a > -1.0f && a < 18446744073709551616.0f), uint64_t, uint64_t;
    i64_trunc_f64_s: D, (a >= -9223372036854775808.0 && a < 9223372036854775808.0), int64_t, uint64_t;
    i64_trunc_f64_u: D, (a > -1.0 && a < 18446744073709551616.0), uint64_t, uint64_t;
}

/// Truncates with saturation: NaN becomes 0, and a result that does not fit becomes the nearest integer.
macro_rules! saturation {
    ($($name:ident: $register:ident, $fits:tt, $to:ident, $bits:ident, $min:tt, $max:tt;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..3>() {
                __typeof__($register(A)) a = $register(A);
                R(TO) = $fits ? ($bits)($to)a : a != a ? 0 : a < 0 ? ($bits)$min : ($bits)$max;
            }
        )*}
    };
}

saturation! {
    i32_trunc_sat_f32_s: S, (a >= -2147483648.0f && a < 2147483648.0f), int32_t, uint32_t, INT32_MIN, INT32_MAX;
    i32_trunc_sat_f32_u: S, (a > -1.0f && a < 4294967296.0f), uint32_t, uint32_t, 0, UINT32_MAX;
    i32_trunc_sat_f64_s: D, (a > -2147483649.0 && a < 2147483648.0), int32_t, uint32_t, INT32_MIN, INT32_MAX;
    i32_trunc_sat_f64_u: D, (a > -1.0 && a < 4294967296.0), uint32_t, uint32_t, 0, UINT32_MAX;
    i64_trunc_sat_f32_s: S, (a >= -9223372036854775808.0f && a < 9223372036854775808.0f), int64_t, uint64_t, INT64_MIN, INT64_MAX;
    i64_trunc_sat_f32_u: S, (a > -1.0f && a < 18446744073709551616.0f), uint64_t, uint64_t, 0, UINT64_MAX;
    i64_trunc_sat_f64_s: D, (a >= -9223372036854775808.0 && a < 9223372036854775808.0), int64_t, uint64_t, INT64_MIN, INT64_MAX;
    i64_trunc_sat_f64_u: D, (a > -1.0 && a < 18446744073709551616.0), uint64_t, uint64_t, 0, UINT64_MAX;
}

/// Converts between register files: `TO` and `A` are registers of different files.
macro_rules! conversion {
    ($($name:ident: $to:ident, $register:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..3>() {
                __typeof__($register(A)) a = $register(A);
                $to(TO) = $value;
            }
        )*}
    };
}

conversion! {
    f32_convert_i32_s: S, R, ((float)(int32_t)a);
    f32_convert_i32_u: S, R, ((float)(uint32_t)a);
    f32_convert_i64_s: S, R, ((float)(int64_t)a);
    f32_convert_i64_u: S, R, ((float)a);
    f32_demote_f64: S, D, ((float)a);
    f64_convert_i32_s: D, R, ((double)(int32_t)a);
    f64_convert_i32_u: D, R, ((double)(uint32_t)a);
    f64_convert_i64_s: D, R, ((double)(int64_t)a);
    f64_convert_i64_u: D, R, ((double)a);
    f64_promote_f32: D, S, ((double)a);
    i32_reinterpret_f32: R, S, (BITS(uint32_t, a));
    i64_reinterpret_f64: R, D, (BITS(uint64_t, a));
    f32_reinterpret_i32: S, R, (BITS(float, (uint32_t)a));
    f64_reinterpret_i64: D, R, (BITS(double, a));
}
