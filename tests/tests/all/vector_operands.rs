//! Vectors as operands: their values, their place in the data, and their words in instructions.
//!
//! Calls of compiled code are sound: bodies write to registers, and to `memory` where it is large enough.

use core::arch::x86_64::{__m128, __m128d, __m128i};
use std::mem::transmute;

use stencil_runtime::{
    Address, Emitter, Error, Label, Patch, PatchKind, Reused, Section, Value, VectorOperand as _, stencil,
};

use super::Random;

extern "C" fn host(x: u64) -> u64 {
    x ^ 0x55
}

stencil! {
    machine V(a: __m128i, n: u64, f: __m128, d: __m128d, memory: *mut __m128i) -> u64;
    extern fn host(x: u64) -> u64 = host;
    uop add(v: __m128i) { a += v; }
    uop low(v: __m128i) { n += v[0]; }
    uop high(v: __m128i) { n ^= v[1]; }
    uop part(v: __m128i) { n += (uint32_t)v[0]; n ^= (uint64_t)v[1] >> 32; }
    uop store(at: u16, v: __m128i) { memory[at] = v; }
    uop floats(v: __m128, scale: f32, w: __m128d) { f = f * scale + v; d += w; }
    uop mixed(k: i32, v: __m128i, m: u8, w: __m128i, to: Label) { a = (a ^ v) + w; n += k; n ^= m; if (n & 1) JUMP(to); }
    uop rare(v: __m128i, k: i64) { if (__builtin_expect(n == 7, 0)) { a += v; n = host(n); } n += k; }
    uop family<const K: 0..3>(v: __m128i, k: i32) where K != 1 { n += (K ? v[1] : v[0]) + k; }
    uop unused(v: __m128i, k: u64) { (void)v; n += k; }
    uop keep() { *memory = a; *(__typeof__(f) *)(memory + 1) = f; *(__typeof__(d) *)(memory + 2) = d; }
    uop ret() { RETURN(n); }
}

fn vector(words: [u64; 2]) -> __m128i {
    __m128i::from_words(words)
}

/// The extremes of each half, and random values.
fn values() -> Vec<[u64; 2]> {
    let extremes = [0, 1, u64::MAX, 1 << 63, i64::MAX as u64, 1 << 31, u64::from(u32::MAX), 1 << 32];
    let mut random = Random(3);
    let pairs = extremes.iter().flat_map(|&low| extremes.iter().map(move |&high| [low, high]));
    pairs.chain(std::iter::repeat_with(|| [random.next(), random.next()]).take(20)).collect()
}

/// Runs a program. Returns `n`, and the memory, whose first vectors are the registers at the end.
fn run(program: &[stencil_runtime::Instruction<V>], a: [u64; 2], n: u64) -> (u64, [[u64; 2]; 8]) {
    let code = V::compile(program).unwrap();
    let mut memory = [vector([0; 2]); 8];
    // SAFETY: see above.
    let (f, d) =
        unsafe { (transmute::<[f32; 4], __m128>([1.0, 2.0, 3.0, 4.0]), transmute::<[f64; 2], __m128d>([0.5, -1.0])) };
    let n = unsafe { code.entry()(vector(a), n, f, d, memory.as_mut_ptr()) };
    (n, memory.map(__m128i::to_words))
}

fn sum(a: [u64; 2], b: [u64; 2]) -> [u64; 2] {
    [a[0].wrapping_add(b[0]), a[1].wrapping_add(b[1])]
}

#[test]
fn all_values() {
    for v in values() {
        for w in [[0, 0], [u64::MAX, 5], [v[1], v[0]]] {
            let [v_, w_] = [v, w].map(vector);
            let program = [
                V::add(v_),
                V::low(v_),
                V::high(w_),
                V::part(v_),
                V::store(5, w_),
                V::store(7, v_),
                V::unused(v_, 3),
                V::keep(),
                V::ret(),
            ];
            let (n, memory) = run(&program, w, 9);
            let part = ((9_u64.wrapping_add(v[0]) ^ w[1]).wrapping_add(u64::from(v[0] as u32))) ^ v[1] >> 32;
            assert_eq!(n, part.wrapping_add(3), "{v:x?} {w:x?}");
            assert_eq!((memory[0], memory[5], memory[7], memory[6]), (sum(v, w), w, v, [0, 0]), "{v:x?} {w:x?}");
        }
    }
}

#[test]
fn beside_other_operands_in_both_forms() {
    for (index, v) in values().into_iter().enumerate() {
        for (k, m) in [(1, 2), (-128, 255), (1000, 0), (i32::MIN, 1), (i32::MAX, 254)] {
            let (w, to) = ([v[1], index as u64], Label(0));
            let (v_, w_) = (vector(v), vector(w));
            let program = [V::mixed(k, v_, m, w_, to), V::low(vector([1 << 20, 0])), V::bind(to), V::keep(), V::ret()];
            let (n, memory) = run(&program, [5, 6], 77);
            let mixed = 77_u64.wrapping_add(k as u64) ^ u64::from(m);
            assert_eq!(n, if mixed & 1 == 1 { mixed } else { mixed.wrapping_add(1 << 20) });
            assert_eq!(memory[0], sum([5 ^ v[0], 6 ^ v[1]], w));
            assert_eq!(V::mixed(k, v_, m, w_, to).stencil().is_narrow(), i8::try_from(k).is_ok());
        }
        for (n, k) in [(7, 1_i64 << 40), (8, -1)] {
            let (result, memory) = run(&[V::rare(vector(v), k), V::keep(), V::ret()], [1, 1], n);
            assert_eq!(result, if n == 7 { 7 ^ 0x55 } else { n }.wrapping_add(k as u64));
            assert_eq!(memory[0], if n == 7 { sum([1, 1], v) } else { [1, 1] });
        }
    }
}

