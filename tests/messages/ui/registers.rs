//! The registers that a machine may declare.

mod thirteen_integers {
    stencil_runtime::stencil! {
        machine A(
            a: u64, b: *mut u8, c: bool, x: f64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64,
            m: u64, n: u64,
        );
    }
}

mod nine_floats {
    stencil_runtime::stencil! {
        machine A(a: f32, b: f64, c: f32, d: f32, e: f32, f: f32, g: f32, h: f32, i: u64, j: f64);
    }
}

mod too_many_beside_scratch {
    stencil_runtime::stencil! {
        machine A(
            a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64,
        ) -> u64 scratch(rax, rcx);
    }
}

mod unknown_scratch {
    stencil_runtime::stencil! {
        machine A(a: u64) scratch(rax, r8, eax, rax);
    }
}

mod no_scratch {
    stencil_runtime::stencil! {
        machine A(a: u64) scratch;
    }
}

fn main() {}
