//! C that exists already: declarations that disagree, macros of headers, and symbols that are missing.

fn main() {}

mod disagree {
    pub static COUNTER: i64 = 0;
    pub extern "C" fn host(x: i32) -> i32 {
        x
    }
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            extern unsigned long counter;
            long host(int x);
        }
        extern static counter: i64 = super::disagree::COUNTER;
        extern fn host(x: i32) -> i32 = super::disagree::host;
        extern fn absent(..);
        uop one() { x = (uint64_t)host(absent(x)); }
        uop two() { x += counter; }
    }
}

mod macros {
    use stencil_runtime::Label;
    stencil_runtime::stencil! {
        machine A(x: u64) -> u64;
        c {
            #define CALL 52
            #define RETURN(value) (value)
            #define ADDRESS_OF(value) (value)
        }
        uop fine(target: Label) { x = CALL + STENCIL_CALL(target); STENCIL_RETURN(x); }
        uop one() { x = RETURN(x); }
    }
    pub fn uses() {
        A::one();
    }
}

mod missing {
    stencil_runtime::stencil! {
        #![hosted]
        machine A(x: u64, p: *mut u64);
        c {
            #include <assert.h>
            #include <stdlib.h>
            extern const uint64_t table[];
            static inline void check(uint64_t x) { assert(x != 7); }
            static const uint64_t *const pointers[] = { table, table + 1 };
        }
        uop family<const N: 0..3>() { check(x + N); }
        uop one() { x = labs(x); check(x); }
        uop two() { x += *pointers[x & 1]; check(x); }
        uop three() { check(x); x++; }
        uop four() { check(x); x--; }
        uop five() { x += table[3]; }
    }
    pub fn uses() {
        A::one();
    }
}

mod unused {
    stencil_runtime::stencil! {
        #![allow(unused_variables)]
        machine A(x: u64);
        uop quiet(operand: u64) { int local; }
        uop one() { undeclared(x); }
    }
}
