//! clang 19 does not say which function ran out of registers.

stencil_runtime::stencil! {
    machine A(
        a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: *const [u64; 2],
    );
    uop one() { a++; }
    uop two(n: u32) {
        a += n;
        JUMP((*l)[0]);
    }
    uop three() { b++; }
    uop four<const N: 0..2>() {
        JUMP((*l)[N]);
    }
}

fn main() {}
