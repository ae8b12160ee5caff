//! Code that is further than 2 GiB from the executable: trampolines to host functions, and targets that are out of
//! reach.
//!
//! Calls of compiled code are sound: the far code consists of uops of the machine that jumps there, ends in a `RETURN`,
//! and stays mapped until the calls are over.

use stencil_runtime::{Address, Emitter, Error, Fresh, Label, Reused, stencil};

extern "C" fn triple(x: u64) -> u64 {
    x.wrapping_mul(3)
}
extern "C" fn add_7(x: u64) -> u64 {
    x + 7
}

stencil! {
    machine Far(x: u64, memory: *mut u8) -> u64;
    extern fn triple(x: u64) -> u64 = triple;
    extern fn add_7(x: u64) -> u64 = add_7;
    c { static __attribute__((noinline)) uint64_t outside(uint64_t y) { return triple(y) + triple(y + 1); } }

    uop enter(code: *const u8) { JUMP(code); }
    uop host() { x = triple(x); }
    uop hosts() { x = add_7(triple(x)) + triple(1); }
    uop helper() { x = outside(x); }
    uop clear(n: u64) { __builtin_memset(memory, 0, n); }
    uop float_constant() { x = (uint64_t)((double)x * 2.5); }
    uop host_then_put(n: u32) { x = triple(x); memory[n] = 1; }
    uop jump(target: Label) { JUMP(target); }
    uop add(n: u64) { x += n; }
    uop ret() { RETURN(x); }
}

/// Two pages for code and data, far from the executable, which become executable later.
struct Pages(*mut u8);

const SIZE: usize = 8192;

impl Pages {
    /// Maps pages more than 2 GiB away from the executable, but nearer than any other region of these tests.
    fn new() -> Self {
        let anchor = triple as *const () as usize & !0xfff;
        for step in 1..64 {
            let hint = anchor - (step + 3) * (1 << 30);
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let base = unsafe { libc::mmap(hint as *mut _, SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
            assert_ne!(base, libc::MAP_FAILED);
            if base as usize == hint {
                return Self(base.cast());
            }
            unsafe { libc::munmap(base, SIZE) };
        }
        panic!("no free pages");
    }

    fn bytes(&mut self) -> &mut [u8] {
        unsafe { std::slice::from_raw_parts_mut(self.0, SIZE) }
    }

    /// Runs the code at the start of the pages from near code.
    fn run(&self, x: u64, memory: &mut [u64]) -> u64 {
        assert_eq!(unsafe { libc::mprotect(self.0.cast(), SIZE, libc::PROT_READ | libc::PROT_EXEC) }, 0);
        let code = Far::compile(&[Far::enter(self.0)]).unwrap();
        let result = unsafe { code.entry()(x, memory.as_mut_ptr().cast()) };
        assert_eq!(unsafe { libc::mprotect(self.0.cast(), SIZE, libc::PROT_READ | libc::PROT_WRITE) }, 0);
        result
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.0.cast(), SIZE) };
    }
}

#[test]
fn far_code_calls_through_one_trampoline_for_each_callee() {
    let mut pages = Pages::new();
    let (code, data) = pages.bytes().split_at_mut(4096);
    let mut out = Emitter::<Fresh>::zeroed(code, data).unwrap();
    assert!(out.code_address().0.abs_diff(triple as *const () as u64) > 1 << 31);
    emit_host(&mut out).unwrap();
    assert_eq!(out.left().1, 4096 - 16);
    emit_host(&mut out).unwrap();
    assert_eq!(out.left().1, 4096 - 16, "the trampoline is shared");
    emit_hosts(&mut out).unwrap();
    assert_eq!(out.left().1, 4096 - 32);
    emit_helper(&mut out).unwrap();
    let before = out.left().1;
    emit_clear(&mut out, 24).unwrap();
    assert!(out.left().1 <= before);
    emit_float_constant(&mut out).unwrap();
    emit_ret(&mut out).unwrap();
    drop(out);
    let mut memory = [1_u64; 4];
    let x = 5 * 9;
    let x = x * 3 + 7 + 3;
    let x = x * 3 + (x + 1) * 3;
    assert_eq!(pages.run(5, &mut memory), x * 5 / 2);
    assert_eq!(memory, [0, 0, 0, 1]);
}

