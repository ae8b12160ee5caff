//! `Lockstep` finds the first instruction after which the tiers differ, and nothing where they agree.

use std::arch::x86_64::{__m128i, _mm_set1_epi64x};
use std::sync::atomic::{AtomicU64, Ordering};

use stencil_runtime::{Comparison, Error, Instruction, Label, Lockstep, Mismatch, stencil};

static CALLS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count() -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed)
}

stencil! {
    #![stencil(no_calls, no_stack)]
    #[interpreter]
    machine Step(m: *mut u64, x: u64, b: bool, n: i32 = 7, f: f64, v: __m128i, g: f32 = -0.5) -> i16;
    extern fn count() -> u64 = crate::lockstep::count;

    uop add(value: u64) { x += value; }
    uop flip() { b = !b; g *= 3; n--; }
    uop store(at: u32) { m[at] = x; }
    uop wide() { v[0] += x; f += 1; }
    uop again(to: Label) { if (x-- > 1) JUMP(to); }
    uop jump(to: Label) { JUMP(to); }
    #[stencil()]
    uop call(to: Label) { n += CALL(to); }
    uop take(to: Label) { x = (uint64_t)ADDRESS_OF(to); }
    #[stencil()]
    uop host() { x = count(); }
    uop ret() { RETURN(n); }
    uop trap() { __builtin_trap(); }

    uop wrong_x() { x += STENCIL_TIER(1, 2); }
    uop wrong_bool() { b = STENCIL_TIER(0, 1); }
    uop wrong_later() { if (x == 3) n = STENCIL_TIER(1, -2); }
    uop wrong_payload() { uint64_t bits = STENCIL_TIER(0x7ff8000000000001, 0x7ff8000000000002); __builtin_memcpy(&f, &bits, 8); }
    uop wrong_zero() { g = STENCIL_TIER(0.0f, -0.0f); }
    uop wrong_lane() { v[1] ^= STENCIL_TIER(0x100, 0x300); }
    uop wrong_memory(at: u32) { ((uint8_t *)m)[at] ^= STENCIL_TIER(0, 0x80); }
    uop wrong_jump(to: Label) { if (STENCIL_TIER(0, 1)) JUMP(to); }
    uop wrong_result() { RETURN(STENCIL_TIER(-3, 3)); }
    uop wrong_end() { if (STENCIL_TIER(1, 0)) RETURN(0); }
}

/// Compares a program from fixed registers and memory.
fn compare_with(program: &[Instruction<Step>], ignored: &[&str], limit: usize) -> Result<Comparison, Error> {
    let initial = std::array::from_fn::<u64, 8, _>(|index| index as u64 * 0x0101);
    let mut memory = initial;
    let m = memory.as_mut_ptr();
    // SAFETY: the regions are parts of the memory, which only the program uses.
    let lockstep = unsafe { Lockstep::new(program).memory(m.cast(), 16).memory(m.add(2).cast(), 48) }.limit(limit);
    let lockstep = ignored.iter().fold(lockstep, |lockstep, name| lockstep.ignore(name));
    // SAFETY: SSE2 is part of the target. The programs stay inside the memory.
    let result = lockstep.run(|enter, start| unsafe { enter(start, m, 5, true, 0.25, _mm_set1_epi64x(9)) });
    assert_eq!(memory, initial, "the memory is as before");
    result
}

fn compare(program: &[Instruction<Step>]) -> Comparison {
    compare_with(program, &[], 1000).unwrap()
}

/// Returns the instruction and the mismatch of a program with one difference.
fn difference(program: &[Instruction<Step>]) -> (Option<usize>, Mismatch) {
    let comparison = compare(program);
    assert!(!comparison.is_complete);
    let difference = comparison.difference.expect("the tiers differ");
    assert_eq!(difference.mismatches.len(), 1, "{difference}");
    (difference.instruction, difference.mismatches.into_iter().next().unwrap())
}

fn register(name: &'static str, compiled: &[u8], interpreted: &[u8]) -> Mismatch {
    Mismatch::Register { name, compiled: compiled.to_vec(), interpreted: interpreted.to_vec() }
}

