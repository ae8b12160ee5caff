//! Arrays of registers, initial values, and constants that both languages have.

use stencil_runtime::{Label, Stencil, stencil};

mod array {
    use stencil_runtime::{Label, stencil};

    stencil! {
        pub machine M(ctx: *mut i64, r: [i64; 4], x: [f64; 3], b: [u8; 1]) -> i64;
        extern fn shuffle(a: i64, b: f64) -> i64 = super::shuffle;
        pub uop add<const DST: 0..4, const SRC: 0..4>() { r[DST] += r[SRC]; }
        pub uop sub<const DST: 0..4, const SRC: 0..6>(slot: u32, n: i32) where DST != SRC {
        #if SRC < 4
            r[DST] -= r[SRC];
        #elif SRC == 4
            r[DST] -= *(int64_t *)((char *)ctx + slot);
        #else
            r[DST] -= n;
        #endif
        }
        pub uop post<const DST: 0..4, const SRC: 0..4>() { r[DST] = r[SRC]; r[SRC]++; --r[3 - DST]; }
        pub uop fma<const A: 0..3, const B: 0..3, const C: 0..3>() { x[A] = x[B] * x[C] + x[A]; }
        pub uop convert<const DST: 0..3, const SRC: 0..4>() { x[DST] = r[SRC]; b[0] += x[DST] > 0; }
        pub uop call<const DST: 0..4>() { r[DST] = shuffle(r[3 - DST], x[DST % 3]) + shuffle(r[DST], x[0]); }
        pub uop branch<const A: 0..4, const B: 0..4>(to: Label) where A != B { if (r[A] < r[B]) { r[A] <<= r[B] & 63; JUMP(to); } }
        pub uop divide<const DST: 0..4, const SRC: 0..4>(to: Label) {
            if (__builtin_expect(r[SRC] == 0, 0)) { r[DST] = -1; JUMP(to); }
            r[DST] = (int64_t)((uint64_t)r[DST] / (uint64_t)r[SRC]);
        }
        pub uop swap<const A: 0..4, const B: 0..4>() { int64_t t = r[A]; r[A] = r[B]; r[B] = t; }
        pub uop count<const DST: 0..4, const SRC: 0..4>() { while (r[SRC] > 0) { r[DST] ^= ctx[r[SRC]]; r[SRC] >>= 1; } }
        pub uop ret<const SRC: 0..4>() { RETURN(r[SRC]); }
    }
}

mod by_hand {
    use stencil_runtime::{Label, stencil};

    stencil! {
        pub machine M(
            ctx: *mut i64, r0: i64, r1: i64, r2: i64, r3: i64, x0: f64, x1: f64, x2: f64, b0: u8,
        ) -> i64;
        extern fn shuffle(a: i64, b: f64) -> i64 = super::shuffle;
        c {
            #define R(n) (*((n) == 0 ? &r0 : (n) == 1 ? &r1 : (n) == 2 ? &r2 : &r3))
            #define X(n) (*((n) == 0 ? &x0 : (n) == 1 ? &x1 : &x2))
        }
        pub uop add<const DST: 0..4, const SRC: 0..4>() { R(DST) += R(SRC); }
        pub uop sub<const DST: 0..4, const SRC: 0..6>(slot: u32, n: i32) where DST != SRC {
        #if SRC < 4
            R(DST) -= R(SRC);
        #elif SRC == 4
            R(DST) -= *(int64_t *)((char *)ctx + slot);
        #else
            R(DST) -= n;
        #endif
        }
        pub uop post<const DST: 0..4, const SRC: 0..4>() { R(DST) = R(SRC); R(SRC)++; --R(3 - DST); }
        pub uop fma<const A: 0..3, const B: 0..3, const C: 0..3>() { X(A) = X(B) * X(C) + X(A); }
        pub uop convert<const DST: 0..3, const SRC: 0..4>() { X(DST) = R(SRC); b0 += X(DST) > 0; }
        pub uop call<const DST: 0..4>() { R(DST) = shuffle(R(3 - DST), X(DST % 3)) + shuffle(R(DST), X(0)); }
        pub uop branch<const A: 0..4, const B: 0..4>(to: Label) where A != B { if (R(A) < R(B)) { R(A) <<= R(B) & 63; JUMP(to); } }
        pub uop divide<const DST: 0..4, const SRC: 0..4>(to: Label) {
            if (__builtin_expect(R(SRC) == 0, 0)) { R(DST) = -1; JUMP(to); }
            R(DST) = (int64_t)((uint64_t)R(DST) / (uint64_t)R(SRC));
        }
        pub uop swap<const A: 0..4, const B: 0..4>() { int64_t t = R(A); R(A) = R(B); R(B) = t; }
        pub uop count<const DST: 0..4, const SRC: 0..4>() { while (R(SRC) > 0) { R(DST) ^= ctx[R(SRC)]; R(SRC) >>= 1; } }
        pub uop ret<const SRC: 0..4>() { RETURN(R(SRC)); }
    }
}

