//! Vectors in registers that the flags do not allow.

mod registers {
    use core::arch::x86_64::{__m256i, __m512d};
    stencil_runtime::stencil! {
        machine A(a: __m256i, b: __m512d) -> __m256i;
        uop one() { a += 1; }
    }
}

mod hosts {
    use core::arch::x86_64::{__m256d, __m512};
    stencil_runtime::stencil! {
        #![stencil(requires = "avx")]
        machine A(x: u64, to: *mut __m256d);
        extern fn fine(v: __m256d) -> __m256d = super::fine;
        extern fn wide(v: __m512) = super::wide;
        uop one() { *to = fine(*to); }
    }
}

fn main() {}
