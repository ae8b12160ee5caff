//! Warnings of the C compiler become warnings of rustc, on their tokens.
#![deny(deprecated)]

mod silenced {
    #![allow(deprecated)]
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop nop(unused: u64) {}
    }
}

mod shown {
    stencil_runtime::stencil! {
        machine A(x: u64, y: i64);
        c {
            #include "../include/warning.h"
            #warning "on purpose"
        }
        uop one(unused: u64) { int local; }
        uop two() { if (x = 1) x++; }
        uop three() { if (y < x) y++; x == 2; }
        uop family<const N: 0..4>() { int local = N; }
        uop uninitialized() { uint64_t z; x += z; }
        uop beside_errors() { int local; }
    }
}

mod with_errors {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop one() { int local; x += error; }
    }
}

#[allow(deprecated)]
#[deprecated]
fn main() {}
