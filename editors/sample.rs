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

stencil! {
    machine Regs(ctx: *mut u8, r: [i64; PINS] = [0, -1], x: [f64; 2] = 0.5) -> i64;
    const PINS: usize = 2;
    enum Cmp = crate::Cmp { Lt, Le = 4 }
    uop compare<const OP: Cmp, const A: 0..PINS>(n: i64) where OP != Cmp_Lt || A < 1 { r[A] = r[1 - A] < n; } // C
    enum Own { A, B }
    uop last() { RETURN(r[0]); } // C
}

mod other {
    stencil_runtime::stencil! { machine A(); uop a() { RETURN(); } } // C
}

fn no_c() {
    if f() { g() }
    vec! { f() { a } }
}
