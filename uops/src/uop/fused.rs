//! Sequences of uops as one uop, for the interpreter: a dispatch costs more than most bodies.
//!
//! Each uop here has the effect of the uops that its body repeats, one after the other, on registers too. `lower::fuse` replaces
//! such sequences. Their operators work on register 0 or 1, because values are rarely in register 2.

use stencil_runtime::Label;

use super::uops;

/// An integer operator with the moves around it. With `FROM` 1, it loads register `A` from the slot `from` first. With `TO` 1, it stores
/// the result to the slot `to`, too. Operators whose operands cannot be exchanged also load `A` where `b` is in a register.
macro_rules! integer {
    ($registers:literal: $($name:ident: $ty:ident, $place:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const B: 0..5, const TO: 0..2>(
                from: u32, slot: u32, imm: i32, to: u32
            )
            where (FROM == 1 || TO == 1) && A != B && (FROM == 0 || B >= IN_SLOT || ($registers && B < 2)) {
                if (FROM) R(A) = SLOT(uint64_t, from);
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                R(A) = $value;
                if (TO) SLOT(uint64_t, to) = R(A);
            }
        )*}
    };
}

integer! { 0:
    i32_add_slots: uint32_t, INTEGER32, (a + b);
    i32_mul_slots: uint32_t, INTEGER32, (a * b);
    i32_and_slots: uint32_t, INTEGER32, (a & b);
    i32_or_slots: uint32_t, INTEGER32, (a | b);
    i32_xor_slots: uint32_t, INTEGER32, (a ^ b);
    i64_add_slots: uint64_t, INTEGER, (a + b);
    i64_mul_slots: uint64_t, INTEGER, (a * b);
    i64_and_slots: uint64_t, INTEGER, (a & b);
    i64_or_slots: uint64_t, INTEGER, (a | b);
    i64_xor_slots: uint64_t, INTEGER, (a ^ b);
}

integer! { 1:
    i32_sub_slots: uint32_t, INTEGER32, (a - b);
    i32_shl_slots: uint32_t, INTEGER32, (a << (b & 31));
    i32_shr_s_slots: int32_t, INTEGER32, ((uint32_t)(a >> (b & 31)));
    i32_shr_u_slots: uint32_t, INTEGER32, (a >> (b & 31));
    i32_rotl_slots: uint32_t, INTEGER32, (rotl32(a, b));
    i64_sub_slots: uint64_t, INTEGER, (a - b);
    i64_shl_slots: uint64_t, INTEGER, (a << (b & 63));
    i64_shr_s_slots: int64_t, INTEGER, ((uint64_t)(a >> (b & 63)));
    i64_shr_u_slots: uint64_t, INTEGER, (a >> (b & 63));
    i64_rotl_slots: uint64_t, INTEGER, (rotl64(a, b));
}

/// The same for operators on floats, which take no constants.
macro_rules! float {
    ($($name:ident: $ty:ident, $register:ident, $place:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const B: 0..4, const TO: 0..2>(from: u32, slot: u32, to: u32)
            where (FROM == 1 || TO == 1) && A != B {
                if (FROM) $register(A) = SLOT($ty, from);
                $ty b = $place(B);
                $register(A) = $register(A) $operator b;
                if (TO) SLOT($ty, to) = $register(A);
            }
        )*}
    };
}

float! {
    f32_add_slots: float, S, SINGLE, +;
    f32_sub_slots: float, S, SINGLE, -;
    f32_mul_slots: float, S, SINGLE, *;
    f64_add_slots: double, D, DOUBLE, +;
    f64_sub_slots: double, D, DOUBLE, -;
    f64_mul_slots: double, D, DOUBLE, *;
}

/// A load whose result also goes to the slot `to`.
macro_rules! load_to_slot {
    ($($name:ident: $register:ident, $ty:ident, $to:ident, $condition:tt, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const TO: 0..2, const A: 0..4>(slot: u32, offset: u32, to: u32, outside: Label) where $condition {
                const int imm = 0;
                (void)imm;
                uint64_t address = (uint64_t)INTEGER32(A) + offset;
                LOAD($ty, value, address);
                $register(TO) = $value;
                SLOT($to, to) = $register(TO);
            }
        )*}
    };
}

