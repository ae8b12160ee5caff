//! Types that the two languages do not share, or that are not allowed in their position.

use stencil_runtime::Label;

pub struct Thing;
#[repr(C)]
pub struct Hidden {
    a: u32,
    b: u32,
}

mod unknown {
    stencil_runtime::stencil! {
        machine A(a: &u64, b: u128) -> String;
        uop one(v: (u8, u8), w: Option<u8>, x: fn(), y: &mut u8) {}
        extern fn f(a: char) -> ! = crate::host;
        struct S { a: [u8; 1 + 1], b: Vec<u8>, c: *mut [u8], d: *const str }
        uop good(v: u64) {}
    }
    pub fn uses() {
        A::good(1);
    }
}

mod places {
    use super::{Label, Thing};
    stencil_runtime::stencil! {
        machine A(a: [[u8; 4]; 1], b: Label, c: Thing) -> Label;
        extern fn f(a: [u8; 4], b: Label, c: Thing) -> Thing = crate::host;
        struct S { a: Label, b: [Label; 2], c: Thing, d: *mut Thing, e: [Thing; 2] }
        struct T { s: S }
        struct Hidden = super::Hidden { a: u32, .. }
        struct Opaque { .. }
        extern fn by_value(a: Hidden) -> Hidden = crate::by_value;
        extern fn opaque(a: Opaque) = crate::opaque;
        extern static data: Opaque;
        extern fn pointers_to(a: unsafe extern "C" fn(Hidden)) = crate::pointers_to;
        uop functions(d: fn(u8), e: Option<extern "system" fn()>, f: extern "C" fn(Thing)) {}
        uop one(v: [u8; 4], w: Label, x: Thing, y: *mut Label, z: S) {}
        uop code(v: *mut CodeAddress, w: *mut [CodeExit; 2]) {}
        extern fn g(a: CodeAddress, b: CodeExit) = crate::host;
        struct U { a: CodeAddress, b: CodeExit }
        uop vector(v: core::arch::x86_64::__m128i) {}
        uop pointers(v: *mut [Thing; 4], w: *mut *mut Thing, x: *mut [S; 2], y: *const [*mut Label; 2]) {}
    }
}

mod rust_has_no_such_type {
    stencil_runtime::stencil! {
        machine A(a: *mut Missing, x: u64);
        uop one(b: *mut Absent) { x = (uint64_t)b; }
    }
}

unsafe extern "C" fn host(_: u64) {}
unsafe extern "C" fn by_value(a: Hidden) -> Hidden {
    a
}
unsafe extern "C" fn opaque() {}
unsafe extern "C" fn pointers_to() {}
fn main() {}
