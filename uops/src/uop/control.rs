//! Moves between locations, and control instructions (core specification 4.4.2 to 4.4.8).

use std::ffi::c_void;

use stencil_runtime::Label;

use super::uops;

uops! {
    /// Sets a register to a constant: a zero-extended or sign-extended 32-bit constant, or any 64-bit one.
    pub uop constant<const TO: 0..3>(value: u32) { R(TO) = value; }
    pub uop signed_constant<const TO: 0..3>(imm: i32) { R(TO) = (int64_t)imm; }
    pub uop wide_constant<const TO: 0..3>(value: u64) { R(TO) = value; }
    pub uop f32_constant<const TO: 0..3>(value: f32) { S(TO) = value; }
    pub uop f64_constant<const TO: 0..3>(value: f64) { D(TO) = value; }
    /// Stores a constant to a slot: a value below 2^31, which takes a single instruction, a sign-extended value, or any 64 bits.
    pub uop constant_to_slot(to: u32, value: u32) { SLOT(uint64_t, to) = value; }
    pub uop signed_constant_to_slot(to: u32, imm: i32) { SLOT(uint64_t, to) = (int64_t)imm; }
    pub uop wide_constant_to_slot(to: u32, value: u64) { SLOT(uint64_t, to) = value; }

    /// Copies a slot to a register, or a register to a slot. A slot has 64 bits. The upper half of a 32-bit value is undefined.
    pub uop get<const TO: 0..3>(slot: u32) { R(TO) = SLOT(uint64_t, slot); }
    pub uop f32_get<const TO: 0..3>(slot: u32) { S(TO) = SLOT(float, slot); }
    pub uop f64_get<const TO: 0..3>(slot: u32) { D(TO) = SLOT(double, slot); }
    pub uop set<const A: 0..3>(slot: u32) { SLOT(uint64_t, slot) = R(A); }
    pub uop f32_set<const A: 0..3>(slot: u32) { SLOT(float, slot) = S(A); }
    pub uop f64_set<const A: 0..3>(slot: u32) { SLOT(double, slot) = D(A); }
    /// Copies a slot to a slot without using a register.
    pub uop copy(to: u32, from: u32) { SLOT(uint64_t, to) = SLOT(uint64_t, from); }
    /// Copies `count` slots, at least one, to lower slots. The two ranges may overlap.
    #[stencil()]
    pub uop copy_slots(to: u32, from: u32, count: u32) {
        uint64_t *target = &SLOT(uint64_t, to);
        const uint64_t *source = &SLOT(uint64_t, from), *end = source + count;
        // The empty asm statement keeps the compiler from turning this loop into a call of `memmove`.
        do {
            *target++ = *source++;
            __asm__ volatile("" : "+r"(source));
        } while (source != end);
    }

    // Globals. `cell` is the byte offset of a global's pointer in the array of globals.
    pub uop global_get<const TO: 0..3>(cell: u32) { R(TO) = GLOBAL(uint64_t); }
    pub uop f32_global_get<const TO: 0..3>(cell: u32) { S(TO) = GLOBAL(float); }
    pub uop f64_global_get<const TO: 0..3>(cell: u32) { D(TO) = GLOBAL(double); }
    pub uop global_set<const A: 0..3>(cell: u32) { GLOBAL(uint64_t) = R(A); }
    pub uop f32_global_set<const A: 0..3>(cell: u32) { GLOBAL(float) = S(A); }
    pub uop f64_global_set<const A: 0..3>(cell: u32) { GLOBAL(double) = D(A); }

    /// Sets `A` to the value at location `B` if the register `CONDITION` is zero.
    pub uop select<const A: 0..3, const B: 0..5, const CONDITION: 0..3>(slot: u32, imm: i32)
    where A != B && A != CONDITION && B != CONDITION {
        if (!(uint32_t)R(CONDITION)) R(A) = INTEGER(B);
    }
    pub uop f32_select<const A: 0..3, const B: 0..4, const CONDITION: 0..3>(slot: u32) where A != B {
        if (!(uint32_t)R(CONDITION)) S(A) = SINGLE(B);
    }
    pub uop f64_select<const A: 0..3, const B: 0..4, const CONDITION: 0..3>(slot: u32) where A != B {
        if (!(uint32_t)R(CONDITION)) D(A) = DOUBLE(B);
    }

    pub uop jump(target: Label) { JUMP(target); }
    /// Jumps through a table of `count` addresses, by the index in a register. An index beyond the table selects the last address.
    pub uop jump_table<const A: 0..3>(table: *const *const c_void, count: u32) {
        uint64_t index = (uint32_t)R(A);
        JUMP(table[index < count ? index : count - 1]);
    }

    /// Begins a function, whose frame has `size` bytes. In an interrupted run, no frame fits.
    pub uop enter(size: u32, exhausted: Label) {
        if ((char *)fp + size > (char *)LIMIT) JUMP(exhausted);
    }
    /// Begins an iteration of a loop.
    pub uop iterate(interrupted: Label) {
        if (EXPECT_NOT(!LIMIT)) JUMP(interrupted);
    }
    /// Sets `count` slots to zero.
    pub uop zero(from: u32, count: u32) {
        uint64_t *slot = &SLOT(uint64_t, from);
        for (uint64_t *end = slot + count; slot != end; slot++) *slot = 0;
    }
    /// Leaves a function.
    pub uop leave() { RETURN(0); }
    /// Leaves a function that trapped.
    pub uop trap(code: u32, site: u32) { UNWIND(code); }

    // Calls. `site` is the offset in the module, for backtraces. `frame` is the offset of the callee's frame in the
    // caller's; results replace the arguments there. All other registers are saved to slots before a call, so a callee
    // may overwrite them.
    #[stencil()]
    pub uop call(function: Label, frame: u32, site: u32) {
        ENTER(function, (void)0);
    }
    /// `import` is the byte offset of the function in the array of imported functions.
    #[stencil()]
    pub uop call_import(import: u32, frame: u32, site: u32) {
        const Func *function = *(const Func **)((char *)vm->functions + import);
        ENTER_FUNCTION(function);
    }
    /// `index` is the slot that holds the index into the table. `table` and `ty` are byte offsets in the instance's
    /// arrays.
    #[stencil()]
    pub uop call_indirect(table: u32, ty: u32, index: u32, frame: u32, site: u32) {
        FIND_FUNCTION;
        ENTER_FUNCTION(function);
    }

    // Tail calls. The arguments are in the first slots of the frame, and the callee takes over the frame. A tail call
    // of a function of the same instance is a `jump`.
    pub uop return_call_import(import: u32) {
        const Func *function = *(const Func **)((char *)vm->functions + import);
        BECOME(function);
    }
    pub uop return_call_indirect(table: u32, ty: u32, index: u32, site: u32) {
        FIND_FUNCTION;
        BECOME(function);
    }
}