#[test]
fn far_code_over_used_memory() {
    let mut pages = Pages::new();
    pages.bytes().fill(0xCC);
    let (code, data) = pages.bytes().split_at_mut(4096);
    let mut out = Emitter::<Reused>::new(code, &mut data[..77]);
    emit_host(&mut out).and_then(|()| emit_helper(&mut out)).and_then(|()| emit_ret(&mut out)).unwrap();
    drop(out);
    assert_eq!(pages.run(4, &mut []), 12 * 3 + 13 * 3);
}

#[test]
fn near_code_calls_directly() {
    let code = Far::compile(&[Far::host(), Far::ret()]).unwrap();
    let target = triple as *const () as u64;
    let end = code.bytes().as_ptr() as u64;
    let calls = (0..code.bytes().len() - 4).filter(|&at| {
        let distance = i32::from_le_bytes(code.bytes()[at..at + 4].try_into().unwrap());
        (end + at as u64 + 4).wrapping_add_signed(distance.into()) == target
    });
    assert_eq!(calls.count(), 1);
    assert_eq!(unsafe { code.entry()(4, std::ptr::null_mut()) }, 12);
}

#[test]
fn no_space_for_a_trampoline() {
    let mut pages = Pages::new();
    for room in [0, 15, 16, 31] {
        pages.bytes().fill(0);
        let (code, data) = pages.bytes().split_at_mut(4096);
        let mut out = Emitter::<Fresh>::zeroed(code, &mut data[..room]).unwrap();
        let before = out.left();
        if room >= 16 {
            emit_host(&mut out).unwrap();
            assert_eq!(out.left().1, room - 16);
            let before = out.left();
            assert_eq!(emit_clear(&mut out, 1), Err(Error::OutOfReach { callee: "memset" }));
            assert_eq!(out.left(), before);
            emit_host(&mut out).unwrap();
        } else {
            assert_eq!(emit_host(&mut out), Err(Error::OutOfReach { callee: "triple" }));
            assert_eq!(out.left(), before);
            emit_ret(&mut out).unwrap();
        }
    }
}

#[test]
fn an_error_allocates_no_trampoline() {
    let mut pages = Pages::new();
    let (code, data) = pages.bytes().split_at_mut(4096);
    for code_size in [4096, 3] {
        let mut out = Emitter::<Fresh>::zeroed(&mut code[..code_size], data).unwrap();
        let before = out.left();
        emit_host_then_put(&mut out, u32::MAX).unwrap_err();
        assert_eq!(out.left(), before, "the emitter's position is unchanged");
        drop(out);
        assert!(data.iter().all(|&byte| byte == 0), "a failed emit leaves the memory zero");
    }
    // Two callees, but space for only one trampoline.
    let mut out = Emitter::<Fresh>::zeroed(code, &mut data[..31]).unwrap();
    assert!(matches!(emit_hosts(&mut out), Err(Error::OutOfReach { .. })));
    assert_eq!(out.left().1, 31, "the emitter's position is unchanged");
}

#[test]
fn a_far_label_is_an_error() {
    let (mut code, mut data) = ([0_u8; 64], [0_u8; 64]);
    let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data).unwrap();
    let here = out.code_address().0;
    let size = STENCIL_jump.code.size as u64;
    for target in [0, here + (1 << 31) + size, here.wrapping_sub((1 << 31) + 1 - size), u64::MAX] {
        let error = emit_jump(&mut out, Address(target)).unwrap_err();
        assert!(matches!(error, Error::OutOfRange { uop: "jump", hole: "target", .. }), "{error}");
        assert_eq!((out.left(), out.code_address().0), ((64, 64), here));
    }
    emit_jump(&mut out, Address(here + (1 << 31) + size - 1)).unwrap();
    let here = here + size;
    emit_jump(&mut out, Address(here + size - (1 << 31))).unwrap();
    drop(out);
    assert_eq!(code[size as usize - 4..size as usize], i32::MAX.to_le_bytes());
    assert_eq!(code[2 * size as usize - 4..2 * size as usize], i32::MIN.to_le_bytes());
}

#[test]
fn data_too_far_from_code_is_an_error() {
    let (mut code, mut data) = ([0_u8; 256], [0_u8; 256]);
    let far = (Address(0x1000_0000), Address(0x1000_0000 + (1 << 31) + 300));
    let mut out = Emitter::<Reused>::for_addresses(&mut code, &mut data, far);
    let error = emit_float_constant(&mut out).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { uop: "float_constant", .. }), "{error}");
    assert_eq!(out.left(), (256, 256));
}
