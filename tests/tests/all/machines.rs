//! Machines of other shapes: no register, no result, floats, narrow integers, more registers than a convention has.
//!
//! Calls of compiled code are sound: bodies write to the targets of their pointer operands and registers, which are
//! values of the tests that live until the calls are over.

use stencil_runtime::Label;

mod none {
    stencil_runtime::stencil! {
        pub machine None() -> u32;
        pub uop nothing() {}
        pub uop bump(counter: *mut u32) { ++*counter; }
        pub uop ret(value: u32) { RETURN(value); }
    }
}

mod void {
    use stencil_runtime::Label;
    stencil_runtime::stencil! {
        pub machine Void(counter: *mut u64);
        pub uop bump(by: u8) { *counter += by; }
        pub uop until(limit: u64, target: Label) { if (*counter < limit) JUMP(target); }
        pub uop call(function: Label) { CALL(function); CALL(function); }
        pub uop ret() { RETURN(); }
    }
}

mod floats {
    stencil_runtime::stencil! {
        pub machine Floats(a: f32, b: f64, c: f32) -> f64;
        pub uop sum() { b += a * c; }
        pub uop scale(by: f32) { a *= by; c = -c; }
        pub uop ret() { RETURN(b); }
    }
}

mod float {
    stencil_runtime::stencil! {
        pub machine Float(a: f32) -> f32;
        pub uop half() { a /= 2; }
        pub uop ret() { RETURN(a); }
    }
}

mod vectors {
    use core::arch::x86_64::__m128i;
    use stencil_runtime::Label;

    /// Swaps the halves. (rustc lints against vectors in `extern "C"` functions; the macro has checked both sides.)
    #[allow(improper_ctypes_definitions)]
    pub extern "C" fn exchange(v: __m128i) -> __m128i {
        let [a, b]: [u64; 2] = unsafe { std::mem::transmute(v) };
        unsafe { std::mem::transmute([b, a]) }
    }
    #[repr(C)]
    pub struct Pair {
        pub small: u8,
        pub vector: __m128i,
    }
    stencil_runtime::stencil! {
        pub machine Vectors(a: __m128i, f: f32, b: __m128i, pair: *mut Pair, n: u32) -> __m128i;
        struct Pair = Pair { small: u8, vector: __m128i }
        extern fn exchange(v: __m128i) -> __m128i = exchange;
        c { typedef int words __attribute__((vector_size(16))); }
        /// Its constants of 16 bytes must be aligned.
        pub uop mask() { a &= (__typeof__(a))(words){ -1, 0x7fff, 0, -2 }; }
        pub uop add() { a += b; f += 1; }
        pub uop set(low: u64, high: u64) { b = (__typeof__(b)){ low, high }; }
        pub uop exchange() { b = exchange(b); }
        pub uop load() { pair->vector = a + pair->small; a = pair->vector; }
        pub uop down(again: Label) { if (--n) JUMP(again); }
        pub uop ret() { a[1] += (long long)f; RETURN(a); }
    }
}

mod narrow {
    extern "C" fn host(a: i8, b: u16, c: bool) -> bool {
        a < 0 && b > 0xff00 && c
    }
    stencil_runtime::stencil! {
        pub machine Narrow(a: u8, b: i8, c: u16, d: i16, e: bool, f: i32) -> bool;
        extern fn host(a: i8, b: u16, c: bool) -> bool = host;
        pub uop step(n: i8) { a += 200; b += n; c--; d *= 3; e = !e; f = -f; }
        pub uop check() { RETURN(a == 144 && b == -78 && c == 0xffff && d == -24463 && e && f == 5); }
        pub uop host() { e = host(b, c, e); }
        pub uop ret() { RETURN(e); }
        /// The address of the table stays behind in r13, which carries nothing of this machine.
        pub uop pick() {
            static const void *const places[] = { &&minus, &&plus };
            register const void *const *table __asm__("r13") = places;
            __asm__ volatile("" : "+r"(table));
            goto *table[e];
            minus: f -= 2;
            plus: f += 1;
        }
    }
}

