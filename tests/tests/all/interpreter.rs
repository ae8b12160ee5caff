//! The interpreter tier: handlers of the same bodies, in `.text`.

use std::sync::atomic::{AtomicU64, Ordering};

use stencil_runtime::{Arena, CodeAddress, Error, FragmentEntry, Instruction, Label, stencil};

static CALLS: AtomicU64 = AtomicU64::new(0);
static LIMIT: u64 = 41;

extern "C" fn count(x: u64) -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed);
    x.wrapping_add(1)
}

stencil! {
    /// Runs in both tiers.
    #[interpreter]
    #[operands(3)]
    machine Both(m: *mut u64, x: u64, y: i32, f: f64, s: *const u8) -> u64;

    #[derive(Clone, Copy)]
    enum Op { Add, Sub, Xor = 5 }
    const SHIFT: u32 = 3;
    extern fn count(x: u64) -> u64 = crate::interpreter::count;
    extern static LIMIT: u64 = crate::interpreter::LIMIT;

    c {
        static const uint64_t powers[] = {1, 10, 100, 1000, 10000};
        static const char *const names[] = {"zero", "one", "two", "three"};
        __attribute__((noinline)) static uint64_t mix(uint64_t a) { return (a ^ 0x5bd1e995) * powers[a % 5]; }
        static uint64_t (*const functions[])(uint64_t) = {mix, count};
    }

    uop add(value: u64) { x += value; }
    uop narrow(a: i8, b: u16) { x += a; x ^= b; y -= a; }
    uop arith<const OP: Op>(value: u64) {
        #if OP == Op_Add
            x += value;
        #elif OP == Op_Sub
            x -= value << SHIFT;
        #else
            x ^= value;
        #endif
    }
    uop store(at: u32) { m[at] = x; }
    uop load(at: u32) { x = m[at]; }
    uop host() { x = count(x); }
    uop limit() { if (x > LIMIT) x = LIMIT; }
    uop power() { x = powers[x % 5]; }
    uop address_of_powers() { x = (uint64_t)powers; }
    uop mixed() { x = mix(x); }
    uop by_pointer(which: u8) { x = functions[which](x); }
    uop name(n: u8) { s = (const uint8_t *)names[n & 3]; }
    uop literal() { x += (uint8_t)"abc"[x % 3]; f += 0.1; }
    uop choose() {
        switch (x & 7) {
            case 0: x += 3; break;
            case 1: x *= 7; break;
            case 2: x ^= 0xff; break;
            case 3: x -= 1; break;
            case 4: x <<= 2; break;
            case 5: x = ~x; break;
            default: x >>= 1;
        }
    }
    uop table() {
        static const void *const labels[] = {&&one, &&two, &&three};
        goto *labels[x & 1];
        three: x += 333; CONTINUE();
        one: x += 1; CONTINUE();
        two: x += 22;
    }
    uop float(value: f32) { f = f * 2 + value; x += (uint64_t)f; }
    uop again(to: Label) { if (--y > 0) JUMP(to); }
    uop jump(to: Label) { JUMP(to); }
    uop call(to: Label) { x += CALL(to); }
    uop take(to: Label) { m[0] = (uint64_t)ADDRESS_OF(to); }
    uop indirect() { JUMP((void *)m[0]); }
    uop call_indirect() { x = CALL((void *)m[0]) + 1; }
    uop jump_to(to: CodeAddress) { JUMP(to); }
    uop execute(at: u64) { STENCIL_EXECUTE(at); }
    uop interpret(at: u64) { STENCIL_INTERPRET(at); }
    // Constants of one name, which compilers number.
    uop first() { static const char *const words[] = {"ab", "cd"}; static const int n[] = {1, 2}; s = (const uint8_t *)words[x & 1]; x = *s + n[x & 1]; }
    uop second() { static const char *const words[] = {"ef", "gh"}; static const int n[] = {3, 4}; s = (const uint8_t *)words[x & 1]; x = *s + n[x & 1]; }
    uop third() { static const char *const words[] = {"ij", "kl"}; static const int n[] = {5, 6}; s = (const uint8_t *)words[x & 1]; x = *s + n[x & 1]; }
    uop tier() { x = STENCIL_TIER(1, 2); }
    uop ret() { RETURN(x); }
    uop trap() { __builtin_trap(); }
    /// A label behind the words for which a handler has a bit each.
    uop far(
        a0: u64, a1: u64, a2: u64, a3: u64, a4: u64, a5: u64, a6: u64, a7: u64, a8: u64, a9: u64, a10: u64, a11: u64,
        a12: u64, a13: u64, a14: u64, a15: u64, a16: u64, a17: u64, a18: u64, a19: u64, a20: u64, a21: u64, a22: u64,
        a23: u64, a24: u64, a25: u64, a26: u64, a27: u64, a28: u64, a29: u64, a30: u64, a31: Label, a32: Label
    ) {
        x += a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11 + a12 + a13 + a14 + a15;
        x ^= a16 + a17 + a18 + a19 + a20 + a21 + a22 + a23 + a24 + a25 + a26 + a27 + a28 + a29 + a30;
        if (x & 1) JUMP(a31);
        JUMP(a32);
    }
    /// Reads no operand and does not continue, so compiled code may jump to its handler.
    uop leave() { RETURN(x + 1000); }
}

