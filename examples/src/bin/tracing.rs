//! Runs a program of the dynamic language: `cargo run --release -p examples --bin tracing -- examples/programs/sum.tr`
//!
//! With `--compare` it also prints when traces were compiled, and how much longer the program takes without the JIT.

use std::time::Instant;

use examples::tracing::{Options, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, files): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument == "--compare");
    let [file] = &files[..] else { return Err("usage: tracing [--compare] FILE".into()) };
    let source = std::fs::read_to_string(file)?;
    let start = Instant::now();
    let outcome = run(&source, Options::default())?;
    let with = start.elapsed();
    print!("{}", outcome.output);
    if !flags.is_empty() {
        let start = Instant::now();
        let same = run(&source, Options::INTERPRETER)?.output == outcome.output;
        let without = start.elapsed();
        let ratio = without.as_secs_f64() / with.as_secs_f64();
        eprintln!("with the JIT {with:.1?}, without {without:.1?}: {ratio:.1} times as long, the same output: {same}");
        for switch in &outcome.switches {
            eprintln!("trace {} was interpreted, and compiled after {:.1?}", switch.trace, switch.after);
        }
        eprintln!("{:?}", outcome.statistics);
    }
    outcome.error.map_or(Ok(()), |error| Err(error.into()))
}