mod pointer {
    stencil_runtime::stencil! {
        pub machine Pointer(text: *const u8, end: *const u8) -> *const u8;
        pub uop find(byte: u8) { while (text < end && *text != byte) text++; RETURN(text); }
    }
}

mod many {
    extern "C" fn host(x: u64) -> u64 {
        x + 1
    }
    stencil_runtime::stencil! {
        pub machine Many(
            a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: f64,
            i: u64, j: u8, k: u64, l: f32, m: u64, p: i32, n: f64, o: f32, q: f64, r: f32, t: f64, u: f32,
        ) -> u64;
        extern fn host(x: u64) -> u64 = host;
        pub uop rotate() { uint64_t first = a; a = b; b = c; c = d; d = e; e = f; f = g; g = i; i = k; k = m; m = first; }
        pub uop more() { h += 0.5; j++; l *= 2; p--; n += u; o -= 1; q += r; r += 2; t *= 2; u += 1; }
        pub uop host() { a = host(a); m = host(m); }
        pub uop down(again: Label) { if (--p > 0) JUMP(again); }
        pub uop sum() {
            uint64_t s = 0;
            s = s * 3 + a; s = s * 3 + b; s = s * 3 + c; s = s * 3 + d; s = s * 3 + e; s = s * 3 + f; s = s * 3 + g;
            s = s * 3 + (uint64_t)(h * 2); s = s * 3 + i; s = s * 3 + j; s = s * 3 + k; s = s * 3 + (uint64_t)l;
            s = s * 3 + m; s = s * 3 + p;
            s = s * 3 + (int64_t)n; s = s * 3 + (int64_t)o; s = s * 3 + (int64_t)q; s = s * 3 + (int64_t)r;
            s = s * 3 + (int64_t)t; s = s * 3 + (int64_t)u;
            RETURN(s);
        }
    }
    use stencil_runtime::Label;
}

#[test]
fn without_registers() {
    use none::None;
    let mut counter = 5;
    let code =
        None::compile(&[None::bump(&raw mut counter), None::nothing(), None::bump(&raw mut counter), None::ret(!0)]);
    assert_eq!(unsafe { code.unwrap().entry()() }, u32::MAX);
    assert_eq!(counter, 7);
}

#[test]
fn without_a_result() {
    use void::Void;
    let (again, function) = (Label(0), Label(1));
    let program = [
        Void::bind(again),
        Void::bump(3),
        Void::until(100, again),
        Void::call(function),
        Void::ret(),
        Void::bind(function),
        Void::bump(100),
        Void::ret(),
    ];
    let mut counter = 0;
    unsafe { Void::compile(&program).unwrap().entry()(&raw mut counter) };
    assert_eq!(counter, 302);
}

#[test]
fn float_registers() {
    use float::Float;
    use floats::Floats;
    let program = [Floats::sum(), Floats::scale(1.5), Floats::sum(), Floats::sum(), Floats::ret()];
    let expected = 10.0 + f64::from(2.0_f32 * 0.25) - f64::from(3.0_f32 * 0.25) * 2.0;
    assert_eq!(unsafe { Floats::compile(&program).unwrap().entry()(2.0, 10.0, 0.25) }, expected);
    let code = Float::compile(&[Float::half(), Float::half(), Float::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(10.0) }, 2.5);
}

