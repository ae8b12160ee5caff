//! Every rule: the two instructions and the one that replaces them have the same effect.

use std::arch::x86_64::_mm_setzero_si128;

use stencil_runtime::{Interpreter, Label};

use super::Rules;
use crate::lower::place::Uop;
use crate::runtime::vm::Vm;
use crate::uop::Wasm;

/// The bytes of the memory.
const MEMORY: usize = 256;
/// The slots that operands name, those for the registers, and one for the way out.
const SLOTS: usize = 4;
const REGISTERS: usize = 9;
const FRAME: usize = SLOTS + REGISTERS + 1;

/// The labels: the target of jumps, the trap of an access outside the memory, an interruption.
const TARGET: Label = Label(0);
const OUTSIDE: Label = Label(1);
const INTERRUPTED: Label = Label(2);

/// A small generator of random numbers (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn choose<const N: usize>(&mut self, values: [u64; N]) -> u64 {
        values[self.next() as usize % N]
    }

    /// A value of a register or slot: an address, an extreme integer, or a float.
    fn value(&mut self) -> u64 {
        match self.next() % 4 {
            0 => self.choose([0, 1, 8, 100, MEMORY as u64 - 4, MEMORY as u64 - 8, MEMORY as u64]),
            1 => self.choose([u64::MAX, 1 << 63, 1 << 31, (1 << 31) - 1, (1 << 32) - 1, 0x8000_0001, 0x80]),
            2 => self.choose([1.5_f64.to_bits(), f64::NAN.to_bits(), (-0.0_f64).to_bits(), 1.5_f32.to_bits().into()]),
            _ => self.next() >> self.choose([0, 32, 58]),
        }
    }

    /// Returns the instruction with random operands, some of them extreme.
    fn operands(&mut self, example: Uop) -> Uop {
        let name = example.stencil().name();
        let words = example.stencil().holes().into_iter().map(|hole| match hole.name {
            "target" => TARGET.0.into(),
            "outside" => OUTSIDE.0.into(),
            "interrupted" => INTERRUPTED.0.into(),
            "slot" | "address_slot" | "from" | "to" => self.next() % SLOTS as u64 * 8,
            "offset" => self.choose([0, 1, 100, MEMORY as u64 - 1, (1 << 31) - 17]),
            "imm" | "by" => [0, 1, -1, i32::MIN, i32::MAX, 31, 8, -8][self.next() as usize % 8] as u64,
            "value" if name.starts_with("f64") => self.next(),
            "value" if name.starts_with("f32") => self.next() & u64::from(u32::MAX),
            "value" => self.choose([0, 1, (1 << 31) - 1, 127, 128]),
            name => panic!("no values for {name}"),
        });
        let mut words = words.fuse();
        let words: [u64; 5] = std::array::from_fn(|_| words.next().unwrap_or_default());
        // SAFETY: the words are of the operands' types, and the interpreter runs the instruction.
        unsafe { example.with_operands(words) }
    }
}

/// What a run leaves behind, and what it starts with.
#[derive(Clone, Debug, PartialEq)]
struct State {
    frame: [u64; FRAME],
    memory: [u8; MEMORY],
}

impl State {
    fn random(random: &mut Random) -> Self {
        Self { frame: [(); FRAME].map(|()| random.value()), memory: [(); MEMORY].map(|()| random.next() as u8) }
    }

