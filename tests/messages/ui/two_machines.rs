//! Items of two machines in one module.

stencil_runtime::stencil! {
    machine A(x: u64);
    uop ret() { RETURN(); }
    uop family<const N: 0..2>() { x += N; }
}

stencil_runtime::stencil! {
    machine B(x: u64);
    uop ret() { RETURN(); }
    uop family<const N: 0..2>() { x += N; }
}

fn main() {}