/// Between data of other sizes, slots of vectors stay aligned: compilers load them with instructions that fault otherwise.
#[test]
fn floats_and_alignment() {
    // SAFETY: every bit pattern is a vector.
    let floats: __m128 = unsafe { transmute([0.5_f32, -1.0, f32::MAX, -0.0]) };
    let doubles: __m128d = unsafe { transmute([f64::MIN_POSITIVE, 1e300]) };
    for count in 1..5 {
        let mut program = Vec::new();
        for _ in 0..count {
            program.extend([V::floats(floats, 1.0, doubles), V::add(vector([1, 2])), V::floats(floats, 1.0, doubles)]);
        }
        program.extend([V::keep(), V::ret()]);
        let (_, memory) = run(&program, [0, 0], 0);
        let (mut f, mut d) = ([1.0_f32, 2.0, 3.0, 4.0], [0.5, -1.0]);
        for _ in 0..2 * count {
            f = [f[0] + 0.5, f[1] - 1.0, f[2] + f32::MAX, f[3] - 0.0];
            d = [d[0] + f64::MIN_POSITIVE, d[1] + 1e300];
        }
        // SAFETY: as above.
        let expected: [[u64; 2]; 2] = unsafe { transmute((f, d)) };
        assert_eq!(memory[..3], [[count, 2 * count], expected[0], expected[1]]);
    }
}

#[test]
fn families() {
    let v = vector([100, 2000]);
    for k in [-1, 100_000] {
        let program = |member| [V::family(member, v, k), V::ret()];
        assert_eq!(run(&program(0), [0, 0], 1).0, 101_u64.wrapping_add(k as u64));
        assert_eq!(run(&program(2), [0, 0], 1).0, 2001_u64.wrapping_add(k as u64));
        let error = V::compile(&program(1)).unwrap_err();
        assert!(
            matches!(error, Error::NoSuchStencil { uop: "family", ref parameters, .. } if parameters == &[1]),
            "{error}"
        );
    }
}

#[test]
fn descriptions() {
    let instruction = V::mixed(1, vector([2, 3]), 4, vector([u64::MAX, 0]), Label(9));
    let text = "mixed k=1 v=0x00000000000000030000000000000002 m=4 w=0x0000000000000000ffffffffffffffff to=9";
    assert_eq!(format!("{instruction:?}"), text);
    assert_eq!(instruction.operands()[..7], [1, 2, 3, 4, u64::MAX, 0, 9]);
    let holes = STENCIL_mixed.holes();
    assert_eq!(holes.iter().map(stencil_runtime::Hole::words).collect::<Vec<_>>(), [1, 2, 1, 2, 1]);
    assert_eq!(holes[1].range, None);
    let slot = |word| Patch {
        section: Section::Data,
        offset: 8 * usize::from(word),
        kind: PatchKind::Word(word),
        value: Value::Operand(0),
        addend: 0,
    };
    let patches = STENCIL_add.patches();
    assert_eq!((&patches[..2], STENCIL_add.data.size, STENCIL_add.data_alignment), (&[slot(0), slot(1)][..], 16, 16));
    assert!(patches[2..].iter().all(|patch| patch.section == Section::Code));
    let error = V::compile(&[V::mixed(1, vector([2, 3]), 4, vector([0, 0]), Label(1)), V::ret()]).unwrap_err();
    assert_eq!(error, Error::UnknownLabel { label: Label(1), instruction: 0 });
}

/// The emit function and the description, which a trampoline needs, write the same data.
#[test]
fn emit_functions() {
    for far in [0, 1 << 40] {
        let (mut code, mut data) = ([0xCC; 256], [0xCC; 256]);
        let near = host as *const () as u64 & !63;
        let at = (Address(near + far), Address(near + far + 0x1004));
        let mut out = Emitter::<Reused>::for_addresses(&mut code, &mut data, at);
        emit_rare(&mut out, vector([0x1111, 0x2222]), 1 << 40).unwrap();
        emit_add(&mut out, vector([0x3333, 0x4444])).unwrap();
        emit_family(&mut out, 2, vector([0x5555, 0x6666]), 7).unwrap();
        emit_mixed(&mut out, 1, vector([7, 8]), 9, vector([10, 11]), Address(near + far)).unwrap();
        drop(out);
        // After the padding to an address that 16 divides.
        let found = |word: u64| data.windows(8).position(|bytes| bytes == word.to_le_bytes());
        for (low, high) in [(0x1111, 0x2222), (0x3333, 0x4444)] {
            let at = found(low).unwrap();
            assert_eq!((found(high), at % 16), (Some(at + 8), 12));
        }
        assert!(found(0x6666).or_else(|| code.windows(8).position(|b| b == 0x6666_u64.to_le_bytes())).is_some());
    }
}
