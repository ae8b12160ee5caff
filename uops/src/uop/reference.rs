//! Reference and table instructions (core specification 4.4.2 and 4.4.6). A reference is an address; the null reference
//! is 0.
//!
//! Instructions on many elements are in `bulk`.

use stencil_runtime::Label;

use super::uops;

uops! {
    /// Returns a reference to a function. `function` is its byte offset in the array of functions.
    pub uop ref_func<const TO: 0..3>(function: u32) { R(TO) = *(uint64_t *)((char *)vm->functions + function); }

    /// Saturates a 64-bit index in a register to 32 bits. No table has that many elements.
    pub uop clamp_index<const A: 0..3>() { if (R(A) > UINT32_MAX) R(A) = UINT32_MAX; }

    // `table` is the byte offset of the table in the array of tables.
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
