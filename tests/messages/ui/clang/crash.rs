//! A fault of the compiler itself, which clang has a pragma for.

stencil_runtime::stencil! {
    machine A(x: u64);
    uop one() { x++; }
    uop two() {
        x++;
        #pragma clang __debug llvm_fatal_error
    }
}

fn main() {}
