//! Integer instructions, in the order of the core specification (4.4.1, 2.2.1).

use stencil_runtime::Label;

use super::uops;

/// `a OP b`, with `a` in register `A`, which receives the result, and `b` at location `B`.
macro_rules! binary {
    ($($name:ident: $ty:ident, $place:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..3, const B: 0..5>(slot: u32, imm: i32) where A != B {
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                R(A) = $value;
            }
        )*}
    };
}

binary! {
    i32_add: uint32_t, INTEGER32, (a + b);
    i32_sub: uint32_t, INTEGER32, (a - b);
    i32_mul: uint32_t, INTEGER32, (a * b);
    i32_and: uint32_t, INTEGER32, (a & b);
    i32_or: uint32_t, INTEGER32, (a | b);
    i32_xor: uint32_t, INTEGER32, (a ^ b);
    i32_shl: uint32_t, INTEGER32, (a << (b & 31));
    i32_shr_s: int32_t, INTEGER32, ((uint32_t)(a >> (b & 31)));
    i32_shr_u: uint32_t, INTEGER32, (a >> (b & 31));
    i32_rotl: uint32_t, INTEGER32, (rotl32(a, b));
    i32_rotr: uint32_t, INTEGER32, (rotr32(a, b));
    i64_add: uint64_t, INTEGER, (a + b);
    i64_sub: uint64_t, INTEGER, (a - b);
    i64_mul: uint64_t, INTEGER, (a * b);
    i64_and: uint64_t, INTEGER, (a & b);
    i64_or: uint64_t, INTEGER, (a | b);
    i64_xor: uint64_t, INTEGER, (a ^ b);
    i64_shl: uint64_t, INTEGER, (a << (b & 63));
    i64_shr_s: int64_t, INTEGER, ((uint64_t)(a >> (b & 63)));
    i64_shr_u: uint64_t, INTEGER, (a >> (b & 63));
    i64_rotl: uint64_t, INTEGER, (rotl64(a, b));
    i64_rotr: uint64_t, INTEGER, (rotr64(a, b));
}

/// Like `binary`, with traps: `zero` if `b` is 0, `overflow` if the quotient does not fit.
macro_rules! division {
    ($($name:ident: $ty:ident, $place:ident, $overflow:tt, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..3, const B: 0..5>(slot: u32, imm: i32, zero: Label, overflow: Label) where A != B {
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                if (b == 0) JUMP(zero);
                if $overflow JUMP(overflow);
                R(A) = $value;
            }
        )*}
    };
}

division! {
    i32_div_s: int32_t, INTEGER32, (a == INT32_MIN && b == -1), ((uint32_t)(a / b));
    i32_div_u: uint32_t, INTEGER32, (0), (a / b);
    i32_rem_s: int32_t, INTEGER32, (0), ((uint32_t)(b == -1 ? 0 : a % b));
    i32_rem_u: uint32_t, INTEGER32, (0), (a % b);
    i64_div_s: int64_t, INTEGER, (a == INT64_MIN && b == -1), ((uint64_t)(a / b));
    i64_div_u: uint64_t, INTEGER, (0), (a / b);
    i64_rem_s: int64_t, INTEGER, (0), ((uint64_t)(b == -1 ? 0 : a % b));
    i64_rem_u: uint64_t, INTEGER, (0), (a % b);
}

/// `eqz` of a register, in place, or of a slot. Also jumps that are taken if the value is zero, or if it is not.
macro_rules! test {
    ($($name:ident, $jump:ident, $jump_not:ident: $ty:ident, $place:ident;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..4>(slot: u32) where TO == A || A == IN_SLOT {
                const int imm = 0;
                (void)imm;
                R(TO) = ($ty)$place(A) == 0;
            }
            pub uop $jump<const A: 0..4>(slot: u32, target: Label) {
                const int imm = 0;
                (void)imm;
                if (($ty)$place(A) == 0) JUMP(target);
            }
            pub uop $jump_not<const A: 0..4>(slot: u32, target: Label) {
                const int imm = 0;
                (void)imm;
                if (($ty)$place(A) != 0) JUMP(target);
            }
        )*}
    };
}