#[test]
fn equal_runs_have_no_difference() {
    let (again, end, function) = (Label(0), Label(1), Label(2));
    let straight = [Step::add(1), Step::flip(), Step::store(1), Step::wide(), Step::store(7), Step::ret()];
    let in_loop = [
        Step::bind(again),
        Step::flip(),
        Step::wide(),
        Step::store(3),
        Step::again(again),
        Step::jump(end),
        Step::trap(),
    ];
    let in_loop = [&in_loop[..], &[Step::bind(end), Step::ret()]].concat();
    let calls = [Step::call(function), Step::add(1), Step::call(function), Step::ret(), Step::bind(function)];
    let calls = [&calls[..], &[Step::flip(), Step::store(0), Step::ret()]].concat();
    for (program, steps) in [(&straight[..], 6), (&in_loop, 22), (&calls, 10)] {
        let comparison = compare(program);
        assert_eq!((comparison.steps, comparison.is_complete, comparison.difference), (steps, true, None));
    }
}

#[test]
fn a_difference_is_found_at_its_instruction() {
    let program = |wrong| [Step::add(1), Step::flip(), wrong, Step::store(1), Step::wide(), Step::ret()];
    let word = |value: u64| value.to_le_bytes();
    let lane = |value| [word(9), word(value)].concat();
    for (wrong, expected) in [
        (Step::wrong_x(), register("x", &word(7), &word(8))),
        (Step::wrong_bool(), register("b", &[0], &[1])),
        (Step::wrong_payload(), register("f", &word(0x7ff8_0000_0000_0001), &word(0x7ff8_0000_0000_0002))),
        (Step::wrong_zero(), register("g", &0.0_f32.to_le_bytes(), &(-0.0_f32).to_le_bytes())),
        (Step::wrong_lane(), register("v", &lane(0x109), &lane(0x309))),
        (Step::wrong_memory(15), Mismatch::Memory { region: 0, offset: 15, compiled: 0, interpreted: 0x80 }),
        (Step::wrong_memory(63), Mismatch::Memory { region: 1, offset: 47, compiled: 0, interpreted: 0x80 }),
        (Step::wrong_end(), Mismatch::Next { compiled: None, interpreted: Some(3) }),
    ] {
        assert_eq!(difference(&program(wrong)), (Some(2), expected), "{wrong:?}");
    }
    let (ends, jumps) = ([Step::add(1), Step::wrong_result()], Label(0));
    let result = Mismatch::Result { compiled: "-3".into(), interpreted: "3".into() };
    assert_eq!(difference(&ends), (Some(1), result));
    let jumps = [Step::wrong_jump(jumps), Step::add(1), Step::bind(jumps), Step::ret()];
    assert_eq!(difference(&jumps), (Some(0), Mismatch::Next { compiled: Some(1), interpreted: Some(3) }));
}

#[test]
fn the_first_difference_of_a_loop_counts() {
    let again = Label(0);
    let program =
        [Step::bind(again), Step::flip(), Step::wrong_later(), Step::wrong_x(), Step::again(again), Step::ret()];
    let found = compare(&[&program[..3], &program[4..]].concat());
    let difference = found.difference.unwrap();
    assert_eq!((found.steps, difference.instruction), (8, Some(2)));
    assert_eq!(
        difference.to_string(),
        "after instruction 2, `wrong_later`: register `n` is 0x1 in compiled code and 0xfffffffe in the interpreter"
    );
    // An ignored register may differ for good.
    let program = [Step::wrong_x(), Step::wrong_bool(), Step::ret()];
    assert_eq!(compare_with(&program, &["x"], 9).unwrap().difference.unwrap().instruction, Some(1));
    assert_eq!(compare_with(&program, &["x", "b"], 9).unwrap().difference, None);
}

#[test]
fn addresses_of_code_differ_unless_they_are_ignored() {
    let label = Label(0);
    let program = [Step::take(label), Step::bind(label), Step::flip(), Step::ret()];
    let found = compare(&program).difference.unwrap();
    assert!(matches!(found.mismatches[..], [Mismatch::Register { name: "x", .. }]), "{found}");
    assert_eq!(compare_with(&program, &["x"], 9).unwrap().difference, None);
}

#[test]
fn endless_loops_end_at_the_limit() {
    let again = Label(0);
    let endless = [Step::bind(again), Step::flip(), Step::store(2), Step::jump(again)];
    for limit in [0, 1, 2, 1000, 99_999] {
        let found = compare_with(&endless, &[], limit).unwrap();
        assert_eq!((found.steps, found.is_complete, found.difference), (limit, false, None));
    }
    // Each of these calls itself before it ends.
    let recursive = [Step::bind(again), Step::flip(), Step::call(again), Step::store(1), Step::ret()];
    assert_eq!(compare_with(&recursive, &[], 5000).unwrap().steps, 5000);
    // The program is as long as the limit.
    let short = [Step::flip(), Step::store(1), Step::ret()];
    assert!(!compare_with(&short, &[], 2).unwrap().is_complete);
    assert!(compare_with(&short, &[], 3).unwrap().is_complete);
}