#[test]
fn vector_registers() {
    use vectors::{Pair, Vectors};
    let vector = |halves: [u64; 2]| -> core::arch::x86_64::__m128i { unsafe { std::mem::transmute(halves) } };
    let again = Label(0);
    let program = [
        Vectors::set(u64::MAX, 1 << 63),
        Vectors::bind(again),
        Vectors::add(),
        Vectors::exchange(),
        Vectors::down(again),
        Vectors::mask(),
        Vectors::load(),
        Vectors::ret(),
    ];
    let code = Vectors::compile(&program).unwrap();
    let mut pair = Pair { small: 200, vector: vector([0; 2]) };
    let result = unsafe { code.entry()(vector([7, 9]), 0.5, vector([0; 2]), &raw mut pair, 3) };
    // Each half was doubled, and once the halves were swapped. Lanes are added separately.
    let sum = [7 + u64::MAX.wrapping_mul(2).wrapping_add(1 << 63), (1_u64 << 63).wrapping_mul(2).wrapping_add(8)];
    let low = (sum[0] & 0x7fff_ffff_ffff) + 200;
    let high = (sum[1] & 0xffff_fffe_0000_0000) + 200;
    let halves = |v| -> [u64; 2] { unsafe { std::mem::transmute(v) } };
    assert_eq!(halves(pair.vector), [low, high]);
    assert_eq!(halves(result), [low, high + 3]);
}

#[test]
fn narrow_registers() {
    use narrow::Narrow;
    let code = Narrow::compile(&[Narrow::step(100), Narrow::check()]).unwrap();
    // 200 + 200, 78 + 100, 0 - 1 and 13691 * 3 all wrap.
    assert!(unsafe { code.entry()(200, 78, 0, 13691, false, -5) });
    assert!(!unsafe { code.entry()(200, 77, 0, 13691, false, -5) });
    let code = Narrow::compile(&[Narrow::pick(), Narrow::step(0), Narrow::check()]).unwrap();
    assert!(unsafe { code.entry()(200, -78, 0, 13691, false, -4) });
    assert!(!unsafe { code.entry()(200, -78, 0, 13691, false, -5) });
    let code = Narrow::compile(&[Narrow::host(), Narrow::ret()]).unwrap();
    assert!(unsafe { code.entry()(0, -1, 0xffff, 0, true, 0) });
    assert!(!unsafe { code.entry()(0, 1, 0xffff, 0, true, 0) });
    assert!(!unsafe { code.entry()(0, -1, 0xffff, 0, false, 0) });
}

#[test]
fn pointer_results() {
    let text = b"0123456789";
    let code = pointer::Pointer::compile(&[pointer::Pointer::find(b'7')]).unwrap();
    let found = unsafe { code.entry()(text.as_ptr(), text.as_ptr().add(10)) };
    assert_eq!(found, text[7..].as_ptr());
}

#[test]
fn more_registers_than_the_convention_has() {
    use many::Many;
    let again = Label(0);
    let program = [Many::bind(again), Many::rotate(), Many::more(), Many::host(), Many::down(again), Many::sum()];
    let mut wide: Vec<u64> = (1..=10).map(|n| n * 1_000_003).collect();
    let (mut h, mut j, mut l, mut p) = (1.5_f64, 250_u8, 3.0_f32, 9_i32);
    let (mut n, mut o, mut q, mut r, mut t, mut u) = (1.0_f64, 2.0_f32, 3.0_f64, 4.0_f32, 5.0_f64, 6.0_f32);
    let v = wide.clone();
    let code = Many::compile(&program).unwrap();
    let entry = code.entry();
    let actual =
        unsafe { entry(v[0], v[1], v[2], v[3], v[4], v[5], v[6], h, v[7], j, v[8], l, v[9], p, n, o, q, r, t, u) };
    loop {
        wide.rotate_left(1);
        (h, j, l, p) = (h + 0.5, j.wrapping_add(1), l * 2.0, p - 1);
        (n, o, q, r, t, u) = (n + f64::from(u), o - 1.0, q + f64::from(r), r + 2.0, t * 2.0, u + 1.0);
        (wide[0], wide[9]) = (wide[0] + 1, wide[9] + 1);
        p -= 1;
        if p <= 0 {
            break;
        }
    }
    let mut all = wide[..7].to_vec();
    all.extend([(h * 2.0) as u64, wide[7], j.into(), wide[8], l as u64, wide[9], p as i64 as u64]);
    all.extend([n as i64, o as i64, q as i64, r as i64, t as i64, u as i64].map(|number| number as u64));
    assert_eq!(actual, all.iter().fold(0, |sum: u64, x| sum.wrapping_mul(3).wrapping_add(*x)));
}
