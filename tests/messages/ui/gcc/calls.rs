//! Continuations that remain calls, because a compiler without `musttail` could not turn them into jumps.

use stencil_runtime::Label;

stencil_runtime::stencil! {
    machine A(x: u64, p: *mut u64);
    extern fn takes(a: *mut u64) = takes;
    uop next() { uint64_t local = x; takes(&local); CONTINUE(); }
    // The remedy.
    uop ended(target: Label) { { uint64_t local = x; takes(&local); x = local; } JUMP(target); }
    uop end() { uint64_t local = x; takes(&local); }
    uop jump(target: Label) { uint64_t local = x; takes(&local); JUMP(target); }
}

unsafe extern "C" fn takes(_: *mut u64) {}

fn main() {}
