//! Host functions that have a different type in Rust.

stencil_runtime::stencil! {
    machine A(x: u64) -> u64;
    extern fn wrong_type(x: u64) -> u64 = crate::takes_i64;
    extern fn wrong_count(x: u64) -> u64 = crate::takes_two;
    extern fn not_c(x: u64) -> u64 = crate::rust;
    extern fn no_such(x: u64) -> u64 = crate::no_such;
    extern static wrong_data: u64 = crate::DATA;
    extern static no_static: u64 = crate::NUMBER;
    extern static mut not_mutable: i64 = crate::DATA;
    extern fn wrong_variadic(x: u64, ...) -> u64 = crate::takes_i64;
    uop call() { x = wrong_type(x) + wrong_count(x) + not_c(x) + no_such(x); }
}

unsafe extern "C" fn takes_i64(x: i64) -> u64 {
    x as u64
}
unsafe extern "C" fn takes_two(x: u64, y: u64) -> u64 {
    x + y
}
fn rust(x: u64) -> u64 {
    x
}

static DATA: i64 = 1;
const NUMBER: u64 = 1;

fn main() {}
