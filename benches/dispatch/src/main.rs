//! What a dispatch costs: a machine of 100 small uops in both tiers, beside a threaded interpreter of the same uops in C with
//! `musttail` and `preserve_none`. All are made from the same table and run the same programs, in turn.
//!
//! The goal of the interpreter tier is 1.1 times the time of the C handlers. Times are minima of many rounds, and only the
//! ratios carry over to other machines.

mod block;
mod handlers;

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use block::{Machine, OPERANDS};
use handlers::Stream;
use stencil_runtime::{Instruction, Label};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 100;
/// Dispatches of each round, approximately.
const DISPATCHES: usize = 2_000_000;
/// The words of the memory that programs load from and store to.
const WORDS: usize = 64;

/// The uops of a program's loop, by number, with their operands.
type Program = Vec<(usize, u64)>;

/// Returns a loop of uops chosen at random.
fn program(length: usize) -> Program {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) % below
    };
    (0..length)
        .map(|_| {
            let uop = random(OPERANDS.len() as u64) as usize;
            let n = match OPERANDS[uop] {
                "u32" => random(WORDS as u64) * 8,
                // An odd factor keeps values from becoming 0.
                "i32" => random(1000) | 1,
                "u8" => random(8),
                _ => 0,
            };
            (uop, n)
        })
        .collect()
}

/// Returns the program as instructions of the machine.
fn instructions(program: &Program) -> Vec<Instruction<Machine>> {
    let start = Label(0);
    let body = program.iter().map(|&(uop, n)| block::instruction(uop, n));
    [Machine::bind(start)].into_iter().chain(body).chain([Machine::again(start), Machine::halt()]).collect()
}

/// Measures a loop of a length and prints a row per contender.
fn measure(length: usize) -> Result<()> {
    let program = program(length);
    let times = (DISPATCHES / (length + 1)) as u64;
    let stream = Stream::new(&program);
    let instructions = instructions(&program);
    let (interpreter, code) = (Machine::interpreter(&instructions)?, Machine::compile(&instructions)?);
    // Each contender changes its memory in the same way.
    let mut memories = [[1_u64; WORDS]; 3];
    let [for_c, for_interpreter, for_jit] = &mut memories;
    let mut contenders: [(&str, &mut dyn FnMut() -> u64); 3] = [
        ("C, musttail and preserve_none", &mut || stream.run(for_c, times)),
        ("stencil!, interpreter", &mut || {
            // SAFETY: the offsets in the program are below the size of the memory. The stream exists.
            unsafe { interpreter.entry()(interpreter.start(), for_interpreter.as_mut_ptr(), times) }
        }),
        ("stencil!, JIT", &mut || {
            // SAFETY: the offsets in the program are below the size of the memory.
            unsafe { code.entry()(for_jit.as_mut_ptr(), times) }
        }),
    ];
    let mut least = [f64::INFINITY; 3];
    for _ in 0..ROUNDS {
        let mut results = Vec::new();
        for ((_, run), least) in contenders.iter_mut().zip(&mut least) {
            let start = Instant::now();
            results.push(black_box(run()));
            *least = least.min(start.elapsed().as_secs_f64() * 1e9);
        }
        if results.iter().any(|&result| result != results[0]) {
            return Err(format!("the contenders compute different values: {results:?}").into());
        }
    }
    println!("A loop of {length} uops at random\n\n| | ns per uop | ratio |\n| --- | ---: | ---: |");
    for ((name, _), time) in contenders.iter().zip(least) {
        println!("| {name} | {:.3} | {:.2} |", time / (times as usize * (length + 1)) as f64, time / least[0]);
    }
    println!();
    if memories.iter().any(|memory| *memory != memories[0]) {
        return Err("the contenders leave different memories".into());
    }
    Ok(())
}

/// Loops that the branch predictor knows by heart, and one that it does not.
fn main() -> Result<()> {
    [10, 100, 1_000, 10_000].into_iter().try_for_each(measure)
}
