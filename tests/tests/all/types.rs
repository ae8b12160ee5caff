//! Shared types, host functions of many types, machines of many shapes.
//!
//! Calls of compiled code are sound: the structs that bodies access live until the end of each test, and host functions
//! are declared with their actual types.

mod structs {
    use stencil_runtime::stencil;

    /// A type that Rust defines.
    #[repr(C)]
    #[derive(Default)]
    pub struct Bound {
        pub small: u8,
        pub big: u64,
        pub hidden: bool,
    }

    #[repr(C)]
    pub struct Shape {
        pub kind: u8,
        pub side: u64,
        pub next: *mut Shape,
        pub flags: u32,
        pub corners: [i16; 3],
    }

    stencil! {
        pub machine Structs(vm: *mut Vm, x: u64) -> u64;
        include "shared.h";
        #[derive(Debug, PartialEq, Clone, Copy)]
        pub struct Inner { pub d: f64, pub e: i8 }
        /// It has padding after `a`, `c` and `pairs`.
        #[derive(Debug, PartialEq)]
        pub struct Vm {
            pub a: u8,
            pub b: u64,
            pub c: i16,
            pub inner: Inner,
            /// An array of arrays.
            pub grid: [[u16; 2]; 3],
            pub pairs: [Inner; 2],
            pub f: f32,
            pub pointer: *mut Vm,
            pub pointers: [*const u32; 2],
            pub flag: bool,
        }
        struct Bound = Bound { small: u8, big: u64, hidden: bool }
        struct Shape = crate::types::structs::Shape { kind: u8, next: *mut Shape, corners: [i16; 3], .. }

        pub uop fill() {
            vm->a = 1; vm->b = 2; vm->c = -3; vm->inner.d = 4.5; vm->inner.e = -6;
            for (int i = 0; i < 3; i++) for (int j = 0; j < 2; j++) vm->grid[i][j] = 10 * i + j;
            vm->pairs[0] = (Inner){ 7.5, 8 }; vm->pairs[1] = vm->inner;
            vm->f = 9.25f; vm->pointer = vm; vm->pointers[0] = 0; vm->pointers[1] = (uint32_t *)&vm->a; vm->flag = 1;
        }
        pub uop chase() { x = vm->pointer->pointer->b + *(const uint8_t *)vm->pointers[1]; }
        pub uop bound(to: *mut Bound) { to->small++; to->big += to->hidden ? 100 : 200; }
        pub uop area(shape: *const Shape) { x = area(shape) + area(shape->next) + shape->corners[2]; }
        pub uop flags(shape: *const Shape) { x = shape->flags; }
        pub uop text() { const char *text = ESCAPED; x = text[1] * 256 + text[3]; }
        pub uop opaque(unknown: *const std::path::PathBuf) { x = (uint64_t)(const void *)unknown; }
        pub uop nested_pointer(p: *mut *const u16) { x = **p; (*p)++; }
        pub uop array_pointer(p: *const [u32; 4]) { x = (*p)[3] + sizeof *p; }
        pub uop ret() { RETURN(x); }
    }
}

use structs::{Bound, Inner, Shape, Structs, Vm};

fn run(uop: stencil_runtime::Instruction<Structs>, vm: *mut Vm) -> u64 {
    let code = Structs::compile(&[uop, Structs::ret()]).unwrap();
    unsafe { code.entry()(vm, 0) }
}

#[test]
fn structs_have_one_layout() {
    let none = Inner { d: 0.0, e: 0 };
    let mut vm = Vm {
        a: 0,
        b: 0,
        c: 0,
        inner: none,
        grid: [[0; 2]; 3],
        pairs: [none; 2],
        f: 0.0,
        pointer: std::ptr::null_mut(),
        pointers: [std::ptr::null(); 2],
        flag: false,
    };
    let pointer = &raw mut vm;
    run(Structs::fill(), pointer);
    let inner = Inner { d: 4.5, e: -6 };
    let expected = Vm {
        a: 1,
        b: 2,
        c: -3,
        inner,
        grid: [[0, 1], [10, 11], [20, 21]],
        pairs: [Inner { d: 7.5, e: 8 }, inner],
        f: 9.25,
        pointer,
        pointers: [std::ptr::null(), pointer as *const u32],
        flag: true,
    };
    assert_eq!(vm, expected);
    assert_eq!(run(Structs::chase(), &raw mut vm), 3);
}