/// The result of a run: what it returns, and the memory.
type Run = (u64, [u64; 4]);

fn compiled(program: &[Instruction<Both>], x: u64, y: i32) -> Run {
    let (code, mut memory) = (Both::compile(program).unwrap(), [7, 8, 9, 10]);
    // SAFETY: the programs of this module access the four words only.
    (unsafe { code.entry()(memory.as_mut_ptr(), x, y, 0.5, std::ptr::null()) }, memory)
}

fn interpreted(program: &[Instruction<Both>], x: u64, y: i32) -> Run {
    let (interpreter, mut memory) = (Both::interpreter(program).unwrap(), [7, 8, 9, 10]);
    // SAFETY: as above.
    let result = unsafe { interpreter.entry()(interpreter.start(), memory.as_mut_ptr(), x, y, 0.5, std::ptr::null()) };
    (result, memory)
}

/// Runs a program that ends with `ret` in both tiers.
fn both(program: &[Instruction<Both>]) -> Run {
    let program = [program, &[Both::ret()]].concat();
    let mut last = None;
    for x in [0, 1, 2, 3, 4, 5, 6, 7, 41, 42, u64::MAX, 1 << 63, 0x1234_5678_9abc_def0] {
        for y in [1, 0, -1, 3, i32::MAX] {
            let y = if program.len() > 3 { y.min(9) } else { y };
            let run = interpreted(&program, x, y);
            assert_eq!(run, compiled(&program, x, y), "{program:?} {x} {y}");
            last = Some(run);
        }
    }
    last.unwrap()
}

#[test]
fn bodies_mean_the_same_in_both_tiers() {
    both(&[]);
    for value in [0, 1, 127, 128, u64::MAX, 1 << 31, 1 << 32, 1 << 63] {
        both(&[Both::add(value)]);
        for op in [Op::Add, Op::Sub, Op::Xor] {
            both(&[Both::arith(op, value), Both::arith(op, !value)]);
        }
    }
    for (a, b) in [(0, 0), (-1, u16::MAX), (i8::MIN, 1), (i8::MAX, 1 << 15)] {
        both(&[Both::narrow(a, b)]);
    }
    both(&[Both::load(3), Both::store(0), Both::add(1), Both::store(2)]);
    both(&[Both::host(), Both::limit(), Both::host()]);
    both(&[Both::power(), Both::mixed(), Both::power()]);
    both(&[Both::by_pointer(0), Both::by_pointer(1)]);
    both(&[Both::name(2), Both::literal(), Both::float(-1.5), Both::literal()]);
    both(&[Both::choose(), Both::choose(), Both::table(), Both::choose(), Both::table()]);
}

