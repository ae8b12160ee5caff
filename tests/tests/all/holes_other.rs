//! Holes other than integers: booleans, floats, pointers; displacements; two holes that may alias.
//!
//! Calls of compiled code are sound: bodies access only `memory`, which is as large as they address, and the targets of
//! their pointer operands, which are values of the tests.

use stencil_runtime::{Emitter, Error, Fresh, Instruction, stencil};

extern "C" fn bits_of_f32(x: f32) -> u64 {
    x.to_bits().into()
}
extern "C" fn bits_of_f64(x: f64, y: f32) -> u64 {
    x.to_bits() ^ u64::from(y.to_bits())
}
extern "C" fn number_of(x: bool) -> u64 {
    u64::from(x) + 40
}
extern "C" fn address_of(x: *const u16) -> u64 {
    x as u64
}

stencil! {
    machine Others(x: u64, memory: *mut u8) -> u64;
    extern fn bits_of_f32(x: f32) -> u64 = bits_of_f32;
    extern fn bits_of_f64(x: f64, y: f32) -> u64 = bits_of_f64;
    extern fn number_of(x: bool) -> u64 = number_of;
    extern fn address_of(x: *const u16) -> u64 = address_of;

    uop bool_get(n: bool) { x = n; }
    uop bool_store(n: bool) { *(bool *)memory = n; x = *memory; }
    uop bool_choose(n: bool) { x = n ? x + 10 : x - 10; }
    uop bool_not(n: bool) { x = !n; }
    uop bool_pass(n: bool) { x = number_of(n); }
    uop bool_equal(n: bool, m: bool) { x = (n == m) * 4 + (n && m) * 2 + (n != m); }
    uop bool_mask(n: bool) { x &= -(uint64_t)n; }

    uop f32_store(n: f32) { *(float *)memory = n; x = *(uint32_t *)memory; }
    uop f32_pass(n: f32) { x = bits_of_f32(n); }
    uop f32_add(n: f32) { *(float *)memory = *(float *)memory + n; x = *(uint32_t *)memory; }
    uop f32_widen(n: f32) { *(double *)memory = n; x = *(uint64_t *)memory; }
    uop f32_compare(n: f32, m: f32) { x = (n < m) + (n == m) * 2 + (n != n) * 4 + (n == 0) * 8; }
    uop f64_store(n: f64) { *(double *)memory = n; x = *(uint64_t *)memory; }
    uop f64_pass(n: f64, m: f32) { x = bits_of_f64(n, m); }
    uop f64_add(n: f64) { *(double *)memory = *(double *)memory * 2.0 + n; x = *(uint64_t *)memory; }
    uop f64_compare(n: f64, m: f64) { x = (n < m) + (n == m) * 2 + (n != n) * 4 + (n == 0) * 8; }
    uop f64_negate(n: f64) { *(double *)memory = -n; x = *(uint64_t *)memory; }

    uop pointer_get(n: *const u32) { x = (uint64_t)n; }
    uop pointer_null(n: *mut u32) { x = n == 0; }
    uop pointer_truth(n: *const u8) { x = n ? 1 : 2; }
    uop pointer_low(n: *const u64) { x = ((uintptr_t)n & 1) | ((uintptr_t)n & 15) << 8 | ((uintptr_t)n % 64) << 16; }
    uop pointer_next(n: *const u32) { x = (uint64_t)(n + 3); }
    uop pointer_before(n: *const u32) { x = (uint64_t)(n - x); }
    uop pointer_equal(n: *const u8, m: *mut u32) { x = (const void *)n == (void *)m; }
    uop pointer_order(n: *const u8, m: *const u8) { x = (uintptr_t)n < (uintptr_t)m; }
    uop pointer_distance(n: *const u8, m: *const u8) { x = m - n; }
    uop pointer_pass(n: *const u16) { x = address_of(n); }
    uop pointer_load(n: *const u32) { x = *n; }
    uop pointer_alias(a: *mut u64, b: *mut u64) { *a = 1; *b = 2; x = *a; }
    uop pointer_alias_types(a: *mut u64, b: *mut f64) { *a = 1; *b = 2.0; x = *a; }
    uop pointer_alias_offset(a: *mut u32, b: *mut u32) { a[1] = 1; b[0] = 2; x = a[1]; }
    uop pointer_alias_copy(a: *mut u64, b: *const u64) { a[0] = b[0] + 1; a[1] = b[0] + 1; }

    uop at_u8(n: u8) { x = memory[n]; }
    uop at_u16(n: u16) { x = memory[n]; }
    uop at_u32(n: u32) { x = memory[n]; }
    uop at_u32_after(n: u32) { x = memory[(uint64_t)n + 8]; }
    uop at_i8(n: i8) { x = memory[n]; }
    uop at_i16(n: i16) { x = memory[n]; }
    uop at_i32(n: i32) { x = memory[n]; }
    uop at_i32_after(n: i32) { x = memory[(int64_t)n + 8]; }
    uop at_i64(n: i64) { x = memory[n]; }
    uop at_u64(n: u64) { x = memory[n]; }
    uop at_scaled(n: u16) { x = ((uint64_t *)memory)[n]; }
    uop at_scaled_sum(n: u16) { x = *(memory + x * 8 + n); }
    uop put_u16(n: u16, value: u8) { memory[n] = value; }
    uop put_u32(n: u32, value: u32) { *(uint32_t *)(memory + n) = value; }
    uop ret() { RETURN(x); }
}

