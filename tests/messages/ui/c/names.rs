//! Names that are macros in C.

mod macros {
    stencil_runtime::stencil! {
        machine A(top: u64);
        c {
            #define top 1
            #define n 2
            #define N 3
            #define host 4
        }
        extern fn host(x: u64) = crate::host;
        uop one(n: u64) { top += n; }
        uop two(n: u32) { top += n; }
        uop three<const N: 0..3>() { top += N; }
    }
}

extern "C" fn host(_: u64) {}
fn main() {}
