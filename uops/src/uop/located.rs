//! Memory instructions (core specification 4.4.7) for all memories but the first, and for memories with 64-bit
//! addresses.
//!
//! `locate` checks the bounds and replaces the address in a register by the host's. The uops after it use that.

use stencil_runtime::Label;

use super::uops;

uops! {
    // Locates `size` bytes at `offset` bytes from the address in register `A`. `memory` is the byte offset of the
    // memory's pointer in the array of memories. The sum of the address, the offset and the size must not wrap.
    pub uop locate32<const A: 0..3>(memory: u32, offset: u64, size: u32, outside: Label) {
        const Memory *it = MEMORY(memory);
        uint64_t address = (uint32_t)R(A) + offset;
        if (EXPECT_NOT(address + size > it->size)) JUMP(outside);
        R(A) = (uint64_t)(it->base + address);
    }
    pub uop locate64<const A: 0..3>(memory: u32, offset: u64, size: u32, outside: Label) {
        const Memory *it = MEMORY(memory);
        uint64_t address, end;
        if (EXPECT_NOT(__builtin_add_overflow(R(A), offset, &address) || __builtin_add_overflow(address, size, &end)
                       || end > it->size)) JUMP(outside);
        R(A) = (uint64_t)(it->base + address);
    }
}

/// Loads to an integer register from the host address in the same register.
macro_rules! load {
    ($($name:ident: $ty:ident, $value:tt;)*) => {
        uops! {
            $(pub uop $name<const A: 0..3>() {
                $ty value;
                __builtin_memcpy(&value, (const void *)R(A), sizeof value);
                R(A) = $value;
            })*
        }
    };
}

load! {
    load_s8: int8_t, ((uint64_t)(int64_t)value);
    load_u8: uint8_t, value;
    load_s16: int16_t, ((uint64_t)(int64_t)value);
    load_u16: uint16_t, value;
    load_s32: int32_t, ((uint64_t)(int64_t)value);
    load_u32: uint32_t, value;
    load_u64: uint64_t, value;
}

/// Stores the low bits of register `V` at the host address in register `A`.
macro_rules! store {
    ($($name:ident: $ty:ident;)*) => {
        uops! {
            $(pub uop $name<const A: 0..3, const V: 0..3>() where A != V {
                $ty value = ($ty)R(V);
                __builtin_memcpy((void *)R(A), &value, sizeof value);
            })*
        }
    };
}

store! {
    store_8: uint8_t;
    store_16: uint16_t;
    store_32: uint32_t;
    store_64: uint64_t;
}

uops! {
    extern fn grow(vm: *mut Vm, pages: u64, memory: u32) -> u64 = crate::runtime::bulk::memory_grow;

    /// Returns the size of a memory in pages. `memory` is the byte offset of its pointer in the array of memories.
    pub uop size_of_memory<const TO: 0..3>(memory: u32) { R(TO) = MEMORY(memory)->size >> 16; }
    /// Grows a memory, given by its index, by a number of pages. Returns its former size, or -1.
    #[stencil()]
    pub uop memory_grow<const A: 0..3>(memory: u32) { R(A) = grow(vm, R(A), memory); }
}
