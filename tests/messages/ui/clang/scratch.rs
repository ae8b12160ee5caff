//! Blocks of a machine have to reserve the same registers.

stencil_runtime::stencil! {
    machine A(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) scratch(rdx);
    uop one() { g += a; }
}

mod same {
    stencil_runtime::stencil! {
        continue machine super::A(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) scratch(rdx, rax);
        uop two() { g += a; }
    }
}

mod other {
    stencil_runtime::stencil! {
        continue machine super::A(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64) scratch(rcx);
        uop three() { g += a; }
    }
}

fn main() {}