#[test]
fn labels_calls_and_addresses() {
    let [a, b, c] = [0, 1, 2].map(Label);
    both(&[Both::bind(a), Both::add(3), Both::again(a)]);
    both(&[Both::jump(b), Both::bind(a), Both::add(1), Both::ret(), Both::bind(b), Both::add(2), Both::jump(a)]);
    both(&[Both::call(a), Both::add(1), Both::ret(), Both::bind(a), Both::add(100), Both::store(1), Both::ret()]);
    let program = [
        Both::take(c),
        Both::call_indirect(),
        Both::indirect(),
        Both::trap(),
        Both::bind(c),
        Both::add(5),
        Both::store(1),
        Both::ret(),
    ];
    // The address in the memory is that of the tier.
    assert_eq!(compiled(&program, 1, 1).0, interpreted(&program, 1, 1).0);
    assert_eq!(compiled(&program, 1, 1).1[1..], interpreted(&program, 1, 1).1[1..]);
}

#[test]
fn constants_of_one_name_are_not_mixed_up() {
    both(&[Both::first(), Both::third(), Both::second()]);
    both(&[Both::third(), Both::second(), Both::first(), Both::second()]);
}

#[test]
fn a_named_constant_is_the_same_in_both_tiers() {
    let program = [Both::address_of_powers(), Both::ret()];
    assert_eq!(interpreted(&program, 0, 0), compiled(&program, 0, 0));
}

#[test]
fn bodies_can_tell_the_tier() {
    let program = [Both::tier(), Both::ret()];
    assert_eq!((compiled(&program, 0, 0).0, interpreted(&program, 0, 0).0), (1, 2));
}

#[test]
fn streams_refer_to_each_other() {
    let end = Both::interpreter(&[Both::add(1), Both::ret()]).unwrap();
    let start = [Both::add(1), Both::jump_to(end.start())];
    assert_eq!(interpreted(&start, 5, 0).0, 7);
}

#[test]
fn a_run_changes_the_tier_at_any_label() {
    let arena = Arena::new().unwrap();
    let label = Label(0);
    let tail = [Both::trap(), Both::bind(label), Both::add(10), Both::store(1), Both::ret()];
    let (code, stream) = (Both::compile_fragment_in(&arena, &tail).unwrap(), Both::interpreter(&tail).unwrap());
    let at_code = code.address(label).unwrap().as_ptr() as u64;
    let at_stream = stream.address(label).unwrap().as_ptr() as u64;
    for (x, y) in [(0, 0), (u64::MAX, -1)] {
        let expected = (x.wrapping_add(11), [7, x.wrapping_add(11), 9, 10]);
        assert_eq!(interpreted(&[Both::add(1), Both::execute(at_code)], x, y), expected);
        assert_eq!(compiled(&[Both::add(1), Both::interpret(at_stream)], x, y), expected);
        assert_eq!(compiled(&[Both::add(1), Both::execute(at_code)], x, y), expected);
        assert_eq!(interpreted(&[Both::add(1), Both::interpret(at_stream)], x, y), expected);
    }
    // There and back, many times: the stack does not grow.
    let (to_code, count) = (Label(0), 1_000_000);
    let mut memory = [0_u64; 4];
    let enter = FragmentEntry::<Both>::new_in(&arena).unwrap();
    let back = [Both::again(to_code), Both::ret(), Both::bind(to_code), Both::add(1), Both::load(2), Both::indirect()];
    let _ = back;
    let ping = Both::interpreter(&[Both::load(0), Both::ret()]).unwrap();
    let pong =
        Both::compile_fragment_in(&arena, &[Both::add(1), Both::interpret(ping.start().as_ptr() as u64)]).unwrap();
    let hop = Both::interpreter(&[Both::add(count), Both::execute(pong.start().as_ptr() as u64)]).unwrap();
    // SAFETY: the programs access the four words only.
    unsafe {
        let result = hop.entry()(hop.start(), memory.as_mut_ptr(), 1, 0, 0.0, std::ptr::null());
        assert_eq!(result, 0);
        let result = enter.function()(pong.start(), memory.as_mut_ptr(), 1, 0, 0.0, std::ptr::null());
        assert_eq!(result, 0);
    }
}

