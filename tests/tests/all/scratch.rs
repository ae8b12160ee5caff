//! Registers of the processor that a machine leaves to bodies.
//!
//! Calls of compiled code are sound: bodies write only to registers.

use stencil_runtime::Label;

extern "C" fn host(x: u64) -> u64 {
    x + 1
}

stencil_runtime::stencil! {
    pub machine M(
        a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, x: f64,
    ) -> u64 scratch(rdx, rcx, rax);
    extern fn host(x: u64) -> u64 = host;
    uop add() { h += i; }
    uop divide() { g = g / h + g % h; }
    uop shift() { g <<= i & 63; }
    uop call(function: Label) { CALL(function); x += 1; }
    uop host() { i = host(i); }
    uop down(again: Label) { if (--a) JUMP(again); }
    uop decrement() { a--; RETURN(0); }
    uop ret() { RETURN(a + b * 2 + c * 3 + d * 5 + e * 7 + f * 11 + g * 13 + h * 17 + i * 19 + (uint64_t)x * 23); }
}

mod continued {
    stencil_runtime::stencil! {
        continue machine super::M(
            a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, x: f64,
        ) -> u64 scratch(rax, rcx, rdx,);
        pub uop multiply(by: u32) { h *= by; }
    }
}

/// A machine of six integers does not reach the registers that it reserves.
mod few {
    stencil_runtime::stencil! {
        pub machine Few(a: u64, b: u64) -> u64 scratch(rsi, rdi, rax);
        pub uop divide(by: u64) { a /= by; }
        pub uop ret() { RETURN(a - b); }
    }
    stencil_runtime::stencil! {
        pub machine None() -> u64 scratch(rdx);
        pub uop ret_none() { RETURN(7); }
    }
}

#[test]
fn bodies_have_scratch_registers() {
    let (again, function) = (Label(0), Label(1));
    let program = [
        M::bind(again),
        M::add(),
        M::divide(),
        M::shift(),
        M::host(),
        M::multiply(3),
        M::call(function),
        M::down(again),
        M::ret(),
        M::bind(function),
        M::decrement(),
    ];
    let [mut g, mut h, mut i, mut x] = [1_000_003, 17, 2, 0];
    for _ in 0..3 {
        h += i;
        g = g / h + g % h;
        g <<= i & 63;
        i += 1;
        h *= 3;
        x += 1;
    }
    let expected = 2 * 2 + 3 * 3 + 4 * 5 + 5 * 7 + 6 * 11 + g * 13 + h * 17 + i * 19 + x * 23;
    let code = M::compile(&program).unwrap();
    // A call has its own copy of the registers, so each iteration counts down once.
    assert_eq!(unsafe { code.entry()(3, 2, 3, 4, 5, 6, 1_000_003, 17, 2, 0.0) }, expected);
    let code = few::Few::compile(&[few::Few::divide(5), few::Few::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(100, 3) }, 17);
    assert_eq!(unsafe { few::None::compile(&[few::None::ret_none()]).unwrap().entry()() }, 7);
}

#[test]
fn scratch_registers_cost_no_instructions() {
    if !crate::exact_bytes::<M>("scratch registers") {
        return;
    }
    // The order of the machine's registers is r12 r13 r14 r15 rdi rsi r8 r9 r11.
    let bytes = |stencil: &stencil_runtime::Stencil| stencil.code.stored[..stencil.code.size].to_vec();
    // add %r11,%r9
    assert_eq!(bytes(&STENCIL_add), [0x4d, 0x01, 0xd9]);
    // mov %r11d,%ecx; shl %cl,%r8
    assert_eq!(bytes(&STENCIL_shift), [0x44, 0x89, 0xd9, 0x49, 0xd3, 0xe0]);
    let divide = STENCIL_divide.disassembly();
    assert!(divide.contains("div %r9") && !divide.contains("push") && !divide.contains("r10"), "{divide}");
}
