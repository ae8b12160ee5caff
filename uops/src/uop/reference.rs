//! Reference and table instructions (core specification 4.4.2 and 4.4.6). A reference is an address, and none is 0.
//!
//! Those that work on many elements are in `bulk`.

use stencil_runtime::Label;

use super::uops;
use crate::vm::Vm;

uops! {
    /// A reference to a function, which is `function` bytes into the array of them.
    pub uop ref_func<const TO: 0..3>(function: u32) { R(TO) = *(uint64_t *)((char *)vm->functions + function); }

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