#[test]
fn mistakes_are_errors() {
    let unknown = compare_with(&[Step::ret()], &["y"], 9).unwrap_err();
    assert_eq!(unknown, Error::UnknownRegister { name: "y".into() });
    assert_eq!(unknown.to_string(), "the machine has no register `y`");
    // The index is that of the program, without observers.
    let label = compare_with(&[Step::flip(), Step::jump(Label(0)), Step::ret()], &[], 9).unwrap_err();
    assert_eq!(label, Error::UnknownLabel { label: Label(0), instruction: 1 });
    let changing = compare(&[Step::host(), Step::ret()]).difference.unwrap();
    assert!(!changing.mismatches.is_empty(), "{changing}");
}

#[allow(deprecated, reason = "gcc warns that it passes some registers on the stack")]
mod full {
    use std::ffi::c_void;

    use stencil_runtime::{Error, Instruction, Lockstep, Mismatch, stencil};

    stencil! {
        // Ten integers, the most with `preserve_none`. In the convention of C, there is no interpreter.
        #[interpreter(optional)]
        pub machine Full(r: [u64; 6], p: *const Full, q: *mut c_void, function: unsafe extern "C" fn(*mut Full) -> i32, last: i32, f: [f64; 7], g: f32) -> f64;
        pub uop shuffle() {
            r[5] = r[0]; r[0] = r[4] * 3; f[6] += f[0]; g -= 1; last--; p = q; q = 0; function = (void *)0;
        }
        pub uop wrong<const PLACE: 0..4>() {
            #if PLACE == 0
                r[5]++; r[5] += STENCIL_TIER(0, 1);
            #elif PLACE == 1
                last = STENCIL_TIER(last, -last);
            #elif PLACE == 2
                f[6] *= STENCIL_TIER(1, -1);
            #else
                g = STENCIL_TIER(g, 2 * g);
            #endif
        }
        pub uop ret() { RETURN(f[6]); }
    }

    unsafe extern "C" fn function(_: *mut Full) -> i32 {
        0
    }

    #[test]
    fn a_machine_with_all_registers() {
        for (place, expected) in ["r[5]", "last", "f[6]", "g"].into_iter().enumerate() {
            let program = [Full::shuffle(), Full::wrong(place), Full::shuffle(), Full::ret()];
            let compare = |program: &[Instruction<Full>]| {
                let (p, q) = (std::ptr::null(), std::ptr::without_provenance_mut(8));
                Lockstep::new(program).run(|enter, start| {
                    // SAFETY: the bodies access no memory.
                    let result = unsafe {
                        enter(start, 1, 2, 3, 4, 5, 6, p, q, function, 9, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
                    };
                    result.to_bits()
                })
            };
            let equal = compare(&[program[0], program[2], program[3]]);
            if equal == Err(Error::NoInterpreter) {
                continue;
            }
            assert_eq!(equal.unwrap().difference, None);
            let found = compare(&program).unwrap().difference.unwrap();
            assert_eq!(found.instruction, Some(1));
            assert!(matches!(found.mismatches[..], [Mismatch::Register { name, .. }] if name == expected), "{found}");
        }
    }
}

mod bare {
    use stencil_runtime::{Label, Lockstep, stencil};

    stencil! {
        #[interpreter]
        pub machine Bare();
        pub uop nothing() {}
        pub uop jump(to: Label) { JUMP(to); }
        pub uop ret() { RETURN(); }
    }

    #[test]
    fn a_machine_without_registers_and_result() {
        let end = Label(0);
        let program = [Bare::nothing(), Bare::jump(end), Bare::nothing(), Bare::bind(end), Bare::ret()];
        // SAFETY: the bodies do nothing.
        let found = Lockstep::new(&program).run(|enter, start| unsafe { enter(start) }).unwrap();
        assert_eq!((found.steps, found.is_complete, found.difference), (3, true, None));
        // A program that the caller does not enter.
        let found = Lockstep::new(&program).run(|_, _| ()).unwrap();
        assert_eq!((found.steps, found.difference), (0, None));
    }

    #[test]
    fn runs_that_begin_differently() {
        let mut first = true;
        let run = Lockstep::new(&[Bare::ret()]).run(|enter, start| {
            // SAFETY: as above.
            unsafe { std::mem::take(&mut first).then(|| enter(start)) }
        });
        let difference = run.unwrap().difference.unwrap();
        assert_eq!((difference.instruction, difference.mismatches.len()), (None, 1), "{difference}");
    }
}