#[test]
fn labels_behind_many_words() {
    let far = |a: u64, odd: u32, even: u32| {
        let [odd, even] = [odd, even].map(Label);
        Both::far(
            a, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, a, odd, even,
        )
    };
    let end = [Both::bind(Label(0)), Both::add(1), Both::ret(), Both::bind(Label(1)), Both::add(2)];
    for a in [0, 1, u64::MAX] {
        both(&[&[far(a, 0, 1)], &end[..]].concat());
        both(&[&[far(a, 1, 0)], &end[..]].concat());
    }
    for (odd, even) in [(7, 0), (0, 7)] {
        let program = [&[far(0, odd, even)], &end[..]].concat();
        assert_eq!(Both::interpreter(&program).unwrap_err(), Error::UnknownLabel { label: Label(7), instruction: 0 });
    }
}

#[test]
fn compiled_code_jumps_to_handlers() {
    let label = Label(0);
    let stream = Both::interpreter(&[Both::trap(), Both::bind(label), Both::leave(), Both::bind(Label(1))]).unwrap();
    let handler = stream.handler(label).unwrap();
    assert_eq!(compiled(&[Both::add(1), Both::jump_to(handler)], 5, 0).0, 1006);
    // No instruction follows it.
    assert_eq!(stream.handler(Label(1)), None);
    assert_eq!(stream.handler(Label(2)), None);
}

#[test]
fn mistakes_in_programs_are_errors() {
    let unknown = Both::interpreter(&[Both::add(1), Both::jump(Label(1)), Both::ret()]).unwrap_err();
    assert_eq!(unknown, Error::UnknownLabel { label: Label(1), instruction: 1 });
    let twice = [Both::bind(Label(0)), Both::bind(Label(0))];
    assert_eq!(Both::interpreter(&twice).unwrap_err(), Both::compile(&twice).unwrap_err());
    let large = [Both::bind(Label(9))];
    assert_eq!(Both::interpreter(&large).unwrap_err(), Both::compile(&large).unwrap_err());
    // The displacement of compiled code has 31 bits for it.
    for at in [u32::MAX, 1 << 31] {
        let program = [Both::store(at), Both::ret()];
        match Both::compile(&program) {
            Ok(_) => drop(Both::interpreter(&program).unwrap()),
            Err(error) => assert_eq!(Both::interpreter(&program).unwrap_err(), error),
        }
    }
}

#[test]
fn empty_programs_and_huge_ones() {
    let empty = Both::interpreter(&[]).unwrap();
    assert_eq!((empty.size(), empty.address(Label(0))), (8, None));
    let mut program = vec![Both::add(1); 1_000_000];
    program.push(Both::ret());
    assert_eq!(interpreted(&program, 5, 0).0, 1_000_005);
    assert!(matches!(empty.start(), address if address != CodeAddress::new(std::ptr::null())));
}

/// A billion dispatches, in a debug build, too: the stack is constant. The thread has 64 KiB.
#[test]
fn deep_loops_take_no_stack() {
    let count =
        if std::env::var_os("STENCIL_TESTS").is_some_and(|tests| tests == "all") { 250_000_000 } else { 10_000_000 };
    let run = move || {
        let again = Label(0);
        let program = [Both::bind(again), Both::add(3), Both::add(1), Both::add(2), Both::again(again), Both::ret()];
        assert_eq!(interpreted(&program, 0, count).0, 6 * count as u64);
    };
    std::thread::Builder::new().stack_size(64 << 10).spawn(run).unwrap().join().unwrap();
}
