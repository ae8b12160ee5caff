use stencil_runtime::{Label, stencil};

stencil! {
    machine Calc(sp: *mut i64, top: i64) -> i64;
    /// Pushes a constant.
    pub uop push(value: i64) { *sp++ = top; if (value) { top = value; } } // C
    struct Vm { fuel: u64, limit: *mut i64 }
    struct Frame = crate::Frame { pc: u64 }
    uop get<const DST: 0..3, const SRC: 0..6>(n: i32) where DST != SRC && (SRC + 1) < 3 { // C
    #if SRC < 3
        T(DST) = L(SRC);
    #endif
    }
    c { // C
        #define X 1
        static inline int f(void) { return X; }
    }
    extern fn print(vm: *mut Vm, v: i64) -> bool = crate::host::print;
    uop ret() { RETURN(top); } // C
    struct Last { a: u8 }
}

mod other {
    stencil_runtime::stencil! { machine A(); uop a() { RETURN(); } } // C
}

fn no_c() {
    if f() { g() }
    vec! { f() { a } }
}
