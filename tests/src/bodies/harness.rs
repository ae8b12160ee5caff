//! The generated program. It runs each body as a stencil, in the interpreter and as a C function, and compares registers and memory.
//!
//! It writes one line for each event, which [`batch`](super::batch) parses.

use std::io::Write as _;

use stencil_runtime::{Arena, CodeAddress, Error, Instruction, Interpreter, Label, Lockstep, Machine};

use super::generate::{Body, Part};
use super::input::{Input, WINDOW, input};
use crate::rng::Rng;

/// The type of a compiled program of the machine.
type Entry = unsafe extern "C" fn(*mut u8, *mut u8, u64, u64, u64, f64) -> u64;

/// The type of the function that runs a program in the interpreter.
type Interpret = unsafe extern "C" fn(CodeAddress, *mut u8, *mut u8, u64, u64, u64, f64) -> u64;

/// Returns the instruction of a body, given operand words and the label to jump to.
type Make<M> = fn(&[u64], Label) -> Instruction<M>;

/// The machine's other instructions.
#[derive(Debug)]
pub struct Uops<M: Machine> {
    /// Saves `a`, `b` and the bits of `x`.
    pub save: fn(*mut u64) -> Instruction<M>,
    pub ret: fn(u64) -> Instruction<M>,
    pub bind: fn(Label) -> Instruction<M>,
}

unsafe extern "C" {
    /// The C functions. Returns whether the body jumped.
    fn native(body: u64, registers: *mut u64, words: *const u64) -> i32;

    fn mmap(at: *mut u8, size: usize, protection: i32, flags: i32, file: i32, offset: i64) -> *mut u8;
    fn mprotect(start: *mut u8, size: usize, protection: i32) -> i32;
    fn alarm(seconds: u32) -> u32;
}

/// Seconds after which a body counts as endless.
const PATIENCE: u32 = 10;

/// One in so many inputs of a body also runs in lockstep, instruction by instruction.
const IN_LOCKSTEP: usize = 10;

/// Compares all bodies, starting at the index that is the program's argument.
pub fn main<M: Machine<Entry = Entry, FragmentEntry = Interpret>>(
    uops: Uops<M>,
    inputs: usize,
    bodies: &[(Part, u64, Make<M>)],
) {
    let first = std::env::args().nth(1).map_or(0, |index| index.parse().unwrap());
    let arena = Arena::new().unwrap();
    let windows = [true, false].map(window);
    let mut out = std::io::stdout().lock();
    for (index, &(part, seed, make)) in bodies.iter().enumerate().skip(first) {
        // Printed before the body runs, so that the output shows which body a signal ended.
        writeln!(out, "body {index}").unwrap();
        unsafe { alarm(PATIENCE) };
        let body = Body::new(part, seed);
        let mut rng = Rng::new(!seed);
        let inputs: Vec<_> = (0..inputs).map(|_| input(&body, &mut rng, windows)).collect();
        let mut saved = [0; 3];
        let mut batch = arena.batch();
        let compiled = inputs.iter().filter_map(|input| {
            let save = (uops.save)((&raw mut saved).cast());
            let target = Label(0);
            let body = make(&input.words, target);
            let program = [body, save, (uops.ret)(0), (uops.bind)(target), save, (uops.ret)(1)];
            let (compiled, interpreter) = (batch.compile(&program), Interpreter::new(&program));
            match (compiled.as_ref().err(), interpreter.as_ref().err()) {
                // Where several operands are out of range, each tier names the one that it checks first.
                (Some(one @ Error::OutOfRange { uop, .. }), Some(Error::OutOfRange { uop: other, .. }))
                    if uop == other =>
                {
                    writeln!(out, "refused {one}").unwrap();
                }
                (None, None) => {}
                (one, other) => writeln!(out, "different errors: {one:?}, and in the interpreter {other:?}").unwrap(),
            }
            let form = if body.stencil().is_narrow() { "narrow" } else { "" };
            compiled.is_ok().then_some((input, program, interpreter.ok(), form))
        });
        let compiled: Vec<_> = compiled.collect();
        let codes = batch.publish().unwrap();
        for (number, ((input, program, interpreter, form), code)) in compiled.into_iter().zip(&codes).enumerate() {
            let Some(interpreter) = interpreter else { continue };
            let expected = function(index, input);
            let [fp, mem, i, a, b, x] = input.registers;
            let (fp, mem, x) = (fp as *mut u8, mem as *mut u8, f64::from_bits(x));
            let run = |enter: &dyn Fn() -> u64| {
                let window = fill(input);
                let jumped = enter();
                (jumped, unsafe { (&raw const saved).read_volatile() }, unsafe { *window })
            };
            let compiled = run(&|| unsafe { code.entry()(fp, mem, i, a, b, x) });
            let interpreted = run(&|| unsafe { interpreter.entry()(interpreter.start(), fp, mem, i, a, b, x) });
            let what = difference(input, &expected, &compiled);
            let in_interpreter =
                || Some(format!("in the interpreter, {}", difference(input, &expected, &interpreted)?));
            let in_lockstep = || {
                let chosen = number.is_multiple_of(IN_LOCKSTEP);
                let window = chosen.then(|| fill(input))?;
                let lockstep = unsafe { Lockstep::new(&program).memory(window.cast(), WINDOW) };
                match lockstep.run(|enter, start| unsafe { enter(start, fp, mem, i, a, b, x) }) {
                    Ok(comparison) => Some(format!("in lockstep: {}", comparison.difference?)),
                    Err(error) => Some(format!("in lockstep: {error}")),
                }
            };
            match what.or_else(in_interpreter).or_else(in_lockstep) {
                None => writeln!(out, "same {form}").unwrap(),
                Some(what) => writeln!(out, "different {what}").unwrap(),
            }
        }
    }
    writeln!(out, "end").unwrap();
}

