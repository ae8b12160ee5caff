//! Reference and table instructions (core specification 4.4.2 and 4.4.6). A reference is an address, and none is 0.
//!
//! Those that work on many elements are in `bulk`.

use stencil_runtime::Label;

use super::uops;
use crate::runtime::vm::Vm;

uops! {
    /// A reference to a function, which is `function` bytes into the array of them.
    pub uop ref_func<const TO: 0..3>(function: u32) { R(TO) = *(uint64_t *)((char *)vm->functions + function); }

    /// Makes a 64-bit index in a register one of 32 bits. No table has as many elements as the largest.
    pub uop clamp_index<const A: 0..3>() { if (R(A) > UINT32_MAX) R(A) = UINT32_MAX; }

    // `table` is the offset of the table in the array of them.
    pub uop table_get<const A: 0..3>(table: u32, outside: Label) {
        const Table *elements = *(Table **)((char *)vm->tables + table);
        uint64_t index = (uint32_t)R(A);
        if (EXPECT_NOT(index >= elements->size)) JUMP(outside);
        R(A) = (uint64_t)elements->elements[index];
    }
    /// Sets the element whose index is in register `A` to the reference in register `V`.
    pub uop table_set<const A: 0..3, const V: 0..3>(table: u32, outside: Label) where A != V {
        const Table *elements = *(Table **)((char *)vm->tables + table);
        uint64_t index = (uint32_t)R(A);
        if (EXPECT_NOT(index >= elements->size)) JUMP(outside);
        elements->elements[index] = (const Func *)R(V);
    }
    pub uop table_size<const TO: 0..3>(table: u32) {
        R(TO) = (*(Table **)((char *)vm->tables + table))->size;
    }
}