extern "C" fn shuffle(a: i64, b: f64) -> i64 {
    a ^ b as i64
}

#[test]
fn every_member_has_the_bytes_of_the_macro_that_arrays_replace() {
    macro_rules! families {
        ($($name:ident)*) => {
            [$((array::$name.iter().collect::<Vec<_>>(), by_hand::$name.iter().collect::<Vec<_>>())),*]
        };
    }
    let families = families!(
        STENCIL_add STENCIL_sub STENCIL_post STENCIL_fma STENCIL_convert STENCIL_call STENCIL_branch STENCIL_divide
        STENCIL_swap STENCIL_count STENCIL_ret
    );
    let mut compared = 0;
    for (arrays, by_hand) in families {
        assert_eq!(arrays.len(), by_hand.len());
        for (array, by_hand) in arrays.into_iter().zip(by_hand) {
            let forms = |stencil: Option<Stencil>| [stencil, stencil.and_then(|stencil| stencil.narrow())];
            assert_eq!(forms(array), forms(by_hand));
            compared += usize::from(array.is_some());
        }
    }
    assert_eq!(compared, 16 + 20 + 16 + 27 + 12 + 4 + 12 + 16 + 16 + 16 + 4);
}

#[test]
fn elements_are_registers_of_their_own() {
    use array::M;
    let program = [M::add(0, 1), M::add(1, 2), M::swap(0, 3), M::sub(3, 5, 0, 4), M::ret(3)];
    let code = M::compile(&program).unwrap();
    // SAFETY: the bodies touch no memory.
    assert_eq!(unsafe { code.entry()(std::ptr::null_mut(), 1, 20, 300, 4000, 0.0, 0.0, 0.0, 0) }, 17);
    let program = [M::branch(2, 1, Label(0)), M::ret(0), M::bind(Label(0)), M::ret(2)];
    let code = M::compile(&program).unwrap();
    // SAFETY: as above.
    assert_eq!(unsafe { code.entry()(std::ptr::null_mut(), 1, 2, 1, 0, 0.0, 0.0, 0.0, 0) }, 4);
}

/// The number of registers.
pub const REGISTERS: usize = 3;

pub mod pins {
    pub const PINS: usize = 2;
    #[repr(C)]
    pub struct Chip {
        pub pins: [u64; PINS],
        pub spare: [[u16; PINS]; super::REGISTERS],
    }
}

mod defaults {
    use super::stencil;

    stencil! {
        pub const LEAST: i64 = -9223372036854775808;
        const MOST: u64 = 0xffff_ffff_ffff_ffff;
        const REGISTERS = super::REGISTERS: usize = 3;
        const PINS = super::pins::PINS: usize = 2;
        struct Chip = super::pins::Chip { pins: [u64; PINS], spare: [[u16; PINS]; REGISTERS] }
        /// A struct of both languages.
        pub struct Own { pub all: [u8; REGISTERS] }
        pub machine Defaults(
            r: [i64; REGISTERS] = [1, -2, 0x7fff_ffff_ffff_ffff], chip: *mut Chip, own: *mut Own = null, small: i8 = -128,
            on: bool = true, x: [f64; PINS] = 0.5, f: f32 = -1e-3, last: u32,
        ) -> i64;
        c {
            #define TOP r[0]
            #define FIELD(r) ((r)->pins[1])
            static inline uint64_t second(uint64_t *r) { return r[1]; }
        }
        pub uop top() { RETURN(TOP + FIELD(chip) + second(chip->pins) + chip->spare[REGISTERS - 1][PINS - 1]); }
        pub uop sum() { RETURN(r[0] + r[1] + (r[2] == INT64_MAX) + small + on + (int)(8 * (x[0] + x[1])) + (f == -1e-3f) + last); }
        pub uop none() { RETURN(own == 0 && sizeof(own->all) == 3); }
        pub uop limits() { RETURN(LEAST == INT64_MIN && MOST == UINT64_MAX && -1 < (int64_t)REGISTERS); }
        pub uop set<const DST: 0..3>(n: i64) { r[DST] = n; }
    }
    pub mod more {
        stencil_runtime::stencil! {
            continue machine super::Defaults(
                r: [i64; 3], chip: *mut super::super::pins::Chip, own: *mut super::Own, small: i8, on: bool, x: [f64; 2],
                f: f32, last: u32,
            ) -> i64;
            pub uop get<const SRC: 0..3>() { RETURN(r[SRC]); }
        }
    }
}