load_to_slot! {
    i32_load_slot: R, uint32_t, uint64_t, (TO == A || A == IN_SLOT), value;
    i64_load_slot: R, uint64_t, uint64_t, (TO == A || A == IN_SLOT), value;
    i32_load8_s_slot: R, int8_t, uint64_t, (TO == A || A == IN_SLOT), ((uint32_t)(int32_t)value);
    i32_load8_u_slot: R, uint8_t, uint64_t, (TO == A || A == IN_SLOT), value;
    i32_load16_s_slot: R, int16_t, uint64_t, (TO == A || A == IN_SLOT), ((uint32_t)(int32_t)value);
    i32_load16_u_slot: R, uint16_t, uint64_t, (TO == A || A == IN_SLOT), value;
    i64_load32_u_slot: R, uint32_t, uint64_t, (TO == A || A == IN_SLOT), value;
    f32_load_slot: S, float, float, (A < 2 || A == IN_SLOT), value;
    f64_load_slot: D, double, double, (A < 2 || A == IN_SLOT), value;
}

/// A load from the sum of register `A`, loaded from the slot `from` if `FROM` is 1, and the value at location `B`.
macro_rules! load_from_sum {
    ($($name:ident: $ty:ident, $value:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const B: 0..5>(from: u32, slot: u32, imm: i32, offset: u32, outside: Label)
            where A != B && (FROM == 0 || B >= IN_SLOT) {
                if (FROM) R(A) = SLOT(uint64_t, from);
                R(A) = (uint32_t)R(A) + INTEGER32(B);
                uint64_t address = (uint64_t)(uint32_t)R(A) + offset;
                LOAD($ty, value, address);
                R(A) = $value;
            }
        )*}
    };
}

load_from_sum! {
    i32_load_sum: uint32_t, value;
    i64_load_sum: uint64_t, value;
    i32_load8_s_sum: int8_t, ((uint32_t)(int32_t)value);
    i32_load8_u_sum: uint8_t, value;
    i32_load16_s_sum: int16_t, ((uint32_t)(int32_t)value);
    i32_load16_u_sum: uint16_t, value;
}

/// A comparison of integers as a jump. With `FROM` 1, register `A` is loaded from the slot `from` first. With `LOOP` 1, the uop checks for
/// an interruption, as `iterate` at the target would.
macro_rules! jump {
    ($($name:ident: $ty:ident, $place:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const LOOP: 0..2, const A: 0..2, const B: 0..5>(
                from: u32, slot: u32, imm: i32, target: Label, interrupted: Label
            ) where (FROM == 1 || LOOP == 1) && A != B && B != 2 && (FROM == 0 || B >= IN_SLOT) {
                if (LOOP && EXPECT_NOT(!LIMIT)) JUMP(interrupted);
                if (FROM) R(A) = SLOT(uint64_t, from);
                $ty a = ($ty)R(A), b = ($ty)$place(B);
                if (a $operator b) JUMP(target);
            }
        )*}
    };
}

