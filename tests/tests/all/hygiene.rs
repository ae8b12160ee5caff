//! Names in the scope of a block do not change its meaning, and `cfg` conditions on its items work as in Rust.
//!
//! Calls of compiled code are sound: bodies read the targets of their pointer operands, which live until the calls are
//! over.

#![allow(dead_code, non_camel_case_types, non_upper_case_globals, non_snake_case, unused_macros)]

mod values {
    //! A pattern that is the name of a constant, static or unit struct refers to that item.
    static out: u8 = 0;
    const words: u8 = 0;
    struct labels;
    static code: u8 = 0;
    const data: i8 = 1;
    static value: u64 = 1;
    const index: u8 = 0;
    static found: u8 = 0;
    const member: usize = 9;
    const N: usize = 3;
    static FOO: u64 = 3;
    struct Unit;

    stencil_runtime::stencil! {
        pub machine M(x: u64) -> u64;
        struct Pair { value: u64, code: u32 }
        /// Its first member once had the same name as the uop that follows it.
        pub uop t<const N: 0..2>() { x += N; }
        pub uop t_0(value: u64) { x += value; }
        pub uop emit_t(FOO: u64, Unit: u32, out: u8, words: u8, labels: u8, code: i8, data: i16) {
            x += FOO + Unit + out + words + labels + code + data;
        }
        pub uop fam<const index: 0..2, const found: 0..2>(member: u32, value: *const Pair, target: stencil_runtime::Label) {
            x += index * found * member + value->value;
            if (!x) JUMP(target);
        }
        pub uop ret() { RETURN(x); }
    }

    #[test]
    fn an_operand_may_have_the_name_of_a_constant() {
        let pair = Pair { value: 1, code: 2 };
        let end = stencil_runtime::Label(0);
        let program = [
            M::t(1),
            M::t_0(2),
            M::emit_t(1, 2, 3, 4, 5, -6, -7),
            M::fam(1, 1, 100, &pair, end),
            M::bind(end),
            M::ret(),
        ];
        assert_eq!(unsafe { M::compile(&program).unwrap().entry()(3) }, 109);
        let (mut code_buffer, mut data_buffer) = ([0; 100], [0; 100]);
        let mut emitter = stencil_runtime::Emitter::<stencil_runtime::Reused>::new(&mut code_buffer, &mut data_buffer);
        emit_emit_t(&mut emitter, 1, 2, 3, 4, 5, -6, -7).unwrap();
        let target = emitter.code_address();
        emit_fam(&mut emitter, 1, 0, 2, &pair, target).unwrap();
        assert!(emitter.left().0 < 100 - STENCIL_emit_t.code.size);
    }
}

mod types {
    //! Names from the prelude, and of primitive types, macros, derives and crates.
    type u64 = i8;
    type usize = u8;
    type u8 = i64;
    struct u16;
    type str = ();
    type bool = i8;
    struct i64;
    type u32 = u8;
    type Option = u8;
    type Result = u8;
    type Some = u8;
    fn None() {}
    fn Ok() {}
    fn Err() {}
    trait Fn {}
    trait Sized {}
    trait Copy {}
    trait Clone {}
    mod core {
        pub use ::core::ffi;
    }
    mod std {}
    mod stencil_runtime {}
    macro_rules! assert {
        () => {};
    }
    macro_rules! panic {
        () => {};
    }
    macro_rules! unreachable {
        () => {};
    }
    macro_rules! option_env {
        () => {};
    }
    macro_rules! include_bytes {
        () => {};
    }

    ::stencil_runtime::stencil! {
        pub machine M(x: i32) -> i32;
        struct S { a: f64 }
        pub uop t<const N: 0..2>() { x += N; }
        pub uop add(n: i32, m: i16, to: ::stencil_runtime::Label, p: *mut core::ffi::c_void, s: *const S) {
            x += n + m + (int)s->a + (p != 0);
            if (x == 1000) JUMP(to);
        }
        pub uop ret() { RETURN(x); }
    }

    #[test]
    fn shadowed_types_are_left_alone() {
        let end = ::stencil_runtime::Label(0);
        let s = S { a: 7.0 };
        let program = [M::t(1), M::add(2, -1, end, ::core::ptr::null_mut(), &s), M::bind(end), M::ret()];
        assert_eq!(unsafe { M::compile(&program).unwrap().entry()(3) }, 12);
    }
}

mod traits {
    //! Blanket methods by value, which method syntax would find before methods that take a reference.
    #[allow(clippy::wrong_self_convention)]
    pub trait Tap: Sized {
        fn as_ref(self) -> u8 {
            1
        }
        fn find(self, _: u64) -> u8 {
            1
        }
        fn take(self) {}
        fn emit(self) {}
        fn emit_inline(self) {}
        fn code_address(self) -> u8 {
            0
        }
        fn reaches(self) {}
        fn is_near(self) {}
    }
    impl<T> Tap for T {}
    pub extern "C" fn twice(x: i32) -> i32 {
        x * 2
    }