/// Whether it jumped, the registers `a`, `b` and `x`, and the window.
type Outcome = (u64, [u64; 3], [u8; WINDOW]);

fn function(index: usize, input: &Input) -> Outcome {
    let window = fill(input);
    let mut registers = input.registers;
    let jumped = unsafe { native(index as u64, registers.as_mut_ptr(), input.words.as_ptr()) };
    let [_, _, _, a, b, x] = registers;
    (jumped as u64, [a, b, x], unsafe { *window })
}

fn fill(input: &Input) -> *mut [u8; WINDOW] {
    let window = input.window as *mut [u8; WINDOW];
    unsafe { *window = input.memory };
    window
}

fn difference(input: &Input, expected: &Outcome, actual: &Outcome) -> Option<String> {
    let what = if expected.0 != actual.0 {
        format!("jumped is {} instead of {}", actual.0, expected.0)
    } else if expected.1 != actual.1 {
        format!("(a, b, x) is {:x?} instead of {:x?}", actual.1, expected.1)
    } else {
        let at = (0..WINDOW).find(|&at| expected.2[at] != actual.2[at])?;
        let address = input.window + at as u64;
        format!("the byte at {address:#x} is {:#x} instead of {:#x}", actual.2[at], expected.2[at])
    };
    Some(format!("{what}; operands {:x?}; fp, mem, i, a, b, x {:x?}", input.words, input.registers))
}

/// Returns the address of a page between two inaccessible ones, below 2 GiB if `low` is set.
fn window(low: bool) -> u64 {
    const PAGE: usize = 4096;
    const NONE: i32 = 0;
    const READ_WRITE: i32 = 3;
    let (private_anonymous, below_2_gib) = (0x22, 0x40);
    let flags = private_anonymous | if low { below_2_gib } else { 0 };
    let pages = unsafe { mmap(std::ptr::null_mut(), 3 * PAGE, NONE, flags, -1, 0) };
    assert_ne!(pages as isize, -1, "there is memory for the window");
    let page = pages.wrapping_add(PAGE);
    assert_eq!(unsafe { mprotect(page, PAGE, READ_WRITE) }, 0);
    page as u64 + 1024
}