jump! {
    jump_i32_eq_fused: uint32_t, INTEGER32, ==;
    jump_i32_ne_fused: uint32_t, INTEGER32, !=;
    jump_i32_lt_s_fused: int32_t, INTEGER32, <;
    jump_i32_lt_u_fused: uint32_t, INTEGER32, <;
    jump_i32_gt_s_fused: int32_t, INTEGER32, >;
    jump_i32_gt_u_fused: uint32_t, INTEGER32, >;
    jump_i32_le_s_fused: int32_t, INTEGER32, <=;
    jump_i32_le_u_fused: uint32_t, INTEGER32, <=;
    jump_i32_ge_s_fused: int32_t, INTEGER32, >=;
    jump_i32_ge_u_fused: uint32_t, INTEGER32, >=;
    jump_i64_eq_fused: uint64_t, INTEGER, ==;
    jump_i64_ne_fused: uint64_t, INTEGER, !=;
    jump_i64_lt_s_fused: int64_t, INTEGER, <;
    jump_i64_lt_u_fused: uint64_t, INTEGER, <;
    jump_i64_gt_s_fused: int64_t, INTEGER, >;
    jump_i64_gt_u_fused: uint64_t, INTEGER, >;
    jump_i64_le_s_fused: int64_t, INTEGER, <=;
    jump_i64_le_u_fused: uint64_t, INTEGER, <=;
    jump_i64_ge_s_fused: int64_t, INTEGER, >=;
    jump_i64_ge_u_fused: uint64_t, INTEGER, >=;
}

/// The end of a counting loop: `at` is a slot to which `imm` is added, by way of register `A`. The jump to the next iteration is taken if the
/// sum has this relation to `bound`, which is a slot or a constant.
macro_rules! count {
    ($($name:ident: $ty:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..2, const B: 3..5>(at: u32, imm: i32, bound: u32, target: Label, interrupted: Label) {
                if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
                R(A) = SLOT(uint32_t, at) + (uint32_t)imm;
                SLOT(uint64_t, at) = R(A);
                if (($ty)R(A) $operator (B == IN_SLOT ? SLOT($ty, bound) : ($ty)bound)) JUMP(target);
            }
        )*}
    };
}

count! {
    count_ne: uint32_t, !=;
    count_lt_s: int32_t, <;
    count_lt_u: uint32_t, <;
    count_gt_s: int32_t, >;
    count_gt_u: uint32_t, >;
    count_le_s: int32_t, <=;
    count_ge_s: int32_t, >=;
}

