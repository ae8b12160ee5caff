//! Vectors of 256 and 512 bits as registers, operands and pointees, and the features of processors that they need.
//!
//! Calls of compiled code are sound: bodies write to registers, and to `memory` where it is large enough. A machine checks that the
//! processor has what its uops need before there is a program to call.

use core::arch::x86_64::*;
use std::mem::transmute;

use stencil_runtime::{Arena, Assembler, Error, Instruction, Label, Stencil, VectorOperand as _};

use super::Random;

/// The number of vectors in a program's memory.
const SIZE: usize = 8;

/// Vectors of `WORDS` words, which C may access with instructions that need the alignment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Memory<const WORDS: usize>([[u64; WORDS]; SIZE]);

/// Rotates the halves. (rustc lints against vectors in `extern "C"` functions; the macro has checked both sides.)
#[allow(improper_ctypes_definitions)]
#[target_feature(enable = "avx2")]
extern "C" fn exchange(v: __m256i) -> __m256i {
    _mm256_permute2x128_si256::<1>(v, v)
}

extern "C" fn plain(n: u64) -> u64 {
    n.wrapping_mul(3)
}

mod avx2 {
    use super::*;

    stencil_runtime::stencil! {
        #![stencil(requires = "avx2, fma")]
        pub machine Wide(
            a: __m256i, b: __m256i, f: __m256, d: __m256d, small: __m128i, memory: *mut __m256i, n: u64,
        ) -> u64;
        c { #include <immintrin.h> }
        extern fn exchange(v: __m256i) -> __m256i = super::exchange;
        extern fn plain(n: u64) -> u64 = super::plain;
        pub uop add(v: __m256i) { a = _mm256_add_epi32(a, v); }
        pub uop shuffle(v: __m256i) { a = _mm256_shuffle_epi8(b, v); }
        pub uop permute<const K: 0..4>(v: __m256i) { b = _mm256_permute4x64_epi64(_mm256_xor_si256(a, v), K * 0x39 + 1); }
        pub uop load(at: u16) { b = _mm256_loadu_si256(memory + at); }
        pub uop load_bytes(at: i32) { b = _mm256_add_epi8(b, _mm256_loadu_si256((void *)((char *)memory + at))); }
        pub uop store(at: u16, v: __m256i) { _mm256_storeu_si256(memory + at, _mm256_sub_epi64(b, v)); }
        pub uop gather(at: i32, v: __m256i) {
            __m256i places = _mm256_and_si256(_mm256_xor_si256(a, v), _mm256_set1_epi32(31));
            a = _mm256_i32gather_epi32((const int *)((const char *)memory + at), places, 4);
        }
        pub uop fused(v: __m256, w: __m256d) { f = _mm256_fmadd_ps(f, v, v); d = _mm256_fmadd_pd(d, w, d); }
        pub uop half(v: __m128i) { small = _mm_add_epi64(_mm256_extracti128_si256(a, 1), v); }
        pub uop exchange() { b = exchange(b); }
        pub uop plain() { n = plain(n); }
        pub uop sum(v: __m256i, k: i64) { n += v[3] * k + _mm256_movemask_epi8(a); }
        pub uop branch(v: __m256i, to: Label) { n++; if (_mm256_testz_si256(a, v)) JUMP(to); n += 2; }
        pub uop keep() {
            memory[0] = a; memory[1] = b; memory[2] = (__m256i)f; memory[3] = (__m256i)d; memory[4] = _mm256_castsi128_si256(small);
            memory[4][2] = memory[4][3] = 0;
        }
        pub uop ret() { RETURN(n); }
    }

    #[derive(Clone, Copy)]
    pub struct State {
        pub a: __m256i,
        pub b: __m256i,
        pub f: __m256,
        pub d: __m256d,
        pub small: __m128i,
        pub memory: Memory<4>,
        pub n: u64,
    }

    impl State {
        /// Runs a program on a copy. The memory then begins with the registers.
        #[target_feature(enable = "avx2,fma")]
        pub fn run(mut self, program: &[Instruction<Wide>]) -> (u64, Memory<4>) {
            let code = Wide::compile(program).unwrap();
            let Self { a, b, f, d, small, n, .. } = self;
            // SAFETY: the program stays within the memory, and the caller has the features.
            let n = unsafe { code.entry()(a, b, f, d, small, self.memory.0.as_mut_ptr().cast(), n) };
            (n, self.memory)
        }

        /// What `run` returns after `keep`.
        pub fn kept(mut self) -> (u64, Memory<4>) {
            let Self { a, b, f, d, small, .. } = self;
            let [low, high] = small.to_words();
            let registers = [a.to_words(), b.to_words(), f.to_words(), d.to_words(), [low, high, 0, 0]];
            self.memory.0[..5].copy_from_slice(&registers);
            (self.n, self.memory)
        }

        /// Returns a random instruction, and does the same with the intrinsics of Rust.
        #[target_feature(enable = "avx2,fma")]
        pub fn step(&mut self, random: &mut Random, label: &mut u32) -> Vec<Instruction<Wide>> {
            let words = vector(random);
            let (v, of_bytes) = (__m256i::from_words(words), self.memory.0.as_ptr().cast::<u8>());
            let lane = random.next() as usize % SIZE;
            match random.next() % 15 {
                0 => {
                    self.a = _mm256_add_epi32(self.a, v);
                    vec![Wide::add(v)]
                }
                1 => {
                    self.a = _mm256_shuffle_epi8(self.b, v);
                    vec![Wide::shuffle(v)]
                }
                2 => {
                    let (k, mixed) = (random.next() as usize % 4, _mm256_xor_si256(self.a, v));
                    self.b = match k {
                        0 => _mm256_permute4x64_epi64::<1>(mixed),
                        1 => _mm256_permute4x64_epi64::<0x3a>(mixed),
                        2 => _mm256_permute4x64_epi64::<0x73>(mixed),
                        _ => _mm256_permute4x64_epi64::<0xac>(mixed),
                    };
                    vec![Wide::permute(k, v)]
                }
                3 => {
                    self.b = __m256i::from_words(self.memory.0[lane]);
                    vec![Wide::load(lane as u16)]
                }
                4 => {
                    let at = random.next() as usize % (32 * SIZE - 31);
                    // SAFETY: 32 bytes from `at` on are in the memory.
                    self.b = _mm256_add_epi8(self.b, unsafe { _mm256_loadu_si256(of_bytes.add(at).cast()) });
                    vec![Wide::load_bytes(at as i32)]
                }
                5 => {
                    self.memory.0[lane] = _mm256_sub_epi64(self.b, v).to_words();
                    vec![Wide::store(lane as u16, v)]
                }
                6 => {
                    let at = random.next() as usize % (32 * SIZE - 127);
                    let places = _mm256_and_si256(_mm256_xor_si256(self.a, v), _mm256_set1_epi32(31));
                    // SAFETY: the places are at most 31, so 128 bytes from `at` on are enough, and these are in the memory.
                    self.a = unsafe { _mm256_i32gather_epi32::<4>(of_bytes.add(at).cast(), places) };
                    vec![Wide::gather(at as i32, v)]
                }
                7 => {
                    let floats = _mm256_cvtepi32_ps(v);
                    let doubles = _mm256_cvtps_pd(_mm256_castps256_ps128(floats));
                    self.f = _mm256_fmadd_ps(self.f, floats, floats);
                    self.d = _mm256_fmadd_pd(self.d, doubles, self.d);
                    vec![Wide::fused(floats, doubles)]
                }
                8 => {
                    let v = _mm256_castsi256_si128(v);
                    self.small = _mm_add_epi64(_mm256_extracti128_si256::<1>(self.a), v);
                    vec![Wide::half(v)]
                }
                9 => {
                    self.b = exchange(self.b);
                    vec![Wide::exchange()]
                }
                10 => {
                    self.n = plain(self.n);
                    vec![Wide::plain()]
                }
                11 | 12 => {
                    let k = [1, -128, 1 << 20, i64::MIN][random.next() as usize % 4];
                    let mask = _mm256_movemask_epi8(self.a);
                    self.n = self.n.wrapping_add(words[3].wrapping_mul(k as u64)).wrapping_add(mask as u64);
                    vec![Wide::sum(v, k)]
                }
                _ => {
                    // Few bits, so that it jumps sometimes.
                    let v = if random.next().is_multiple_of(2) { _mm256_setzero_si256() } else { v };
                    let jumps = _mm256_testz_si256(self.a, v) == 1;
                    self.n = self.n.wrapping_add(if jumps { 1 } else { 3 });
                    *label += 1;
                    let to = Label(*label);
                    vec![Wide::branch(v, to), Wide::bind(to)]
                }
            }
        }
    }
}

/// A vector whose words are random or extreme.
fn vector(random: &mut Random) -> [u64; 4] {
    std::array::from_fn(|_| match random.next() % 4 {
        0 => [0, 1, u64::MAX, 1 << 63][random.next() as usize % 4],
        _ => random.next(),
    })
}

/// Random programs compute what the intrinsics of Rust compute.
#[test]
fn vectors_of_256_bits() {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        let error = avx2::Wide::compile(&[]).unwrap_err();
        assert!(matches!(error, Error::MissingFeatures { .. }), "{error}");
        return;
    }
    for seed in 1..200 {
        let mut random = Random(seed);
        let memory = Memory(std::array::from_fn(|_| vector(&mut random)));
        let [a, b] = std::array::from_fn(|_| __m256i::from_words(vector(&mut random)));
        // SAFETY: every bit pattern is a vector, and the processor has the features.
        unsafe {
            let (f, d) =
                (transmute::<[f32; 8], __m256>([1.5; 8]), transmute::<[f64; 4], __m256d>([-2.5, 0.0, 1e300, 7.0]));
            let small = __m128i::from_words([random.next(), random.next()]);
            let start = avx2::State { a, b, f, d, small, memory, n: random.next() };
            let (mut state, mut program, mut label) = (start, Vec::new(), 0);
            for _ in 0..30 {
                program.extend(state.step(&mut random, &mut label));
            }
            program.extend([avx2::Wide::keep(), avx2::Wide::ret()]);
            assert_eq!(start.run(&program), state.kept(), "seed {seed}");
        }
    }
}

