//! Indices of register arrays.

mod indices {
    stencil_runtime::stencil! {
        machine A(ctx: *mut u64, r: [i64; 4], x: [f64; 1]) -> i64;
        c {
            #define LAST r[4]
        }
        uop fine<const N: 0..6>() where N < 4 { r[N] = r[3 - N]; }
        uop past<const N: 2..6>() {
            x[0] = 1;
            r[N] = x[0];
        }
        uop negative() { r[ -1 ] = 0; x[1] = 0; }
        uop hidden() { LAST = 0; }
        uop runtime(n: u32) {
            for (int i = 0; i < 4; i++) r[i] = 0;
            r[n]++;
            r[*ctx] = ctx[r[0]];
        }
        uop whole(n: u32) { ctx[0] = r == 0; __builtin_memcpy(ctx, &r, sizeof r); }
        uop unknown() { r[DTS] = 0; }
        uop float() { r[1.5] = 0; r[ctx] = 0; }
        uop types() { r[0] = ctx; int *p = r[1]; }
        uop unused() { r[0] == 1; }
    }
}

mod header {
    stencil_runtime::stencil! {
        machine A(r: [i64; 4]) -> i64;
        include "../include/array.h";
        uop fine<const N: 0..4>() { OF_ARRAY(N) = 0; }
        uop past() { OF_ARRAY(4) = 0; }
        uop brackets() { BRACKETS(0) = 0; }
    }
}

mod a_macro {
    stencil_runtime::stencil! {
        machine A(r: [i64; 4]) -> i64;
        c {
            #define r(n) n
        }
        uop a() { r[0] = 1; }
    }
}

fn main() {}