uops! {
    /// Jumps to the next iteration of a loop, unconditionally or by a comparison with zero.
    pub uop jump_back(target: Label, interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        JUMP(target);
    }
    pub uop jump_i32_eqz_back<const A: 0..4>(slot: u32, target: Label, interrupted: Label) where A != 2 {
        const int imm = 0;
        (void)imm;
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        if (INTEGER32(A) == 0) JUMP(target);
    }
    pub uop jump_i32_nez_back<const A: 0..4>(slot: u32, target: Label, interrupted: Label) where A != 2 {
        const int imm = 0;
        (void)imm;
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        if (INTEGER32(A) != 0) JUMP(target);
    }

    // Two moves, or a move and a jump.
    pub uop copy_copy(to: u32, from: u32, then_to: u32, then_from: u32) {
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        SLOT(uint64_t, then_to) = SLOT(uint64_t, then_from);
    }
    pub uop constant_constant(to: u32, value: u32, then_to: u32, then_value: u32) {
        SLOT(uint64_t, to) = value;
        SLOT(uint64_t, then_to) = then_value;
    }
    pub uop constant_copy(to: u32, value: u32, then_to: u32, then_from: u32) {
        SLOT(uint64_t, to) = value;
        SLOT(uint64_t, then_to) = SLOT(uint64_t, then_from);
    }
    pub uop copy_constant(to: u32, from: u32, then_to: u32, then_value: u32) {
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        SLOT(uint64_t, then_to) = then_value;
    }
    pub uop copy_jump(to: u32, from: u32, target: Label) {
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        JUMP(target);
    }
    pub uop get_set<const A: 0..2>(from: u32, to: u32) {
        R(A) = SLOT(uint64_t, from);
        SLOT(uint64_t, to) = R(A);
    }
    pub uop get_get<const A: 0..2, const B: 0..2>(from: u32, then_from: u32) where A != B {
        R(A) = SLOT(uint64_t, from);
        R(B) = SLOT(uint64_t, then_from);
    }
    pub uop set_get<const A: 0..2, const B: 0..2>(to: u32, from: u32) {
        SLOT(uint64_t, to) = R(A);
        R(B) = SLOT(uint64_t, from);
    }
    pub uop set_copy<const A: 0..2>(to: u32, then_to: u32, then_from: u32) {
        SLOT(uint64_t, to) = R(A);
        SLOT(uint64_t, then_to) = SLOT(uint64_t, then_from);
    }
    pub uop set_jump<const A: 0..2>(to: u32, target: Label) {
        SLOT(uint64_t, to) = R(A);
        JUMP(target);
    }
    pub uop copy_jump_back(to: u32, from: u32, target: Label, interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        JUMP(target);
    }
    pub uop set_jump_back<const A: 0..2>(to: u32, target: Label, interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        SLOT(uint64_t, to) = R(A);
        JUMP(target);
    }
    pub uop copy_jump_i32_nez_back(to: u32, from: u32, slot: u32, target: Label, interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        if (SLOT(uint32_t, slot)) JUMP(target);
    }
    /// Adds a constant to a slot, and copies a slot or jumps to the next iteration of a loop.
    pub uop add_copy<const A: 0..2>(at: u32, imm: i32, to: u32, from: u32) {
        R(A) = SLOT(uint32_t, at) + (uint32_t)imm;
        SLOT(uint64_t, at) = R(A);
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
    }
    pub uop add_jump_back<const A: 0..2>(at: u32, imm: i32, target: Label, interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
        R(A) = SLOT(uint32_t, at) + (uint32_t)imm;
        SLOT(uint64_t, at) = R(A);
        JUMP(target);
    }
    /// `select`, whose result also goes to a slot.
    pub uop select_slot<const A: 0..2, const B: 3..5, const CONDITION: 0..3>(slot: u32, imm: i32, to: u32) where A != CONDITION {
        if (!(uint32_t)R(CONDITION)) R(A) = INTEGER(B);
        SLOT(uint64_t, to) = R(A);
    }
    /// Ends a function whose last result is at one of these locations.
    pub uop set_leave<const A: 0..2>(to: u32) {
        SLOT(uint64_t, to) = R(A);
        RETURN(0);
    }
    pub uop copy_leave(to: u32, from: u32) {
        SLOT(uint64_t, to) = SLOT(uint64_t, from);
        RETURN(0);
    }
    /// Adds constants to two slots, one after the other.
    pub uop add_add<const A: 0..2, const B: 0..2>(at: u32, imm: i32, then_at: u32, then_imm: i32) {
        R(A) = SLOT(uint32_t, at) + (uint32_t)imm;
        SLOT(uint64_t, at) = R(A);
        R(B) = SLOT(uint32_t, then_at) + (uint32_t)then_imm;
        SLOT(uint64_t, then_at) = R(B);
    }
    /// Copies a value from memory to memory. gcc has no register left and saves one on the stack.
    #[stencil()]
    pub uop i32_load_store<const A: 0..2>(slot: u32, offset: u32, outside: Label, address_slot: u32, then_offset: u32) {
        uint64_t from = (uint64_t)SLOT(uint32_t, slot) + offset;
        LOAD(uint32_t, value, from);
        R(A) = value;
        uint64_t to = (uint64_t)SLOT(uint32_t, address_slot) + then_offset;
        STORE(value, to);
    }
    pub uop i64_load_store<const A: 0..2>(slot: u32, offset: u32, outside: Label, address_slot: u32, then_offset: u32) {
        uint64_t from = (uint64_t)SLOT(uint32_t, slot) + offset;
        LOAD(uint64_t, value, from);
        R(A) = value;
        uint64_t to = (uint64_t)SLOT(uint32_t, address_slot) + then_offset;
        STORE(value, to);
    }
}

/// A scaled or multiplied index: register `A`, loaded from the slot `from` if `FROM` is 1, by a constant. Then the sum with the value at location `B`.
macro_rules! index {
    ($($name:ident: $index:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const B: 0..5>(from: u32, by: i32, slot: u32, imm: i32) where A != B && B != 2 {
                uint32_t a = FROM ? SLOT(uint32_t, from) : (uint32_t)R(A);
                R(A) = $index + INTEGER32(B);
            }
        )*}
    };
}

