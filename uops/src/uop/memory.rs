//! Memory instructions (core specification 4.4.7) for the first memory, if it has 32-bit addresses. Those for other
//! memories are in `located`. An effective address is the sum of a 32-bit address and a 32-bit offset, without
//! wrapping; all bytes of the access must be within the memory.
//!
//! The offset is a displacement in the machine code and therefore less than 2^31. `far_address` adds larger offsets to
//! the address.

use stencil_runtime::Label;

use super::uops;

/// Loads to register `TO` from the address at location `A`: a register (for integers, `TO` itself), a slot, or no
/// location if the offset alone is the address.
macro_rules! load {
    ($block:ident $registers:tt: $($name:ident: $register:ident, $ty:ident, $condition:tt, $value:tt;)*) => {
        crate::uop::$block! {
            $(pub uop $name<const TO: 0..$registers, const A: 0..5>(slot: u32, offset: u32, outside: Label)
            where $condition {
                const int imm = 0;
                (void)imm;
                uint64_t address = (uint64_t)INTEGER32(A) + offset;
                LOAD($ty, value, address);
                $register(TO) = $value;
            })*
        }
    };
}

pub(super) use load;

load! { uops 3:
    i32_load: R, uint32_t, (TO == A || A >= IN_SLOT), value;
    i64_load: R, uint64_t, (TO == A || A >= IN_SLOT), value;
    f32_load: S, float, (1), value;
    f64_load: D, double, (1), value;
    i32_load8_s: R, int8_t, (TO == A || A >= IN_SLOT), ((uint32_t)(int32_t)value);
    i32_load8_u: R, uint8_t, (TO == A || A >= IN_SLOT), value;
    i32_load16_s: R, int16_t, (TO == A || A >= IN_SLOT), ((uint32_t)(int32_t)value);
    i32_load16_u: R, uint16_t, (TO == A || A >= IN_SLOT), value;
    i64_load8_s: R, int8_t, (TO == A || A >= IN_SLOT), ((uint64_t)(int64_t)value);
    i64_load8_u: R, uint8_t, (TO == A || A >= IN_SLOT), value;
    i64_load16_s: R, int16_t, (TO == A || A >= IN_SLOT), ((uint64_t)(int64_t)value);
    i64_load16_u: R, uint16_t, (TO == A || A >= IN_SLOT), value;
    i64_load32_s: R, int32_t, (TO == A || A >= IN_SLOT), ((uint64_t)(int64_t)value);
    i64_load32_u: R, uint32_t, (TO == A || A >= IN_SLOT), value;
}

/// Stores an integer or a vector at location `VALUE`, or a float in that register, to the address at location `A`: a
/// register, the slot `address_slot`, or no location if the offset alone is the address.
macro_rules! store {
    ($block:ident: $($name:ident: $ty:ident, $places:tt, $condition:tt, $value:tt;)*) => {
        crate::uop::$block! {
            $(pub uop $name<const A: 0..5, const VALUE: 0..5>(
                address_slot: u32, slot: u32, imm: i32, offset: u32, outside: Label
            ) where $condition && VALUE < $places {
                uint64_t address = (uint64_t)ADDRESS32(A) + offset;
                $ty value = ($ty)$value;
                STORE(value, address);
            })*
        }
    };
}

pub(super) use store;

store! { uops:
    i32_store: uint32_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER32(VALUE));
    i64_store: uint64_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER(VALUE));
    f32_store: float, 3, (1), (SINGLE(VALUE));
    f64_store: double, 3, (1), (DOUBLE(VALUE));
    i32_store8: uint8_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER32(VALUE));
    i32_store16: uint16_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER32(VALUE));
    i64_store8: uint8_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER(VALUE));
    i64_store16: uint16_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER(VALUE));
    i64_store32: uint32_t, 5, (A != VALUE || A >= IN_SLOT), (INTEGER(VALUE));
}

uops! {
    /// Adds a large offset to the address in a register, so that the access that follows needs none.
    pub uop far_address<const A: 0..3>(offset: u64, outside: Label) {
        uint64_t address = (uint32_t)R(A) + offset;
        if (address >= vm->memory_size) JUMP(outside);
        R(A) = address;
    }
    /// Returns the size of the memory in pages.
    pub uop memory_size<const TO: 0..3>() { R(TO) = vm->memory_size >> 16; }
}
