//! Contracts that uops violate, each reported with the machine code.

use stencil_runtime::Label;

mod broken {
    use super::Label;
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u64) -> u64;
        extern fn host(a: u64) -> u64 = super::host;
        #[stencil(max_code = 8)]
        uop large(value: u64) { x = x * 3 + value; }
        #[stencil(max_code = 0)]
        uop nop() {}
        #[stencil(max_data = 0)]
        uop out_of_line(value: u64) { if (__builtin_expect(x == value, 0)) { x *= 5; x ^= value; p[x]++; } x++; }
        #[stencil(no_calls)]
        uop calls() { x = host(x) + host(x + 1); }
        #[stencil(no_calls)]
        uop leaves() { RETURN(host(x)); }
        #[stencil(no_calls)]
        uop runs(target: Label) { x = CALL(target); }
        #[stencil(no_stack)]
        uop spills() { volatile uint64_t local = x; x = local; }
        /// Each clause that is broken is an error.
        #[stencil(max_code = 1, max_data = 0, no_calls, no_stack)]
        pub uop everything(value: u64) { x = host(value) + 1; }
        #[stencil(max_code = 6)]
        uop family<const N: 0..4>() { x += N * N * 100; }
        #[stencil(max_code = 0)]
        uop one_member<const N: 0..4>() where N != 1 { if (N == 2) x *= 1000; }
        #[cfg(any())]
        #[stencil(max_code = 0)]
        uop not_there() { x++; }
        #[stencil(max_code = 40, max_data = 0, no_calls, no_stack)]
        uop kept(value: u32) { x += value; }
    }
    pub fn uses() {
        A::large(1);
        A::kept(1);
    }
}

mod of_the_block {
    stencil_runtime::stencil! {
        #![stencil(max_code = 3, no_stack)]
        machine A(x: u64);
        uop small() { x++; }
        uop large() { x = x * 3 + 0x12345; }
        #[stencil(max_code = 20)]
        uop larger() { x = x * 3 + 0x12345; }
        #[stencil()]
        uop promises_nothing() { x = x * 3 + 0x12345; }
    }
}

unsafe extern "C" fn host(x: u64) -> u64 {
    x
}
fn main() {}