fn try_run(uop: Instruction<Others>, x: u64, memory: *mut u8) -> Result<u64, Error> {
    let code = Others::compile(&[uop, Others::ret()])?;
    Ok(unsafe { code.entry()(x, memory) })
}

fn run(uop: Instruction<Others>, x: u64) -> u64 {
    try_run(uop, x, [0_u64; 4].as_mut_ptr().cast()).unwrap()
}

#[test]
fn booleans() {
    for n in [false, true] {
        let number = u64::from(n);
        assert_eq!((run(Others::bool_get(n), 7), run(Others::bool_store(n), 7)), (number, number));
        assert_eq!((run(Others::bool_not(n), 7), run(Others::bool_pass(n), 7)), (1 - number, 40 + number));
        assert_eq!(run(Others::bool_choose(n), 100), if n { 110 } else { 90 });
        assert_eq!(run(Others::bool_mask(n), 0xff00), if n { 0xff00 } else { 0 });
        for m in [false, true] {
            let expected = u64::from(n == m) * 4 + u64::from(n && m) * 2 + u64::from(n != m);
            assert_eq!(run(Others::bool_equal(n, m), 0), expected);
        }
    }
}

#[test]
fn floats() {
    let quiet = f32::from_bits(0x7fc1_2345);
    let signalling = f32::from_bits(0xff81_2345);
    let all = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        f32::MIN,
        f32::MAX,
        f32::MIN_POSITIVE,
        1e-45,
        f32::INFINITY,
        f32::NEG_INFINITY,
        quiet,
        signalling,
    ];
    for n in all {
        assert_eq!(run(Others::f32_store(n), 0), u64::from(n.to_bits()));
        assert_eq!(run(Others::f32_pass(n), 0), u64::from(n.to_bits()));
        let one = &mut [u64::from(1.5_f32.to_bits())];
        let sum = f32::from_bits(try_run(Others::f32_add(n), 0, one.as_mut_ptr().cast()).unwrap() as u32);
        assert!(sum.to_bits() == (1.5 + n).to_bits() || (sum.is_nan() && n.is_nan()));
        let wide = f64::from_bits(run(Others::f32_widen(n), 0));
        assert!(wide.to_bits() == f64::from(n).to_bits() || (wide.is_nan() && n.is_nan()));
        for m in all {
            let flags = |less, equal, nan, zero| {
                u64::from(less) + u64::from(equal) * 2 + u64::from(nan) * 4 + u64::from(zero) * 8
            };
            let expected = flags(n < m, n == m, n.is_nan(), n == 0.0);
            assert_eq!(run(Others::f32_compare(n, m), 0), expected, "{n} {m}");
            let (n, m) = (f64::from(n) * 1e250, f64::from(m) * 1e250);
            let expected = flags(n < m, n == m, n.is_nan(), n == 0.0);
            assert_eq!(run(Others::f64_compare(n, m), 0), expected, "{n} {m}");
        }
    }
    let bits = [
        0,
        1 << 63,
        1,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0001,
        0x7ff8_dead_beef_cafe,
        0x3ff0_0000_0000_0000,
        u64::MAX,
    ];
    for bits in bits {
        let n = f64::from_bits(bits);
        assert_eq!(run(Others::f64_store(n), 0), bits);
        assert_eq!(run(Others::f64_negate(n), 0), bits ^ 1 << 63);
        for m in all {
            assert_eq!(run(Others::f64_pass(n, m), 0), bits ^ u64::from(m.to_bits()));
        }
        let sum = f64::from_bits(try_run(Others::f64_add(n), 0, [1.5_f64.to_bits()].as_mut_ptr().cast()).unwrap());
        assert!(sum.to_bits() == (3.0 + n).to_bits() || (sum.is_nan() && n.is_nan()));
    }
}

