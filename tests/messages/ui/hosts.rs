//! Host functions that have a different type in Rust.

stencil_runtime::stencil! {
    machine A(x: u64) -> u64;
    extern fn wrong_type(x: u64) -> u64 = crate::takes_i64;
    extern fn wrong_count(x: u64) -> u64 = crate::takes_two;
    extern fn not_c(x: u64) -> u64 = crate::rust;
    extern fn no_such(x: u64) -> u64 = crate::no_such;
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

fn main() {}