fn uses_vzeroupper(stencil: Stencil) -> bool {
    stencil.disassembly().contains("vzeroupper")
}

/// From uop to uop, the upper halves stay: compilers clear them only before functions that know nothing of them.
#[test]
fn upper_halves_pass_from_uop_to_uop() {
    use avx2::*;
    let uops = [
        STENCIL_add,
        STENCIL_shuffle,
        STENCIL_load,
        STENCIL_load_bytes,
        STENCIL_store,
        STENCIL_gather,
        STENCIL_fused,
        STENCIL_half,
        STENCIL_exchange,
        STENCIL_sum,
        STENCIL_branch,
        STENCIL_keep,
    ];
    for stencil in uops.into_iter().chain(STENCIL_permute.iter().flatten()) {
        assert!(!uses_vzeroupper(stencil), "{}", stencil.disassembly());
    }
    assert!(uses_vzeroupper(STENCIL_plain), "a function of Rust may use instructions that wait for the upper halves");
}

mod avx512 {
    use super::*;

    stencil_runtime::stencil! {
        #![stencil(requires = "avx512f, avx512bw, avx512vl")]
        pub machine Widest(a: __m512i, b: __m512i, x: __m512d, memory: *mut __m512i, n: u64) -> u64;
        c { #include <immintrin.h> }
        pub uop add(v: __m512i) { a = _mm512_add_epi64(a, v); }
        pub uop xor() { a = _mm512_xor_si512(a, b); }
        pub uop load(at: u16) { b = _mm512_loadu_si512(memory + at); }
        pub uop load_bytes(at: i32) { a = _mm512_add_epi64(a, _mm512_loadu_si512((char *)memory + at)); }
        pub uop broadcast(at: i64) { a = _mm512_add_epi64(a, _mm512_set1_epi64(*(long long *)((char *)memory + at))); }
        pub uop store(at: i32, v: __m512i) { _mm512_storeu_si512((char *)memory + at, _mm512_sub_epi64(a, v)); }
        pub uop masked(lanes: u8, v: __m512i) { b = _mm512_mask_add_epi64(b, lanes, a, v); }
        pub uop doubles(v: __m512d) { x = _mm512_add_pd(x, v); }
        pub uop words(v: __m512i, k: i32) { n += v[7] + k; }
        pub uop keep() { memory[0] = a; memory[1] = b; memory[2] = (__m512i)x; }
        pub uop ret() { RETURN(n); }
    }
    // Functions of Rust can pass such vectors since 1.89. Until then, C can.
    stencil_runtime::stencil! {
        #![stencil(requires = "avx512f")]
        pub machine Caller(entry: *const u8, memory: *mut __m512i, n: u64) -> u64;
        c { #include <immintrin.h> }
        pub uop call() {
            uint64_t (*function)(__m512i, __m512i, __m512d, __m512i *, uint64_t) = (void *)entry;
            __m512i ones = _mm512_set1_epi64(1);
            RETURN(function(ones, _mm512_add_epi64(ones, ones), _mm512_set1_pd(0.5), memory, n));
        }
    }
}

#[test]
fn vectors_of_512_bits() {
    use avx512::{Caller, Widest};
    let caller = match Caller::compile(&[Caller::call()]) {
        Err(error @ Error::MissingFeatures { .. }) => return eprintln!("skipped: {error}"),
        caller => caller.unwrap(),
    };
    type Vector = [u64; 8];
    let of = __m512i::from_words;
    let plus = |a: Vector, b: Vector| -> Vector { std::array::from_fn(|lane| a[lane].wrapping_add(b[lane])) };
    for seed in 1..200 {
        let mut random = Random(seed);
        let mut lanes = || -> Vector { std::array::from_fn(|_| random.next()) };
        let mut memory = Memory(std::array::from_fn(|_| lanes()));
        let operands: [Vector; 20] = std::array::from_fn(|_| lanes());
        let (mut a, mut b, mut x, mut n, mut model) = ([1_u64; 8], [2_u64; 8], [0.5_f64; 8], seed, memory.0);
        let mut program = Vec::new();
        for v in operands {
            // Offsets for displacements of 8 and of 32 bits, aligned or not.
            let at = match random.next() % 3 {
                0 => random.next() as usize % 64,
                1 => 64 * (random.next() as usize % SIZE),
                _ => random.next() as usize % (64 * SIZE - 63),
            };
            // SAFETY: both types have this size, and every bit pattern is a value of either.
            let bytes: [u8; 64 * SIZE] = unsafe { transmute(model) };
            let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
            let at_bytes: Vector = std::array::from_fn(|lane| word(at + 8 * lane));
            match random.next() % 9 {
                0 => {
                    a = plus(a, v);
                    program.push(Widest::add(of(v)));
                }
                1 => {
                    a = std::array::from_fn(|lane| a[lane] ^ b[lane]);
                    program.push(Widest::xor());
                }
                2 => {
                    b = model[at / 64];
                    program.push(Widest::load(at as u16 / 64));
                }
                3 => {
                    a = plus(a, at_bytes);
                    program.push(Widest::load_bytes(at as i32));
                }
                4 => {
                    a = plus(a, [word(at); 8]);
                    program.push(Widest::broadcast(at as i64));
                }
                5 => {
                    let difference: Vector = std::array::from_fn(|lane| a[lane].wrapping_sub(v[lane]));
                    // SAFETY: as above.
                    let stored: [u8; 64] = unsafe { transmute(difference) };
                    let mut bytes = bytes;
                    bytes[at..at + 64].copy_from_slice(&stored);
                    // SAFETY: as above.
                    model = unsafe { transmute::<[u8; 64 * SIZE], [Vector; SIZE]>(bytes) };
                    program.push(Widest::store(at as i32, of(v)));
                }
                6 => {
                    let chosen = v[0] as u8;
                    let sum = plus(a, v);
                    b = std::array::from_fn(|lane| if chosen >> lane & 1 == 1 { sum[lane] } else { b[lane] });
                    program.push(Widest::masked(chosen, of(v)));
                }
                7 => {
                    let doubles = v.map(|word| word as u32 as f64);
                    x = std::array::from_fn(|lane| x[lane] + doubles[lane]);
                    program.push(Widest::doubles(__m512d::from_words(doubles.map(f64::to_bits))));
                }
                _ => {
                    let k = if v[0].is_multiple_of(2) { -1 } else { i32::MIN };
                    n = n.wrapping_add(v[7]).wrapping_add(k as u64);
                    program.push(Widest::words(of(v), k));
                }
            }
        }
        program.extend([Widest::keep(), Widest::ret()]);
        model[..3].copy_from_slice(&[a, b, x.map(f64::to_bits)]);
        let code = Widest::compile(&program).unwrap();
        let entry = *code.entry() as *const u8;
        // SAFETY: `call` calls the entry as C does.
        let result = unsafe { caller.entry()(entry, memory.0.as_mut_ptr().cast(), seed) };
        assert_eq!((result, memory), (n, Memory(model)), "seed {seed}");
    }
    let uops = program_of_all(of([0; 8]), __m512d::from_words([0; 8]));
    assert!(!uops.iter().any(|instruction| uses_vzeroupper(instruction.stencil())));
}

/// All uops but the one that ends a run.
fn program_of_all(v: __m512i, x: __m512d) -> [Instruction<avx512::Widest>; 10] {
    use avx512::Widest;
    [
        Widest::add(v),
        Widest::xor(),
        Widest::load(1),
        Widest::load_bytes(1),
        Widest::broadcast(1),
        Widest::store(1, v),
        Widest::masked(1, v),
        Widest::doubles(x),
        Widest::words(v, 1),
        Widest::keep(),
    ]
}

/// Vectors behind pointers and as operands need no feature: C copies them in parts.
mod anywhere {
    use super::*;

    stencil_runtime::stencil! {
        pub machine Plain(from: *const __m512i, to: *mut __m256d, n: u64) -> u64;
        c { #include <immintrin.h> }
        pub uop add(v: __m256i) { n += v[0] * 2 + v[3]; }
        pub uop copy(v: __m512d) { to[1][2] = v[7]; to[0][0] = (*from)[5]; }
        pub uop ret() { RETURN(n); }
    }
}

#[test]
fn pointees_and_operands_of_any_width() {
    use anywhere::Plain;
    let (v, w) = (__m256i::from_words([3, 0, 0, 70]), __m512d::from_words([0.25_f64.to_bits(); 8]));
    let code = Plain::compile(&[Plain::copy(w), Plain::add(v), Plain::ret()]).unwrap();
    let from = __m512i::from_words([1, 2, 3, 4, 5, 6, 7, 8]);
    let mut to = [__m256d::from_words([0; 4]); 2];
    // SAFETY: the program reads one vector and writes within the two.
    assert_eq!(unsafe { code.entry()(&raw const from, to.as_mut_ptr(), 1) }, 77);
    let to = to.map(|v| v.to_words().map(f64::from_bits));
    assert_eq!((to[0][0], to[1][2]), (6.0, 0.25));
}

/// Features that few processors have.
mod rare {
    stencil_runtime::stencil! {
        #![stencil(requires = "sse3, avx512vp2intersect, rtm")]
        pub machine Rare(n: u64) -> u64;
        pub uop ret() { RETURN(n); }
    }
    pub mod more {
        stencil_runtime::stencil! {
            #![stencil(requires = "rtm")]
            continue machine super::Rare(n: u64) -> u64;
            pub uop add(k: i32) { n += k; }
        }
    }
}

#[test]
fn a_program_needs_the_features_of_its_machine() {
    use rare::Rare;
    let mut features = Vec::new();
    if !is_x86_feature_detected!("avx512vp2intersect") {
        features.push("avx512vp2intersect");
    }
    if !is_x86_feature_detected!("rtm") {
        features.push("rtm");
    }
    let (arena, program) = (Arena::new().unwrap(), [Rare::add(1), Rare::ret()]);
    let (mut batch, mut assembler) = (arena.batch(), Assembler::<Rare>::default());
    assembler.push(program[0]);
    assembler.push(program[1]);
    let errors = [
        Rare::compile(&program).map(drop),
        Rare::compile_in(&arena, &program).map(drop),
        batch.compile(&program),
        Rare::compile(&[]).map(drop),
        assembler.compile_in(&arena).map(drop),
        Rare::compile_fragment_in(&arena, &program).map(drop),
    ];
    for result in errors {
        if features.is_empty() {
            result.unwrap();
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error, Error::MissingFeatures { features: features.clone() });
        assert!(error.to_string().contains(&features.join(", ")), "{error}");
    }
}