#[test]
fn pointers() {
    let place = 7_u64;
    let mut all: Vec<usize> = super::holes::interesting().iter().map(|&value| value as usize).collect();
    all.push((&raw const place).addr());
    for (index, &n) in all.iter().enumerate() {
        let m = all[(index * 7 + 1) % all.len()];
        let wide = n as u64;
        assert_eq!(run(Others::pointer_get(n as *const u32), 0), wide);
        assert_eq!(run(Others::pointer_pass(n as *const u16), 0), wide);
        assert_eq!(run(Others::pointer_null(n as *mut u32), 0), u64::from(n == 0));
        assert_eq!(run(Others::pointer_truth(n as *const u8), 0), if n == 0 { 2 } else { 1 });
        assert_eq!(run(Others::pointer_low(n as *const u64), 0), (wide & 1) | (wide & 15) << 8 | (wide % 64) << 16);
        assert_eq!(run(Others::pointer_next(n as *const u32), 0), wide.wrapping_add(12));
        assert_eq!(run(Others::pointer_before(n as *const u32), 5), wide.wrapping_sub(20));
        for (n, m) in [(n, m), (n, n), (m, n)] {
            assert_eq!(run(Others::pointer_equal(n as *const u8, m as *mut u32), 0), u64::from(n == m));
            assert_eq!(
                run(Others::pointer_order(n as *const u8, m as *const u8), 0),
                u64::from(n < m),
                "{n:#x} {m:#x}"
            );
            assert_eq!(run(Others::pointer_distance(n as *const u8, m as *const u8), 0), m.wrapping_sub(n) as u64);
        }
    }
    assert_eq!(run(Others::pointer_load([0xdead_beef_u32].as_ptr()), 0), 0xdead_beef);
}

#[test]
fn pointers_that_alias() {
    let (mut a, mut b) = ([0_u64; 2], [0_u64; 2]);
    let (p, q) = (a.as_mut_ptr(), b.as_mut_ptr());
    assert_eq!((run(Others::pointer_alias(p, p), 0), run(Others::pointer_alias(p, q), 0)), (2, 1));
    assert_eq!(run(Others::pointer_alias_types(p, p.cast()), 0), 2_f64.to_bits());
    assert_eq!(run(Others::pointer_alias_types(p, q.cast()), 0), 1);
    let (p32, q32) = (p.cast::<u32>(), q.cast::<u32>());
    let next = unsafe { p32.add(1) };
    assert_eq!(
        (run(Others::pointer_alias_offset(p32, next), 0), run(Others::pointer_alias_offset(p32, q32), 0)),
        (2, 1)
    );
    unsafe { p.write(10) };
    run(Others::pointer_alias_copy(p, p), 0);
    assert_eq!(a, [11, 12]);
}