test! {
    i32_eqz, jump_i32_eqz, jump_i32_nez: uint32_t, INTEGER32;
    i64_eqz, jump_i64_eqz, jump_i64_nez: uint64_t, INTEGER;
}

/// Comparisons, each as a value and as a jump.
macro_rules! comparison {
    ($($name:ident, $jump:ident: $ty:ident, $place:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..3, const B: 0..5>(slot: u32, imm: i32) where A != B {
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                R(A) = $value;
            }
            pub uop $jump<const A: 0..3, const B: 0..5>(slot: u32, imm: i32, target: Label) where A != B {
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                if $value JUMP(target);
            }
        )*}
    };
}

comparison! {
    i32_eq, jump_i32_eq: uint32_t, INTEGER32, (a == b);
    i32_ne, jump_i32_ne: uint32_t, INTEGER32, (a != b);
    i32_lt_s, jump_i32_lt_s: int32_t, INTEGER32, (a < b);
    i32_lt_u, jump_i32_lt_u: uint32_t, INTEGER32, (a < b);
    i32_gt_s, jump_i32_gt_s: int32_t, INTEGER32, (a > b);
    i32_gt_u, jump_i32_gt_u: uint32_t, INTEGER32, (a > b);
    i32_le_s, jump_i32_le_s: int32_t, INTEGER32, (a <= b);
    i32_le_u, jump_i32_le_u: uint32_t, INTEGER32, (a <= b);
    i32_ge_s, jump_i32_ge_s: int32_t, INTEGER32, (a >= b);
    i32_ge_u, jump_i32_ge_u: uint32_t, INTEGER32, (a >= b);
    i64_eq, jump_i64_eq: uint64_t, INTEGER, (a == b);
    i64_ne, jump_i64_ne: uint64_t, INTEGER, (a != b);
    i64_lt_s, jump_i64_lt_s: int64_t, INTEGER, (a < b);
    i64_lt_u, jump_i64_lt_u: uint64_t, INTEGER, (a < b);
    i64_gt_s, jump_i64_gt_s: int64_t, INTEGER, (a > b);
    i64_gt_u, jump_i64_gt_u: uint64_t, INTEGER, (a > b);
    i64_le_s, jump_i64_le_s: int64_t, INTEGER, (a <= b);
    i64_le_u, jump_i64_le_u: uint64_t, INTEGER, (a <= b);
    i64_ge_s, jump_i64_ge_s: int64_t, INTEGER, (a >= b);
    i64_ge_u, jump_i64_ge_u: uint64_t, INTEGER, (a >= b);
}

/// `OP a`, in place or from a slot.
macro_rules! unary {
    ($($name:ident: $ty:ident, $place:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..3, const A: 0..4>(slot: u32) where TO == A || A == IN_SLOT {
                const int imm = 0;
                $ty a = ($ty)$place(A);
                (void)imm;
                R(TO) = $value;
            }
        )*}
    };
}

unary! {
    i32_clz: uint32_t, INTEGER32, (clz32(a));
    i32_ctz: uint32_t, INTEGER32, (ctz32(a));
    i32_popcnt: uint32_t, INTEGER32, (popcnt64(a));
    i64_clz: uint64_t, INTEGER, (clz64(a));
    i64_ctz: uint64_t, INTEGER, (ctz64(a));
    i64_popcnt: uint64_t, INTEGER, (popcnt64(a));
    i32_wrap_i64: uint64_t, INTEGER, ((uint32_t)a);
    i64_extend_i32_s: int32_t, INTEGER32, ((uint64_t)(int64_t)a);
    i64_extend_i32_u: uint32_t, INTEGER32, ((uint64_t)a);
    i32_extend8_s: int8_t, INTEGER32, ((uint32_t)(int32_t)a);
    i32_extend16_s: int16_t, INTEGER32, ((uint32_t)(int32_t)a);
    i64_extend8_s: int8_t, INTEGER32, ((uint64_t)(int64_t)a);
    i64_extend16_s: int16_t, INTEGER32, ((uint64_t)(int64_t)a);
    i64_extend32_s: int32_t, INTEGER32, ((uint64_t)(int64_t)a);
}