#[test]
fn bound_types() {
    let mut bound = Bound { small: 255, big: 1, hidden: false };
    run(Structs::bound(&raw mut bound), std::ptr::null_mut());
    bound.hidden = true;
    run(Structs::bound(&raw mut bound), std::ptr::null_mut());
    assert_eq!((bound.small, bound.big), (1, 301));
    let mut next = Shape { kind: 2, side: 5, next: std::ptr::null_mut(), flags: 0, corners: [0; 3] };
    let shape = Shape { kind: 2, side: 3, next: &raw mut next, flags: 0xffff_fffd, corners: [1, 2, -4] };
    assert_eq!(run(Structs::area(&raw const shape), std::ptr::null_mut()), 9 + 25 - 4);
    assert_eq!(run(Structs::flags(&raw const shape), std::ptr::null_mut()), 5);
    assert_eq!(shape.kind + next.kind + u8::from(next.next.is_null()), 5);
    assert_eq!((shape.side, next.side, shape.next.is_null(), shape.flags), (3, 5, false, 0xffff_fffd));
}

#[test]
fn pointers_to_anything() {
    let text = std::path::PathBuf::from("text");
    assert_eq!(run(Structs::opaque(&raw const text), std::ptr::null_mut()), &raw const text as u64);
    assert_eq!(run(Structs::text(), std::ptr::null_mut()), u64::from(b'\\') * 256 + u64::from(b'\n'));
    let numbers = [7_u16, 8];
    let mut pointer = numbers.as_ptr();
    assert_eq!(run(Structs::nested_pointer(&raw mut pointer), std::ptr::null_mut()), 7);
    assert_eq!(unsafe { *pointer }, 8);
    assert_eq!(run(Structs::array_pointer(&raw const *&[1, 2, 3, 40]), std::ptr::null_mut()), 56);
}

mod hosts {
    use std::ffi::c_void;
    use stencil_runtime::stencil;

    pub extern "C" fn many(
        a: u8,
        b: i8,
        c: u16,
        d: i16,
        e: u32,
        f: i32,
        g: u64,
        h: i64,
        i: usize,
        j: isize,
        k: bool,
    ) -> i64 {
        let parts =
            [a.into(), b.into(), c.into(), d.into(), e.into(), f.into(), g as i64, h, i as i64, j as i64, k.into()];
        parts.iter().fold(0, |sum: i64, part| sum.wrapping_mul(31).wrapping_add(*part))
    }
    pub extern "C" fn floats(
        a: f32,
        n: u32,
        b: f64,
        c: f32,
        m: u8,
        d: f64,
        e: f64,
        f: f64,
        g: f64,
        h: f64,
        i: f32,
    ) -> f64 {
        [a.into(), n.into(), b, c.into(), m.into(), d, e, f, g, h, i.into()].iter().fold(0.0, |sum, x| sum * 1.25 + x)
    }
    pub extern "C" fn pointer(p: *mut c_void, q: *const *const u8) -> *const u8 {
        assert_eq!(p as u64, 77);
        unsafe { *q }
    }
    pub extern "C" fn nothing(seen: *mut u64) {
        unsafe { *seen += 1 }
    }
    pub extern "C" fn short(x: i16) -> i16 {
        x.wrapping_mul(3)
    }
    pub extern "C" fn byte(x: u8) -> u8 {
        x.wrapping_add(200)
    }
    pub extern "C" fn signed(x: i8) -> i8 {
        x.wrapping_sub(100)
    }
    pub extern "C" fn is_odd(x: i32) -> bool {
        x & 1 == 1
    }
    pub extern "C" fn half(x: f32) -> f32 {
        x / 2.0
    }
    pub extern "C" fn none() -> u32 {
        0xffff_fff0
    }
    /// Keeps aligned vectors on its stack, as any Rust function may.
    pub extern "C" fn aligned(x: u64) -> u64 {
        #[repr(align(64))]
        struct Aligned([u64; 8]);
        let array = std::hint::black_box(Aligned([x; 8]));
        assert_eq!((&raw const array).addr() % 64, 0);
        let text = format!("{:?} {:.3}", array.0, x as f64 / 7.0);
        array.0.iter().sum::<u64>() + text.len() as u64
    }

