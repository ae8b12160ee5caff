//! A block that requires more than the block that declares its machine.

stencil_runtime::stencil! {
    #![stencil(requires = "avx, sse3")]
    machine A(x: u64);
    uop one() { x++; }
}

mod more {
    stencil_runtime::stencil! {
        #![stencil(requires = "sse3, avx2")]
        continue machine super::A(x: u64);
        uop two() { x++; }
    }
}

fn main() {}