    /// Runs instructions, and stores the registers and which way they left. The registers begin with values of the frame.
    fn run(&self, body: &[Uop], limit: *mut u64) -> (Self, u64) {
        let slot = |register: usize| ((SLOTS + register) * 8) as u32;
        let mut program = Vec::new();
        program.extend((0..3).map(|register| Wasm::get(register, slot(register))));
        program.extend((0..3).map(|register| Wasm::f32_get(register, slot(3 + register))));
        program.extend((0..3).map(|register| Wasm::f64_get(register, slot(6 + register))));
        program.extend(body);
        for (way, label) in [None, Some(TARGET), Some(OUTSIDE), Some(INTERRUPTED)].into_iter().enumerate() {
            program.extend(label.map(Wasm::bind));
            program.extend((0..3).map(|register| Wasm::set(register, slot(register))));
            program.extend((0..3).map(|register| Wasm::f32_set(register, slot(3 + register))));
            program.extend((0..3).map(|register| Wasm::f64_set(register, slot(6 + register))));
            program.push(Wasm::constant_to_slot(slot(REGISTERS), way as u32));
            program.push(Wasm::leave());
        }
        let stream = Interpreter::new(&program).unwrap_or_else(|error| panic!("{body:?}: {error}"));
        let mut state = self.clone();
        let (none, null) = (std::ptr::null::<std::ffi::c_void>(), std::ptr::null_mut());
        let mut vm = Vm {
            memory: state.memory.as_mut_ptr(),
            memory_size: MEMORY as u64,
            memories: none.cast(),
            globals: none.cast(),
            tables: none.cast(),
            functions: none.cast(),
            types: none.cast(),
            limit: &raw const limit,
            start: none,
            unwind: none,
            unwind_stream: none,
            compiled: none.cast(),
            host: null,
            store: none,
            instance: null,
        };
        // SAFETY: the uops access the slots of the frame that their operands name, the memory within its bounds, and the limit.
        let result = unsafe {
            let vector = _mm_setzero_si128();
            let (frame, memory) = (state.frame.as_mut_ptr(), state.memory.as_mut_ptr());
            stream.entry()(
                stream.start(),
                &raw mut vm,
                frame,
                memory,
                0,
                0,
                0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                vector,
                vector,
            )
        };
        // The payload of a NaN that an operation makes of two is arbitrary, and so compilers may exchange operands.
        for register in 3..6 {
            let float = f32::from_bits(state.frame[SLOTS + register] as u32);
            state.frame[SLOTS + register] = if float.is_nan() { 0 } else { float.to_bits().into() };
        }
        for slot in &mut state.frame {
            if f64::from_bits(*slot).is_nan() {
                *slot = f64::NAN.to_bits();
            }
        }
        (state, result)
    }
}

/// The rules, unless the build has no interpreter.
fn rules() -> Option<Rules> {
    Wasm::leave().handler().map(|_| Rules::new())
}

#[test]
fn a_fused_instruction_has_the_effect_of_the_two() {
    let Some(rules) = rules() else { return };
    let (mut random, mut limit) = (Random(20_261_127), 0);
    let mut applied = 0;
    for &(example, rule) in &rules.examples {
        let mut found = 0;
        for _ in 0..200 {
            let mut pair = example.map(|example| random.operands(example));
            if random.next() % 2 == 0 {
                // Some rules demand that operands are equal.
                pair = equal_slots(pair);
            }
            let Some(fused) = rule.apply(pair[0].operands(), pair[1].operands()) else { continue };
            let state = State::random(&mut random);
            assert_eq!(
                state.run(&[fused], &raw mut limit),
                state.run(&pair, &raw mut limit),
                "{pair:?}\n{fused:?}\n{state:?}"
            );
            found += 1;
            if found == 40 {
                break;
            }
        }
        assert!(found > 0, "no operands for {example:?}");
        applied += found;
    }
    assert!(rules.examples.len() > 1000 && applied >= 30 * rules.examples.len());
}

/// Lets the instructions store to the slots that they read, as loops do.
fn equal_slots(pair: [Uop; 2]) -> [Uop; 2] {
    pair.map(|instruction| {
        let mut words: [u64; 5] = std::array::from_fn(|operand| instruction.operands()[operand]);
        if instruction.stencil().name().starts_with("i32_add_slots") {
            words[3] = words[0];
        }
        // SAFETY: the words are of the operands' types, and the interpreter runs the instruction.
        unsafe { instruction.with_operands(words) }
    })
}

/// A jump that closes a loop has the effect of the jump, and of `iterate` at the target.
#[test]
fn a_closed_loop_checks_for_interruptions() {
    let Some(rules) = rules() else { return };
    let (mut random, mut limit) = (Random(20_261_128), 0);
    assert!(rules.jump_examples.len() > 100);
    for &(example, rule) in &rules.jump_examples {
        for _ in 0..40 {
            let jump = random.operands(example);
            let closed = rule.apply(jump.operands(), &[TARGET.0.into(), INTERRUPTED.0.into()]).unwrap();
            let state = State::random(&mut random);
            assert_eq!(
                state.run(&[closed], &raw mut limit),
                state.run(&[jump], &raw mut limit),
                "{jump:?}\n{closed:?}"
            );
            let interrupted = state.run(&[closed], std::ptr::null_mut());
            assert_eq!(interrupted, state.run(&[Wasm::iterate(INTERRUPTED)], std::ptr::null_mut()), "{closed:?}");
        }
    }
}

/// Otherwise one rule would hide another.
#[test]
fn no_two_rules_are_for_the_same_instructions() {
    let Some(rules) = rules() else { return };
    assert_eq!(rules.pairs.len() + rules.moves.len(), rules.examples.len());
    assert_eq!(rules.jumps.len(), rules.jump_examples.len());
}
