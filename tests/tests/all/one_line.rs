//! Bodies of one line take no more instructions than an assembler programmer would write.
//!
//! Calls of compiled code are sound: bodies access only `frame`, at the offsets below.

use stencil_runtime::{Abi, Instruction, Label, Machine, Stencil, stencil};

extern "C" fn doubled(x: u64) -> u64 {
    x.wrapping_mul(2)
}

stencil! {
    machine OneLine(frame: *mut u64, a: u64, b: u64, x: f64) -> u64;
    extern fn doubled(x: u64) -> u64 = doubled;

    uop add(n: i32) { a += (int64_t)n; }
    uop add_32(n: i32) { a = (uint32_t)a + (uint32_t)n; }
    uop and_32(n: i32) { a = (uint32_t)a & (uint32_t)n; }
    uop shift(n: u8) { a <<= n & 63; }
    uop load(offset: i32) { a = *(uint64_t *)((char *)frame + offset); }
    uop slot(index: u16) { a += frame[index]; }
    uop store(index: u16, n: i32) { frame[index] = (uint64_t)(int64_t)n; }
    uop if_equal(to: Label) { if (a == b) JUMP(to); }
    uop if_zero(to: Label) { if (a == 0) JUMP(to); }
    uop if_less(n: i32, to: Label) { if ((int64_t)a < n) JUMP(to); }
    uop times(n: f64) { x *= n; }
    uop rarely(n: u64) { if (__builtin_expect(a == 0, 0)) b = doubled(n); a += b; }

    uop get_a() { RETURN(a); }
    uop get_b() { RETURN(b); }
    uop get_x() { uint64_t bits; __builtin_memcpy(&bits, &x, 8); RETURN(bits); }
    uop get(n: u64) { RETURN(n); }
}

/// The instructions on the path to the next uop.
fn in_line(stencil: &Stencil) -> usize {
    stencil
        .disassembly()
        .lines()
        .take_while(|line| !line.starts_with("out of line"))
        .filter(|line| !line.is_empty())
        .count()
}

#[test]
fn take_the_fewest_instructions() {
    let all = [
        (&STENCIL_add, 1),
        (&STENCIL_add_32, 1),
        (&STENCIL_and_32, 1),
        (&STENCIL_shift, 1),
        (&STENCIL_load, 1),
        (&STENCIL_slot, 1),
        (&STENCIL_store, 1),
        (&STENCIL_if_equal, 2),
        (&STENCIL_if_zero, 2),
        (&STENCIL_if_less, 2),
        (&STENCIL_times, 1),
    ];
    for (stencil, instructions) in all {
        assert_eq!(in_line(stencil), instructions, "{}:\n{}", stencil.name(), stencil.disassembly());
    }
    if OneLine::ABI == Abi::PreserveNone {
        assert_eq!(in_line(&STENCIL_rarely), 3, "{}", STENCIL_rarely.disassembly());
    }
}

/// With `preserve_none`, in which C saves no registers for the call.
#[test]
fn an_operand_that_only_an_unlikely_path_reads_takes_nothing_on_the_likely_one() {
    let text = STENCIL_rarely.disassembly();
    let (likely, unlikely) = text.split_once("out of line").unwrap();
    assert!(unlikely.contains("$n, "), "{text}");
    assert!(!likely.contains("$n"), "{text}");
    if OneLine::ABI == Abi::PreserveNone {
        // test %r13, %r13; je (out of line); add %r14, %r13
        let bytes = STENCIL_rarely.code.stored;
        assert_eq!(bytes, [0x4d, 0x85, 0xed, 0x0f, 0x84, 0, 0, 0, 0, 0x4d, 0x01, 0xf5], "{text}");
    }
}

const WORDS: [u64; 9] = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0x1_0000_0000, i64::MAX as u64, 1 << 63, u64::MAX];
const NUMBERS: [i32; 7] = [0, 1, -1, 127, -129, i32::MIN, i32::MAX];

/// Runs a uop that may jump to `Label(0)`: whether it did, `a`, `b` and `x` after it.
fn run(uop: Instruction<OneLine>, frame: &mut [u64], a: u64, b: u64, x: f64) -> (bool, u64, u64, f64) {
    let before = frame.to_vec();
    let mut one = |get: Instruction<OneLine>, at_target: Instruction<OneLine>| {
        frame.copy_from_slice(&before);
        let program = [uop, get, OneLine::bind(Label(0)), at_target];
        let code = OneLine::compile(&program).unwrap();
        unsafe { code.entry()(frame.as_mut_ptr(), a, b, x) }
    };
    let jumped = one(OneLine::get(0), OneLine::get(1)) == 1;
    let mut after = |get: Instruction<OneLine>| one(get, get);
    let (a, b, x) = (after(OneLine::get_a()), after(OneLine::get_b()), after(OneLine::get_x()));
    (jumped, a, b, f64::from_bits(x))
}

#[test]
fn compute_what_they_say() {
    let mut frame: Vec<u64> =
        (0..=u64::from(u16::MAX)).map(|index| index.wrapping_mul(0x0123_4567_89ab_cdef)).collect();
    let to = Label(0);
    for a in WORDS {
        for b in [0, 1, a, a ^ 1 << 32] {
            assert_eq!(run(OneLine::if_equal(to), &mut [], a, b, 1.5), (a == b, a, b, 1.5));
            assert_eq!(run(OneLine::if_zero(to), &mut [], a, b, 1.5), (a == 0, a, b, 1.5));
            let called = if a == 0 { 14 } else { b };
            assert_eq!(run(OneLine::rarely(7), &mut [], a, b, 1.5), (false, a.wrapping_add(called), called, 1.5));
        }
        for n in NUMBERS {
            let all = [
                (OneLine::add(n), a.wrapping_add(n as u64)),
                (OneLine::add_32(n), u64::from((a as u32).wrapping_add(n as u32))),
                (OneLine::and_32(n), u64::from(a as u32 & n as u32)),
                (OneLine::shift(n as u8), a << (n & 63)),
            ];
            for (uop, result) in all {
                assert_eq!(run(uop, &mut [], a, 7, 1.5), (false, result, 7, 1.5), "{uop:?} {a:#x} {n}");
            }
            assert_eq!(run(OneLine::if_less(n, to), &mut [], a, 7, 1.5), ((a as i64) < i64::from(n), a, 7, 1.5));
        }
    }
    for index in [0, 1, 15, 16, 255, 256, 0x7fff, 0x8000, u16::MAX] {
        let slot = frame[usize::from(index)];
        let offset = i32::from(index) * 8;
        assert_eq!(run(OneLine::load(offset), &mut frame, 3, 7, 1.5), (false, slot, 7, 1.5));
        assert_eq!(run(OneLine::slot(index), &mut frame, 3, 7, 1.5), (false, slot.wrapping_add(3), 7, 1.5));
        for n in NUMBERS {
            let mut expected = frame.clone();
            expected[usize::from(index)] = n as u64;
            assert_eq!(run(OneLine::store(index, n), &mut frame, 3, 7, 1.5), (false, 3, 7, 1.5));
            assert!(frame == expected, "{index} {n}");
        }
    }
    for n in [0.0, -1.0, 1e300, f64::INFINITY] {
        assert_eq!(run(OneLine::times(n), &mut [], 3, 7, 1.5), (false, 3, 7, 1.5 * n));
    }
}
