//! Arrays of registers, initial values and constants: mistakes that need no C compiler.

mod lengths {
    stencil_runtime::stencil! {
        machine A(a: [i64; 0], b: [i64; N], c: [[i64; 2]; 2], d: [u8; 2 + 1]);
    }
}

mod too_many {
    stencil_runtime::stencil! {
        machine A(a: u64, r: [i64; 12], x: [f32; 1000000000000]);
    }
}

mod names {
    stencil_runtime::stencil! {
        machine A(r: [i64; 2], r: u64, int: [i64; 1]);
        uop a(r: u8) {}
        uop b<const r: 0..2>() {}
        extern fn r() = super::f;
    }
}

extern "C" fn f() {}

mod values {
    stencil_runtime::stencil! {
        machine A(a: i64 = 1.5, b: u8 = 256, c: f64 = 1e999, d: [i64; 3] = [1, 2], e: *mut u8 = 0, f: bool = 1, g: i8 = n) -> u64;
    }
}

mod misplaced_values {
    stencil_runtime::stencil! {
        machine A(a: u64 = 1);
        uop a(n: u8 = 1) {}
        struct S { n: u8 = 1 }
        extern fn f(n: u8 = 1) = f;
    }
    extern "C" fn f(_: u8) {}
    stencil_runtime::stencil! {
        continue machine A(a: u64 = 1);
    }
}

mod constants {
    stencil_runtime::stencil! {
        machine A();
        const A: usize = -1;
        const B: f64 = 1;
        const C: usize = 1.0;
        const D = crate::D;
        const int: usize = 1;
        const E: usize = 1;
        pub const E = crate::E: usize = 1;
    }
}

mod bound {
    stencil_runtime::stencil! {
        machine A();
        const F = crate::F: usize = 4;
        const G = crate::G: usize = 4;
        const H = crate::H: usize = 4;
    }
}
const F: usize = 4;
const G: usize = 5;
const H: u32 = 4;

mod late_flags {
    stencil_runtime::stencil! {
        machine A();
        #![c_flags("-O3")]
        uop a() {}
    }
}

mod other_registers {
    stencil_runtime::stencil! {
        pub machine A(r: [i64; 3] = 0);
    }
    mod more {
        stencil_runtime::stencil! {
            continue machine super::A(r: [i64; 2]);
        }
    }
}

fn main() {}