    stencil_runtime::stencil! {
        #[interpreter]
        pub machine M(x: i32) -> i32;
        extern fn twice(x: i32) -> i32 = twice;
        pub uop fam<const N: 0..3>(n: i32, to: stencil_runtime::Label) { x += N + twice(n); if (x == 1 << 20) JUMP(to); }
        pub uop ret() { static const int table[4] = { 1, 2, 3, 4 }; RETURN(x + table[x & 3]); }
    }

    #[test]
    fn methods_of_traits_in_scope_are_left_alone() {
        let end = stencil_runtime::Label(0);
        let program = [M::fam(1, 4, end), M::bind(end), M::ret()];
        assert_eq!(unsafe { M::compile(&program).unwrap().entry()(3) }, 13);
        let interpreter = M::interpreter(&program).unwrap();
        assert_eq!(unsafe { interpreter.entry()(interpreter.start(), 3) }, 13);
    }
}

mod blocks {
    //! Blocks of one machine in one module, with and without uops, and in a function.
    pub extern "C" fn same(x: i32) -> i32 {
        x
    }

    stencil_runtime::stencil! { #[interpreter] pub machine r#type(x: i32) -> i32; uop r#loop(n: i32) { x += n; } }
    stencil_runtime::stencil! { #[interpreter] continue machine r#type(x: i32) -> i32; extern fn same(x: i32) -> i32 = same; }
    stencil_runtime::stencil! { #[interpreter] continue machine r#type(x: i32) -> i32; extern fn same(x: i32) -> i32 = same; }
    stencil_runtime::stencil! { #[interpreter] continue machine self::r#type(x: i32) -> i32; uop ret() { RETURN(x); } }

    #[test]
    fn blocks_do_not_share_names() {
        const n: i32 = 5;
        stencil_runtime::stencil! { machine Local(x: i32) -> i32; uop add(n: i32) { x += n; } uop ret() { RETURN(x); } }
        stencil_runtime::stencil! { continue machine Local(x: i32) -> i32; uop sub(n: i32) { x -= n; } }
        let local = Local::compile(&[Local::add(n), Local::sub(1), Local::ret()]).unwrap();
        let outer = r#type::compile(&[r#type::r#loop(2), r#type::ret()]).unwrap();
        assert_eq!(unsafe { (local.entry()(1), outer.entry()(1)) }, (5, 3));
    }
}

mod conditions {
    extern "C" fn tenfold(x: u64) -> u64 {
        x * 10
    }

    stencil_runtime::stencil! {
        #![cfg_attr(unix, c_flags("-DX=1"))]
        #![cfg_attr(not(unix), c_flags("-DX=2"), stencil(no_calls))]
        #[cfg(unix)] pub machine M(x: u64, #[cfg(windows)] y: u64) -> u64;
        #[cfg(not(unix))] pub machine M(x: u64, y: u64) -> u64;
        #[cfg(unix)] c { static inline int k(void) { return 1; } }
        #[cfg(not(unix))] c { static inline int k(void) { return 2; } }
        #[cfg(all(unix, windows))] c { this is no C at all }
        #[cfg(windows)] include "no-such-header.h";
        pub struct S { pub a: u64, #[cfg(windows)] b: u64, #[cfg_attr(unix, allow(dead_code))] pub c: u64 }
        #[cfg(windows)] extern fn absent(x: u64) = nowhere;
        #[cfg(not(windows))] extern fn tenfold(x: u64, #[cfg(windows)] y: u64) -> u64 = tenfold;
        #[cfg(not(unix))] pub uop one() { no such thing; }
        #[cfg(unix)] pub uop one(a: u64) { x += k() + a + X; }
        #[cfg_attr(unix, cfg(windows))] pub uop never() { no such thing; }
        #[cfg_attr(unix, cfg_attr(not(windows), stencil(max_code = 200), doc = "Documented."))]
        pub uop fam<const A: 0..2, #[cfg(windows)] const B: 0..2>(#[cfg(windows)] n: u64, p: *const S) {
        #if X == 1
            x = tenfold(x) + A + p->c;
        #else
            x += A + B + n + p->b;
        #endif
        }
        pub uop ret() { RETURN(x); }
    }

    #[test]
    fn excluded_items_leave_no_trace() {
        let s = S { a: 1, c: 5 };
        let code = M::compile(&[M::one(3), M::fam(1, &s), M::ret()]).unwrap();
        assert_eq!(unsafe { code.entry()(1) }, 66);
    }
}
