//! Floating-point instructions, in the order of the core specification (4.3.3).

use super::uops;

/// `a OP b`, with `a` in a register, which receives the result, and `b` at any location.
macro_rules! binary {
    ($($name:ident: $ty:ident, $register:ident, $place:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..3, const B: 0..4>(slot: u32) where A != B {
                $ty a = $register(A), b = $place(B);
                $register(A) = $value;
            }
        )*}
    };
}

binary! {
    f32_add: float, S, SINGLE, (a + b);
    f32_sub: float, S, SINGLE, (a - b);
    f32_mul: float, S, SINGLE, (a * b);
    f32_div: float, S, SINGLE, (a / b);
    f32_min: float, S, SINGLE, (float_min(a, b));
    f32_max: float, S, SINGLE, (float_max(a, b));
    f32_copysign: float, S, SINGLE, (__builtin_copysignf(a, b));
    f64_add: double, D, DOUBLE, (a + b);
    f64_sub: double, D, DOUBLE, (a - b);
    f64_mul: double, D, DOUBLE, (a * b);
    f64_div: double, D, DOUBLE, (a / b);
    f64_min: double, D, DOUBLE, (double_min(a, b));
    f64_max: double, D, DOUBLE, (double_max(a, b));
    f64_copysign: double, D, DOUBLE, (__builtin_copysign(a, b));
}

/// `OP a`, in place.
macro_rules! unary {
    ($($(#[$contract:meta])? $name:ident: $register:ident, $value:tt;)*) => {
        uops! {
            extern fn f32_ceil_(a: f32) -> f32 = crate::runtime::rounding::f32_ceil;
            extern fn f32_floor_(a: f32) -> f32 = crate::runtime::rounding::f32_floor;
            extern fn f32_trunc_(a: f32) -> f32 = crate::runtime::rounding::f32_trunc;
            extern fn f32_nearest_(a: f32) -> f32 = crate::runtime::rounding::f32_nearest;
            extern fn f64_ceil_(a: f64) -> f64 = crate::runtime::rounding::f64_ceil;
            extern fn f64_floor_(a: f64) -> f64 = crate::runtime::rounding::f64_floor;
            extern fn f64_trunc_(a: f64) -> f64 = crate::runtime::rounding::f64_trunc;
            extern fn f64_nearest_(a: f64) -> f64 = crate::runtime::rounding::f64_nearest;
            $($(#[$contract])? pub uop $name<const A: 0..3>() {
                __typeof__($register(A)) a = $register(A);
                $register(A) = $value;
            })*
        }
    };
}

unary! {
    f32_abs: S, (__builtin_fabsf(a));
    f32_neg: S, (-a);
    f32_sqrt: S, (__builtin_sqrtf(a));
    #[stencil()] f32_ceil: S, (f32_ceil_(a));
    #[stencil()] f32_floor: S, (f32_floor_(a));
    #[stencil()] f32_trunc: S, (f32_trunc_(a));
    #[stencil()] f32_nearest: S, (f32_nearest_(a));
    f64_abs: D, (__builtin_fabs(a));
    f64_neg: D, (-a);
    f64_sqrt: D, (__builtin_sqrt(a));
    #[stencil()] f64_ceil: D, (f64_ceil_(a));
    #[stencil()] f64_floor: D, (f64_floor_(a));
    #[stencil()] f64_trunc: D, (f64_trunc_(a));
    #[stencil()] f64_nearest: D, (f64_nearest_(a));
}

/// Compares `a`, in a register, with `b`. The result goes to the integer register `TO`.
macro_rules! comparison {
    ($($name:ident: $ty:ident, $register:ident, $place:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..3, const B: 0..4>(slot: u32) where A != B {
                $ty a = $register(A), b = $place(B);
                R(TO) = a $operator b;
            }
        )*}
    };
}

comparison! {
    f32_eq: float, S, SINGLE, ==;
    f32_ne: float, S, SINGLE, !=;
    f32_lt: float, S, SINGLE, <;
    f32_gt: float, S, SINGLE, >;
    f32_le: float, S, SINGLE, <=;
    f32_ge: float, S, SINGLE, >=;
    f64_eq: double, D, DOUBLE, ==;
    f64_ne: double, D, DOUBLE, !=;
    f64_lt: double, D, DOUBLE, <;
    f64_gt: double, D, DOUBLE, >;
    f64_le: double, D, DOUBLE, <=;
    f64_ge: double, D, DOUBLE, >=;
}
