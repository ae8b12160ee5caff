//! Vector instructions (core specification 4.4.3). Each is a C expression, most of them an SSE 4.2 intrinsic; decoding
//! a module checks that the CPU supports SSE 4.2. This file has the moves, and the submodules have the rest.
//!
//! The machine has two vector registers. Where a family has a parameter for a vector's location, 0 and 1 are these
//! registers, and 3 is a pair of adjacent slots.

/// `a OP b`, with `a` in a register, which receives the result, and `b` in the other register or in a slot.
macro_rules! binary {
    ($($name:ident: $ty:ident, $value:tt;)*) => {
        crate::uop::vectors! {$(
            pub uop $name<const A: 0..2, const B: 0..4>(slot: u32) where A != B && B != 2 {
                $ty a = ($ty)V(A), b = ($ty)VECTOR(B);
                V(A) = (v128)$value;
            }
        )*}
    };
}

/// `OP a`, in place.
macro_rules! unary {
    ($($name:ident: $ty:ident, $value:tt;)*) => {
        crate::uop::vectors! {$(
            pub uop $name<const A: 0..2>() {
                $ty a = ($ty)V(A);
                V(A) = (v128)$value;
            }
        )*}
    };
}

pub mod float;
pub mod integer;
pub mod lane;

use stencil_runtime::Label;

use super::memory::{load, store};
use super::vectors;

vectors! {
    pub uop v128_constant<const TO: 0..2>(value: core::arch::x86_64::__m128i) { V(TO) = value; }
    pub uop v128_get<const TO: 0..2>(slot: u32) { V(TO) = SLOT(v128_anywhere, slot); }
    pub uop v128_set<const A: 0..2>(slot: u32) { SLOT(v128_anywhere, slot) = V(A); }
    pub uop v128_copy(to: u32, from: u32) { SLOT(v128_anywhere, to) = SLOT(v128_anywhere, from); }
    pub uop v128_global_get<const TO: 0..2>(cell: u32) { V(TO) = GLOBAL(v128_anywhere); }
    pub uop v128_global_set<const A: 0..2>(cell: u32) { GLOBAL(v128_anywhere) = V(A); }
    /// Like `select`.
    pub uop v128_select<const A: 0..2, const B: 0..4, const CONDITION: 0..3>(slot: u32) where A != B && B != 2 {
        if (!(uint32_t)R(CONDITION)) V(A) = VECTOR(B);
    }
    /// Selects bits of `A` where the mask at location `MASK` has 1, and bits of the value at location `B` elsewhere.
    pub uop v128_bitselect<const A: 0..2, const B: 0..4, const MASK: 0..4>(slot: u32, mask_slot: u32)
    where A != B && A != MASK && B != 2 && MASK != 2 && (B == IN_SLOT || MASK == IN_SLOT) {
        v128 b = VECTOR(B);
        V(A) = b ^ ((V(A) ^ b) & VECTOR_IN(MASK, mask_slot));
    }
}

load! { vectors 2:
    v128_load: V, v128, (1), value;
    v128_load32_zero: V, uint32_t, (1), (_mm_cvtsi32_si128(value));
    v128_load64_zero: V, uint64_t, (1), (_mm_cvtsi64_si128(value));
}

store! { vectors:
    v128_store: v128, 4, (VALUE != 2), (VECTOR(VALUE));
}

/// Loads and stores, as in `located`.
macro_rules! located {
    ($($name:ident: $ty:ident, $value:tt;)*) => {
        vectors! {$(
            pub uop $name<const TO: 0..2, const A: 0..3>() {
                $ty value;
                __builtin_memcpy(&value, (const void *)R(A), sizeof value);
                V(TO) = $value;
            }
        )*}
    };
}

located! {
    load_v128: v128, value;
    load_v128_zero32: uint32_t, (_mm_cvtsi32_si128(value));
    load_v128_zero64: uint64_t, (_mm_cvtsi64_si128(value));
}

vectors! {
    pub uop store_v128<const A: 0..3, const VALUE: 0..2>() {
        __builtin_memcpy((void *)R(A), &V(VALUE), sizeof(v128));
    }
}