#[test]
fn displacements() {
    // 8 GiB of address space, of which only a few pages are ever touched.
    const SIZE: usize = 8 << 30;
    let base = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        libc::mmap(std::ptr::null_mut(), SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    assert_ne!(base, libc::MAP_FAILED);
    let middle = unsafe { base.cast::<u8>().add(SIZE / 2 - 16) };
    let (mut refused, mut all) = (0, 0);
    let mut check = |uop: Instruction<Others>, distance: i64, x: u64| {
        let place = middle.wrapping_offset(distance as isize);
        unsafe { place.write(0xA7) };
        let actual = try_run(uop, x, middle);
        unsafe { place.write(0) };
        all += 1;
        if let Err(Error::OutOfRange { uop: name, hole, overflow, .. }) = &actual {
            // As the macro documents, a `u32` from 2^31 on is refused, or from slightly less if there is an addend.
            assert_eq!((*name, *hole), (&*uop.stencil().name(), "n"));
            assert!(name.starts_with("at_u32") && distance > i64::from(i32::MAX), "{uop:?}: {overflow:?}");
            assert!(overflow.value > overflow.max);
            refused += 1;
        } else {
            assert_eq!(actual, Ok(0xA7), "{uop:?}");
        }
    };
    for value in super::holes::interesting() {
        check(Others::at_u8(value as u8), (value as u8).into(), 0);
        check(Others::at_u16(value as u16), (value as u16).into(), 0);
        check(Others::at_scaled_sum(value as u16), i64::from(value as u16) + 40, 5);
        check(Others::at_scaled(value as u16), i64::from(value as u16) * 8, 0);
        check(Others::at_i8(value as i8), (value as i8).into(), 0);
        check(Others::at_i16(value as i16), (value as i16).into(), 0);
        check(Others::at_u32(value as u32 / 2), (value as u32 / 2).into(), 0);
        check(Others::at_i32(value as i32), (value as i32).into(), 0);
        check(Others::at_i32_after(value as i32), i64::from(value as i32) + 8, 0);
        check(Others::at_i64((value as i32).into()), (value as i32).into(), 0);
        check(Others::at_u64((value as i32) as u64), (value as i32).into(), 0);
        if value as u32 as usize <= SIZE / 2 - 32 {
            check(Others::at_u32(value as u32), (value as u32).into(), 0);
            check(Others::at_u32_after(value as u32), i64::from(value as u32) + 8, 0);
        }
    }
    assert!(refused < all / 4, "{refused} of {all}");
    unsafe { libc::munmap(base, SIZE) };
}

#[test]
fn a_value_out_of_range_leaves_everything_as_it_was() {
    let (mut code, mut data) = ([0_u8; 64], [0_u8; 64]);
    let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data).unwrap();
    emit_put_u16(&mut out, 5, 6).unwrap();
    let before = (out.left(), out.code_address(), out.data_address());
    let first = 64 - before.0.0;
    let range = STENCIL_put_u32.holes()[0].range.expect("a displacement of 32 bits");
    assert_eq!((range, STENCIL_put_u32.holes()[1].range), ((0, i64::from(i32::MAX)), None));
    for n in [1 << 31, (1 << 31) + 1, u32::MAX] {
        let error = emit_put_u32(&mut out, n, 9).unwrap_err();
        let Error::OutOfRange { uop: "put_u32", hole: "n", overflow, .. } = &error else { panic!("{error}") };
        assert_eq!((overflow.value, overflow.max), (i128::from(n), i128::from(i32::MAX)));
        assert_eq!((out.left(), out.code_address(), out.data_address()), before);
        let text = error.to_string();
        assert!(text.contains("`put_u32`") && text.contains("`n`") && text.contains(&n.to_string()), "{text}");
    }
    drop(out);
    assert!(code[..first].iter().any(|&byte| byte != 0));
    assert!(code[first..].iter().chain(&data).all(|&byte| byte == 0));
}