index! {
    i32_shl_add: (a << ((uint32_t)by & 31));
    i32_mul_add: (a * (uint32_t)by);
}

/// A load from an array: the address is the sum of a scaled index, as in `i32_shl_add`, and the slot `slot`.
macro_rules! load_element {
    ($($name:ident: $register:ident, $ty:ident, $registers:literal, $condition:tt;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const TO: 0..$registers>(from: u32, by: i32, slot: u32, offset: u32, outside: Label)
            where $condition {
                uint32_t a = FROM ? SLOT(uint32_t, from) : (uint32_t)R(A);
                R(A) = (a << ((uint32_t)by & 31)) + SLOT(uint32_t, slot);
                uint64_t address = R(A) + offset;
                LOAD($ty, value, address);
                $register(TO) = value;
            }
        )*}
    };
}

load_element! {
    i32_load_element: R, uint32_t, 2, (A == TO);
    i64_load_element: R, uint64_t, 2, (A == TO);
    f32_load_element: S, float, 3, (1);
    f64_load_element: D, double, 3, (1);
}

/// A load of a float from the sum of register `A`, loaded from the slot `from` if `FROM` is 1, and the value at location `B`.
macro_rules! float_load_from_sum {
    ($($name:ident: $register:ident, $ty:ident;)*) => {
        uops! {$(
            pub uop $name<const FROM: 0..2, const A: 0..2, const B: 0..5, const TO: 0..3>(
                from: u32, slot: u32, imm: i32, offset: u32, outside: Label
            ) where A != B && B != 2 && (FROM == 0 || B >= IN_SLOT) {
                if (FROM) R(A) = SLOT(uint64_t, from);
                R(A) = (uint32_t)R(A) + INTEGER32(B);
                uint64_t address = (uint64_t)(uint32_t)R(A) + offset;
                LOAD($ty, value, address);
                $register(TO) = value;
            }
        )*}
    };
}

float_load_from_sum! {
    f32_load_sum: S, float;
    f64_load_sum: D, double;
}

/// A load to register `B` from the address at location `AT`, and an operator on register `A` and the value. Also the same with a constant.
macro_rules! float_operand {
    ($($loaded:ident $constant:ident: $ty:ident, $rust:ident, $register:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $loaded<const A: 0..2, const B: 0..3, const AT: 0..4>(slot: u32, offset: u32, outside: Label)
            where A != B && AT != 2 {
                const int imm = 0;
                (void)imm;
                uint64_t address = (uint64_t)INTEGER32(AT) + offset;
                LOAD($ty, value, address);
                $register(B) = value;
                $register(A) = $register(A) $operator $register(B);
            }
            pub uop $constant<const A: 0..2, const B: 0..3>(value: $rust) where A != B {
                $register(B) = value;
                $register(A) = $register(A) $operator $register(B);
            }
        )*}
    };
}

float_operand! {
    f32_add_loaded f32_add_constant: float, f32, S, +;
    f32_sub_loaded f32_sub_constant: float, f32, S, -;
    f32_mul_loaded f32_mul_constant: float, f32, S, *;
    f64_add_loaded f64_add_constant: double, f64, D, +;
    f64_sub_loaded f64_sub_constant: double, f64, D, -;
    f64_mul_loaded f64_mul_constant: double, f64, D, *;
}

/// A comparison of floats as a jump, which is taken if the result is `IS`. The result also goes to register 0.
macro_rules! float_jump {
    ($($name:ident: $register:ident, $place:ident, $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..2, const B: 0..4, const IS: 0..2>(slot: u32, target: Label) where A != B && B != 2 {
                r0 = $register(A) $operator $place(B);
                if (r0 == IS) JUMP(target);
            }
        )*}
    };
}

