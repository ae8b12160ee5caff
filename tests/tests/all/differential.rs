//! Runs the same C bodies as stencils and as ordinary C functions, on random registers, operands and memory.
//!
//! Calls are sound: the bodies stay within the 256 bytes of memory that they are given, and `native` is declared as
//! bodies.c defines it.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stencil_runtime::{Emitter, Label, Reused, stencil};

stencil! {
    machine Differential(memory: *mut u8, a: u64, b: u64, c: f64, d: f64) -> u64;
    struct Registers { a: u64, b: u64, c: f64, d: f64 }
    include "../../bodies.h";
    uop body<const INDEX: 0..60>(n: u64, m: i32, k: u8, h: u16, f: f64, g: f32, p: bool, target: Label) { BODY(INDEX) }
    uop save(to: *mut Registers) { to->a = a; to->b = b; to->c = c; to->d = d; }
    uop ret(value: u64) { RETURN(value); }
}

const BODIES: usize = 60;

#[link(name = "bodies", kind = "static")]
unsafe extern "C" {
    fn native(
        body: u64,
        registers: *mut Registers,
        memory: *mut u8,
        n: u64,
        m: i32,
        k: u8,
        h: u16,
        f: f64,
        g: f32,
        p: bool,
    ) -> i32;
}

#[repr(C, align(64))]
#[derive(Clone, PartialEq)]
struct Memory([u8; 256]);

type Operands = (u64, i32, u8, u16, f64, f32, bool);

/// Returns the bits of a float, with all NaNs equal: which operand's NaN becomes the result is not defined.
fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn shown(registers: &Registers) -> [u64; 4] {
    [registers.a, registers.b, bits(registers.c), bits(registers.d)]
}

fn check(body: usize, registers: [u64; 4], (n, m, k, h, f, g, p): Operands, seed: u64) -> Result<(), TestCaseError> {
    let mut random = crate::Random(seed | 1);
    let start = Memory(std::array::from_fn(|_| (random.next() >> 40) as u8));
    let [a, b, c, d] = registers;
    let (c, d) = (f64::from_bits(c), f64::from_bits(d));

    let mut expected = Registers { a, b, c, d };
    let mut expected_memory = start.clone();
    let to = expected_memory.0.as_mut_ptr();
    let jumped = unsafe { native(body as u64, &raw mut expected, to, n, m, k, h, f, g, p) };

    let mut actual = Registers { a: 0, b: 0, c: 0.0, d: 0.0 };
    let mut memory = start;
    let target = Label(0);
    let save = Differential::save(&raw mut actual);
    let program = [
        Differential::body(body, n, m, k, h, f, g, p, target),
        save,
        Differential::ret(0),
        Differential::bind(target),
        save,
        Differential::ret(1),
    ];
    let code = Differential::compile(&program).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let result = unsafe { code.entry()(memory.0.as_mut_ptr(), a, b, c, d) };

    prop_assert_eq!(result, jumped as u64, "whether body {} jumps", body);
    prop_assert_eq!(shown(&actual), shown(&expected), "registers after body {}", body);
    if memory != expected_memory {
        // Memory may hold a computed NaN. Then both sides must have one there.
        for (left, right) in memory.0.as_chunks().0.iter().zip(expected_memory.0.as_chunks().0) {
            let (left, right) = (f64::from_le_bytes(*left), f64::from_le_bytes(*right));
            prop_assert_eq!(bits(left), bits(right), "memory after body {}", body);
        }
    }
    Ok(())
}

/// Mostly uniform values, often extreme ones.
fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..20_u64,
        (0..20_u64).prop_map(|n| n.wrapping_neg()),
        (0..64_u32, -2..3_i64).prop_map(|(bit, n)| (1_u64 << bit).wrapping_add_signed(n))
    ]
}

fn float() -> impl Strategy<Value = f64> {
    let edges = [0.0, -0.0, 1.0, -1.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-310, 9e18, 1.8e19, f64::MAX];
    prop_oneof![
        proptest::num::f64::ANY,
        (-100..100_i32).prop_map(|n| f64::from(n) / 4.0),
        proptest::sample::select(edges.to_vec())
    ]
}

#[test]
fn stencils_behave_like_functions() {
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let operands = (word(), word(), word(), word(), float(), float(), any::<bool>());
    let inputs = ((word(), word(), float(), float()), operands, any::<u64>());
    let mut failures = Vec::new();
    for body in 0..BODIES {
        let result = TestRunner::new(config.clone()).run(&inputs, |((a, b, c, d), (n, m, k, h, f, g, p), seed)| {
            let operands = (n, m as i32, k as u8, h as u16, f, g as f32, p);
            check(body, [a, b, c.to_bits(), d.to_bits()], operands, seed)
        });
        failures.extend(result.err().map(|error| format!("body {body}: {error}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_same_body_at_another_address_differs_only_in_its_patches() {
    let (mut code, mut data) = (vec![0; 1 << 16], vec![0; 1 << 14]);
    let mut out = Emitter::<Reused>::new(&mut code, &mut data);
    let target = out.code_address();
    for (index, member) in STENCIL_body.iter().enumerate() {
        let stencil = member.as_ref().unwrap();
        let before = out.left().0;
        emit_body(&mut out, index, 1, 2, 3, 4, 5.0, 6.0, true, target).unwrap();
        assert_eq!(before - out.left().0, stencil.code.size, "{}", stencil.name());
        assert_eq!(stencil.name(), format!("body[{index}]"));
    }
}
