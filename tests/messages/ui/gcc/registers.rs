//! The C convention passes fewer registers, and leaves none to bodies.

stencil_runtime::stencil! {
    machine A(
        a: u64, b: *mut u8, x: f64, c: u64, d: u64, e: u64, f: u64, g: u64, y: f32, h: bool,
    ) scratch(rax, rdx);
    uop add() { a += g; }
}

mod continued {
    stencil_runtime::stencil! {
        continue machine super::A(
            a: u64, b: *mut u8, x: f64, c: u64, d: u64, e: u64, f: u64, g: u64, y: f32, h: bool,
        ) scratch(rax, rdx);
        uop more() { h = true; }
    }
}

fn main() {
    let _: u8 = A::add();
}