    stencil! {
        pub machine Hosts(x: u64, y: u64, f: f64) -> u64;
        extern fn many(a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: i64, i: usize, j: isize, k: bool) -> i64 = many;
        extern fn floats(a: f32, n: u32, b: f64, c: f32, m: u8, d: f64, e: f64, f: f64, g: f64, h: f64, i: f32) -> f64 = self::floats;
        extern fn pointer(p: *mut c_void, q: *const *const u8) -> *const u8 = pointer;
        extern fn nothing(seen: *mut u64) = crate::types::hosts::nothing;
        extern fn narrow(x: i16) -> i16 = short;
        extern fn byte(x: u8) -> u8 = byte;
        extern fn minus_100(x: i8) -> i8 = signed;
        extern fn is_odd(x: i32) -> bool = is_odd;
        extern fn half(x: f32) -> f32 = half;
        extern fn none() -> u32 = none;
        extern fn aligned(x: u64) -> u64 = aligned;

        pub uop many() { x = many(x, x, x, x, x, x, x, x, x, x, x & 1); }
        pub uop many_holes(a: u8, b: i8, c: u16, d: i16, e: u32, f_: i32, g: u64, h: i64, i: usize, j: isize, k: bool) {
            x = many(a, b, c, d, e, f_, g, h, i, j, k);
        }
        pub uop floats(a: f32, b: f64) { f = floats(a, x, b, a + 1, x, f, b + 2, f + 3, b, f, a); __builtin_memcpy(&x, &f, 8); }
        pub uop pointer(q: *const *const u8) { x = (uint64_t)pointer((void *)77, q); }
        pub uop nothing(seen: *mut u64) { nothing(seen); nothing(seen); }
        pub uop narrow() { x = narrow(x) + byte(x) * 3 + minus_100(x) * 5 + is_odd(x) * 7; }
        pub uop half() { x = (uint64_t)(half((float)x) * 16); }
        pub uop none() { x = none(); }
        pub uop aligned() { x = aligned(x) + aligned(x + 1); }
        pub uop ret() { RETURN(x); }
    }
}

#[test]
fn host_functions_of_all_types() {
    use hosts::Hosts;
    let run = |uop, x: u64, f: f64| {
        let code = Hosts::compile(&[uop, Hosts::ret()]).unwrap();
        unsafe { code.entry()(x, 9, f) }
    };
    for x in [0, 1, 0x7f, 0x80, 0xff, 0x8000, 0xffff_ffff, 0x8000_0000, u64::MAX, 0x0123_4567_89ab_cdef, 1 << 63] {
        let odd = x & 1 == 1;
        let expected = hosts::many(
            x as u8, x as i8, x as u16, x as i16, x as u32, x as i32, x, x as i64, x as usize, x as isize, odd,
        );
        assert_eq!(run(Hosts::many(), x, 0.0), expected as u64);
        let holes = Hosts::many_holes(
            x as u8, x as i8, x as u16, x as i16, x as u32, x as i32, x, x as i64, x as usize, x as isize, odd,
        );
        assert_eq!(run(holes, 5, 0.0), expected as u64);
        let narrow = i64::from(hosts::short(x as i16)) + i64::from(hosts::byte(x as u8)) * 3;
        let narrow = narrow + i64::from(hosts::signed(x as i8)) * 5 + i64::from(odd) * 7;
        assert_eq!(run(Hosts::narrow(), x, 0.0), narrow as u64);
        for (a, b, f) in [(1.5_f32, -2.0, 0.1), (0.1, 1e10, -7.0)] {
            let expected = hosts::floats(a, x as u32, b, a + 1.0, x as u8, f, b + 2.0, f + 3.0, b, f, a);
            assert_eq!(f64::from_bits(run(Hosts::floats(a, b), x, f)), expected);
        }
    }
    let byte = 5_u8;
    let pointer = &raw const byte;
    assert_eq!(run(Hosts::pointer(&raw const pointer), 0, 0.0), pointer as u64);
    let mut seen = 0;
    run(Hosts::nothing(&raw mut seen), 0, 0.0);
    assert_eq!(seen, 2);
    assert_eq!((run(Hosts::half(), 9, 0.0), run(Hosts::none(), 0, 0.0)), (72, 0xffff_fff0));
    assert_eq!(run(Hosts::aligned(), 3, 0.0), hosts::aligned(3) + hosts::aligned(4));
}