float_jump! {
    jump_f32_eq: S, SINGLE, ==;
    jump_f32_ne: S, SINGLE, !=;
    jump_f32_lt: S, SINGLE, <;
    jump_f32_gt: S, SINGLE, >;
    jump_f32_le: S, SINGLE, <=;
    jump_f32_ge: S, SINGLE, >=;
    jump_f64_eq: D, DOUBLE, ==;
    jump_f64_ne: D, DOUBLE, !=;
    jump_f64_lt: D, DOUBLE, <;
    jump_f64_gt: D, DOUBLE, >;
    jump_f64_le: D, DOUBLE, <=;
    jump_f64_ge: D, DOUBLE, >=;
}

uops! {
    /// A test of bits: register `A`, loaded from the slot `from` if `FROM` is 1, receives its `and` with the value at location `B`. The jump is
    /// taken if the result is zero, or with `NOT` 1 if it is not.
    pub uop jump_i32_and<const FROM: 0..2, const A: 0..2, const B: 0..5, const NOT: 0..2>(from: u32, slot: u32, imm: i32, target: Label)
    where A != B && B != 2 && (FROM == 0 || B >= IN_SLOT) {
        if (FROM) R(A) = SLOT(uint64_t, from);
        R(A) = (uint32_t)R(A) & INTEGER32(B);
        if ((R(A) != 0) == NOT) JUMP(target);
    }
}

/// A load to register `A` from the address there or in a slot, and a jump that is taken if the value equals a constant; with `NOT` 1, if not.
macro_rules! load_jump {
    ($($name:ident: $ty:ident;)*) => {
        uops! {$(
            pub uop $name<const A: 0..2, const AT: 0..4, const NOT: 0..2>(slot: u32, offset: u32, outside: Label, imm: i32, target: Label)
            where AT == A || AT == IN_SLOT {
                uint64_t address = (uint64_t)INTEGER32(AT) + offset;
                LOAD($ty, value, address);
                R(A) = value;
                if ((value != (uint32_t)imm) == NOT) JUMP(target);
            }
        )*}
    };
}

load_jump! {
    jump_i32_loaded: uint32_t;
    jump_i32_loaded8: uint8_t;
}

/// A store to the sum of the slot `from` and `by`, which is a slot or a constant (`B`). The address goes to register `A`, and `value` is a register, a slot or a
/// constant (`VALUE`).
macro_rules! store_to_sum {
    ($($name:ident: $ty:ident;)*) => {
        uops! {$(
            pub uop $name<const A: 0..2, const B: 3..5, const VALUE: 0..5>(from: u32, by: u32, value: u32, offset: u32, outside: Label)
            where A != VALUE && VALUE != 2 {
                R(A) = SLOT(uint32_t, from) + (B == IN_SLOT ? SLOT(uint32_t, by) : by);
                uint64_t address = R(A) + offset;
                $ty stored = VALUE == IN_IMM ? ($ty)(int64_t)(int32_t)value : VALUE == IN_SLOT ? SLOT($ty, value) : VALUE ? ($ty)r1 : ($ty)r0;
                STORE(stored, address);
            }
        )*}
    };
}

store_to_sum! {
    i32_store_sum: uint32_t;
    i64_store_sum: uint64_t;
    i32_store8_sum: uint8_t;
}

/// An operator on register `A` and the value at location `B`, whose result is also stored to the address in a slot.
macro_rules! store_result {
    ($($name:ident: $operator:tt;)*) => {
        uops! {$(
            pub uop $name<const A: 0..2, const B: 0..5>(slot: u32, imm: i32, address_slot: u32, offset: u32, outside: Label) where A != B && B != 2 {
                R(A) = (uint32_t)R(A) $operator INTEGER32(B);
                uint64_t address = (uint64_t)SLOT(uint32_t, address_slot) + offset;
                uint32_t value = (uint32_t)R(A);
                STORE(value, address);
            }
        )*}
    };
}

store_result! {
    i32_add_store: +;
    i32_sub_store: -;
    i32_and_store: &;
    i32_or_store: |;
    i32_xor_store: ^;
}
