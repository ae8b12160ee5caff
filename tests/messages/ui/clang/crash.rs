//! A crash of the compiler itself, for which clang has a pragma.

stencil_runtime::stencil! {
    machine A(x: u64);
    uop one() { x++; }
    uop two() {
        x++;
        #pragma clang __debug llvm_fatal_error
    }
}

fn main() {}
