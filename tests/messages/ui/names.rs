//! Names that C cannot have, and names that are had already.

mod reserved {
    stencil_runtime::stencil! {
        machine A(register: u64, r#fn: u64, int: u64, __x: u64, _Bool: u64, INT32_MAX: u64);
        struct typedef { short: u64, r#type: u64 }
        extern fn main(double: f64) = crate::host;
        uop one<const NULL: 0..1>(stencil_x: u64, goto: u64, CONTINUE: u64) {}
        uop r#loop(r#in: u64) {}
        uop bind() {}
        uop compile() {}
    }
}

mod twice {
    stencil_runtime::stencil! {
        machine A(x: u64, x: u64);
        struct S { a: u64, a: u64 }
        struct S { a: u64 }
        extern fn f(a: u64, a: u64) = crate::host;
        extern fn f(a: u64) = crate::host;
        uop one(a: u64, a: u64) {}
        uop one(a: u64) {}
        uop shadow(x: u64) {}
        uop family<const N: 0..2, const N: 0..2>(N: u64) {}
    }
}

mod across {
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Same { a: u64 }
        extern fn Same(a: u64) = crate::host;
        uop one<const a: 0..2>() {}
        uop uint64_t(size_t: u64, int32_t: u64) {}
    }
}

mod too_many {
    stencil_runtime::stencil! {
        machine A(
            r0: u64, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64, r6: u64, r7: u64,
            r8: u64, r9: u64, r10: u64, r11: u64, r12: u64, r13: u64, r14: u64, r15: u64, r16: u64, r17: u64,
        );
        uop members<const A: 0..65, const B: 0..64>() {}
        uop more<const A: 0..18446744073709551615, const B: 0..18446744073709551615>() {}
    }
}

unsafe extern "C" fn host(_: u64) {}
fn main() {}
