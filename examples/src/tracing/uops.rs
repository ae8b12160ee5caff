//! The uops of traces.
//!
//! A slot operand is a byte offset from the frame, which becomes an instruction's displacement. A uop that leaves a trace does
//! so before it changes anything.

use stencil_runtime::{Label, stencil};

use super::bytecode::Op;
use super::executor::{Executor, SideExit};
use super::interpret::{self, Vm};
use super::jit;
use super::value::{List, Value};

stencil! {
    // The build fails if a uop uses the native stack. Those that call the interpreter are exempt.
    #![stencil(no_stack)]

    /// The frame that the trace was entered in. A trace returns the exit by which it was left.
    #[interpreter]
    pub machine Tracing(frame: *mut Value, vm: *mut Vm) -> *mut SideExit;

    struct Value = Value { tag: u64, bits: u64 }
    struct List = List { items: *mut Value, length: u64, capacity: u64 }
    struct SideExit = SideExit { next: *const u8, compiled: bool, executor: u32, index: u32, count: u32 }
    struct Executor = Executor { valid: bool, id: u32, rounds: u64, guards: u64, every: u64 }
    extern fn simple(vm: *mut Vm, frame: *mut Value, op: *const Op) -> bool = interpret::simple;
    extern fn compile(vm: *mut Vm, executor: *mut Executor) -> *const u8 = jit::compile;
    extern fn test(vm: *mut Vm, frame: *mut Value, op: *const Op) -> u8 = interpret::test;

    include "uops.h";

    /// Leaves the trace if the value is of another type.
    pub uop guard_tag(slot: u32, tag: u32, exit: Label) { if (AT(slot)->tag != tag) JUMP(exit); }
    pub uop guard_bits(slot: u32, bits: u64, exit: Label) { if (AT(slot)->bits != bits) JUMP(exit); }
    /// Leaves the trace unless a comparison, numbered as in the bytecode, has the expected result.
    pub uop guard_ints<const OP: 0..6, const RIGHT: 0..2, const HOLDS: 0..2>(left: u32, right: u32, n: i32, exit: Label) {
        if (COMPARE(INT(left), RIGHT_INT) != HOLDS) JUMP(exit);
    }
    pub uop guard_floats<const OP: 0..6, const RIGHT: 0..2, const HOLDS: 0..2>(left: u32, right: u32, n: i32, exit: Label) {
        if (COMPARE(FLOAT(left), RIGHT_FLOAT) != HOLDS) JUMP(exit);
    }
    #[stencil()]
    pub uop guard_test<const HOLDS: 0..2>(base: u32, op: *const Op, exit: Label) {
        if (test(vm, AT(base), op) != HOLDS) JUMP(exit);
    }
    /// Leaves the trace if one of its assumptions no longer holds.
    pub uop check_validity(executor: *const Executor, exit: Label) { if (!executor->valid) JUMP(exit); }
    pub uop check_stack(size: u32, end: *const Value, exit: Label) { if (AT(size) > end) JUMP(exit); }
    /// For tests: leaves the trace for no reason, after a number of guards.
    pub uop fail_sometimes(executor: *mut Executor, exit: Label) {
        if (++executor->guards == executor->every) { executor->guards = 0; JUMP(exit); }
    }

    pub uop set_tag(slot: u32, tag: u32) { AT(slot)->tag = tag; }
    pub uop set_bits(slot: u32, bits: u64) { AT(slot)->bits = bits; }
    pub uop copy_tag(to: u32, from: u32) { AT(to)->tag = AT(from)->tag; }
    pub uop copy_bits(to: u32, from: u32) { AT(to)->bits = AT(from)->bits; }

    /// `+`, `-` and `*`. An overflow leaves the trace: the result is a float then.
    pub uop ints<const OP: 0..3, const RIGHT: 0..2>(to: u32, left: u32, right: u32, n: i32, exit: Label) {
        int64_t result;
        bool overflow = OP == 0 ? __builtin_add_overflow(INT(left), RIGHT_INT, &result)
                      : OP == 1 ? __builtin_sub_overflow(INT(left), RIGHT_INT, &result)
                      : __builtin_mul_overflow(INT(left), RIGHT_INT, &result);
        if (overflow) JUMP(exit);
        AT(to)->bits = (uint64_t)result;
    }
    /// Division by zero leaves the trace; so does `i64::MIN / -1`, which would fault.
    pub uop remainder<const RIGHT: 0..2>(to: u32, left: u32, right: u32, n: i32, exit: Label) {
        int64_t divisor = RIGHT_INT;
        if (divisor == 0) JUMP(exit);
        AT(to)->bits = divisor == -1 ? 0 : (uint64_t)(INT(left) % divisor);
    }
    /// `+`, `-`, `*` and `/`.
    pub uop floats<const OP: 0..4, const RIGHT: 0..2>(to: u32, left: u32, right: u32, n: i32) {
        double a = FLOAT(left), b = RIGHT_FLOAT;
        AT(to)->bits = as_bits(OP == 0 ? a + b : OP == 1 ? a - b : OP == 2 ? a * b : a / b);
    }
    pub uop compare_ints<const OP: 0..6, const RIGHT: 0..2>(to: u32, left: u32, right: u32, n: i32) {
        AT(to)->bits = COMPARE(INT(left), RIGHT_INT);
    }
    pub uop compare_floats<const OP: 0..6, const RIGHT: 0..2>(to: u32, left: u32, right: u32, n: i32) {
        AT(to)->bits = COMPARE(FLOAT(left), RIGHT_FLOAT);
    }

    /// An item of a list; an index out of bounds leaves the trace.
    pub uop item(to: u32, list: u32, index: u32, exit: Label) {
        List *items = (List *)AT(list)->bits;
        if (AT(index)->bits >= items->length) JUMP(exit);
        *AT(to) = items->items[AT(index)->bits];
    }
    pub uop set_item(list: u32, index: u32, from: u32, exit: Label) {
        List *items = (List *)AT(list)->bits;
        if (AT(index)->bits >= items->length) JUMP(exit);
        items->items[AT(index)->bits] = *AT(from);
    }
    /// Lets the interpreter run an instruction.
    #[stencil()]
    pub uop simple(base: u32, op: *const Op, exit: Label) { if (!simple(vm, AT(base), op)) JUMP(exit); }

    pub uop jump(target: Label) { JUMP(target); }
    /// Counts a round of a trace that is interpreted. The last one compiles the trace and continues in the compiled loop, behind
    /// this uop. In compiled code, the uop is empty.
    pub uop count(executor: *mut Executor) {
        (void)executor;
        const uint8_t *code = STENCIL_TIER(0, --executor->rounds ? 0 : compile(vm, executor));
        if (code) STENCIL_EXECUTE(code);
    }
    /// Continues in another trace, in its tier, if the exit is linked to one. Otherwise returns to the interpreter.
    pub uop leave(exit: *mut SideExit) {
        if (!exit->next) RETURN(exit);
        if (exit->compiled) STENCIL_EXECUTE(exit->next);
        STENCIL_INTERPRET(exit->next);
    }
}