#[test]
fn an_entry_takes_the_registers_without_an_initial_value() {
    use defaults::Defaults;
    let mut chip = pins::Chip { pins: [100, 20], spare: [[0; 2], [0; 2], [0, 7]] };
    let mut run = |program: &[stencil_runtime::Instruction<Defaults>]| {
        // SAFETY: `chip` is a struct of its type, which nothing else uses.
        unsafe { Defaults::compile(program).unwrap().entry()(&raw mut chip, 1000) }
    };
    assert_eq!(run(&[Defaults::top()]), 1 + 20 + 20 + 7);
    assert_eq!(run(&[Defaults::sum()]), 1 - 2 + 1 - 128 + 1 + 8 + 1 + 1000);
    assert_eq!((run(&[Defaults::none()]), run(&[Defaults::limits()])), (1, 1));
    assert_eq!(run(&[Defaults::set(2, 5), Defaults::get(2)]), 5);
    assert_eq!(run(&[Defaults::get(1)]), -2);
    assert_eq!((defaults::LEAST, size_of::<defaults::Own>()), (i64::MIN, 3));
}

/// Arrays in a block whose tokens come from a `macro_rules!` macro.
macro_rules! build {
    ($all:ty, $length:literal, $element:ty, $name:ident, $body:block, $index:expr) => {
        stencil! {
            pub machine Built($name: [$element; $length], other: $all = 0) -> i64;
            pub uop set<const D: 0..$length>(n: i64) { $name[D] = n; other[D % 2] = $name[D]; }
            pub uop last() { RETURN($name[$index]); }
            pub uop sum() $body
        }
    };
}

mod built {
    use super::stencil;
    build!(
        [i64; 2],
        3,
        i64,
        r,
        {
            RETURN(r[0] + other[1]);
        },
        1 + 1
    );
}

#[test]
fn blocks_made_by_macros_have_arrays() {
    use built::Built;
    // SAFETY: the bodies touch no memory.
    let run =
        |program: &[stencil_runtime::Instruction<Built>]| unsafe { Built::compile(program).unwrap().entry()(1, 2, 3) };
    assert_eq!((run(&[Built::last()]), run(&[Built::set(1, 40), Built::sum()])), (3, 41));
}

mod small_code {
    use super::stencil;

    /// The variants have gaps, and one has a name that C reserves.
    #[derive(Clone, Copy, Debug)]
    #[repr(i8)]
    pub enum Op {
        Add = 1,
        Sub,
        #[allow(non_camel_case_types)]
        int = 7,
    }

    pub const COUNT: usize = 2;

    stencil! {
        #![c_flags("-O1")]
        const COUNT = super::small_code::COUNT: usize = 2;
        const FIRST: u8 = 0;
        enum Op = super::small_code::Op { Add = 1, Sub, int = 7 }
        pub machine M(r: [i64; COUNT], unused: [f32; 1] = 1.5) -> i64;
        c {
            #if Op_Sub != 2
            #error "enums are constants of the preprocessor"
            #endif
        }
        pub uop two<const OP: Op, const A: FIRST..COUNT, const B: FIRST..=FIRST>() where A != 1 || OP == Op_int {
            switch (OP) {
            case Op_Add: r[A] += r[1 - A] + B; break;
            case Op_Sub: r[A] -= r[1 - A] + B; break;
            case Op_int: r[A] = OP; break;
            }
        }
        pub uop ret() { RETURN(r[0] * 100 + r[1]); }
    }
}

#[test]
fn parameters_are_variants() {
    use small_code::{M, Op, STENCIL_two};
    let run = |op, a| {
        let program = [M::two(op, a, 0), M::ret()];
        // SAFETY: the bodies touch no memory.
        M::compile(&program).map(|code| unsafe { code.entry()(20, 3) })
    };
    assert_eq!((run(Op::Add, 0), run(Op::Sub, 0), run(Op::int, 0)), (Ok(2303), Ok(1703), Ok(703)));
    assert_eq!(run(Op::int, 1), Ok(2007));
    let error = run(Op::Add, 1).unwrap_err();
    assert!(error.to_string().starts_with("instruction 0: uop `two` has no stencil for the parameters [1, 1, 0]: "));
    // The numbers between `Sub` and `int` are not members.
    let present: Vec<_> = STENCIL_two.iter().map(|member| member.is_some()).collect();
    let (first, none, both) = ([true, false], [false; 2], [true; 2]);
    assert_eq!(present, [first, first, none, none, none, none, both].concat());
    let mut code = [0; 256];
    let mut out = stencil_runtime::Emitter::<stencil_runtime::Reused>::new(&mut code, &mut []);
    assert!(small_code::emit_two(&mut out, Op::Sub, 0, 0).is_ok());
    assert!(small_code::emit_two(&mut out, Op::Sub, 1, 0).is_err());
}
