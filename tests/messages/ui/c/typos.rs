//! Misspelt names, with suggestions.

use stencil_runtime::Label;

mod names {
    use super::Label;
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm, accumulator: u64, p: *mut Point) -> u64;
        struct Vm { fuel: u64, limit: *mut u64 }
        struct Point = super::Point { horizontal: f32, vertical: f32 }
        extern fn print_number(number: u64) = super::print_number;
        c {
            #define TWICE(a) ((a) * 2)
            static inline uint64_t increment(uint64_t a) { return a + 1; }
            typedef struct { uint64_t low, high; } Pair;
        }
        uop operand(value: u64) { accumulator += vlaue; }
        uop register_() { acumulator++; }
        uop case_(value: u64) { Accumulator = VALUE; }
        uop parameter<const SOURCE: 0..2>() { accumulator += SUORCE; }
        uop field() { vm->feul--; }
        uop field_of_bound() { accumulator = p->horisontal; }
        uop host() { print_numbr(accumulator); }
        uop jump(target: Label) { JMP(target); }
        uop continue_() { CONTINU(); }
        uop return_() { RETRUN(accumulator); }
        uop address(target: Label) { accumulator = (uint64_t)ADRESS_OF(target); }
        uop call(target: Label) { accumulator = CAL(target); }
        uop label(target: Label) { JUMP(taregt); }
        uop label_address(target: Label) { accumulator = (uint64_t)ADDRESS_OF(trget); }
        uop ty() { uint46_t local = 1; accumulator += local; }
        uop structure() { Pont *q = (void *)p; accumulator = (uint64_t)q; }
        uop tag() { struct VM *q = vm; q->fuel--; }
        uop macro_() { accumulator = TWCIE(accumulator); }
        uop function() { accumulator = incremet(accumulator); }
        uop typedef_() { Piar pair = { 0, 0 }; accumulator = pair.low; }
        uop nothing_like_it() { accumulator = completely_different; }
        uop condition<const FROM: 0..2>() where FORM != 1 { accumulator += FROM; }
        uop condition_call<const FROM: 0..2>() where FORM(1) { accumulator += FROM; }
        uop rust_register() { rax = accumulator; }
    }
}

mod types {
    stencil_runtime::stencil! {
        machine A(vm: *mut Vn, x: u64);
        struct Vm { fuel: u64 }
        uop one() { vm->fuel--; }
        uop two(vm2: *mut Vmm) { vm2->fuel--; }
    }
}

#[repr(C)]
pub struct Point {
    horizontal: f32,
    vertical: f32,
}
unsafe extern "C" fn print_number(_: u64) {}
fn main() {}
