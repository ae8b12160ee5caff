//! A uop with more operands than its machine's instructions can hold.

stencil_runtime::stencil! {
    /// The machine.
    machine Calc(x: u64, y: u64) -> u64;
    uop nop(a: u64) { x += a; }
}

mod more {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64, y: u64) -> u64;
        uop two(a: u64, b: u64) { x += a + b; }
        uop family<const A: 0..2, const B: 0..2, const C: 0..1>() {}
    }
}

fn main() {}
