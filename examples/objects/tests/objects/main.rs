//! The uops do what the C interpreter does: results, output, errors and reference counts.

// Without a C compiler, the example is left out.
#![cfg(not(no_c_compiler))]

mod bodies;
mod generate;
mod language;

use objects::program::Program;
use objects::{Outcome, run};

/// Runs a program interpreted, compiled, and with every other function compiled. Returns the outcome, which must be the
/// same.
fn compare(program: &Program, fuel: u32) -> Outcome {
    let interpreted = run(program, fuel, |_| false).expect("nothing is compiled");
    for (mode, remainder) in [("compiled", None), ("even functions compiled", Some(0)), ("odd ones", Some(1))] {
        let compiled = run(program, fuel, |index| remainder.is_none_or(|remainder| index % 2 == remainder));
        assert_eq!(compiled.expect("uops compile"), interpreted, "{mode}: {program:#?}");
    }
    assert_eq!((interpreted.leaked_objects, interpreted.leaked_references), (0, 0), "{program:#?}");
    interpreted
}

#[test]
fn random_programs_agree() {
    let (mut failed, count) = (0, extent::choose(300, 4_000));
    for seed in 0..count {
        let program = Program::new(generate::program(seed)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        failed += u32::from(compare(&program, 300).result.is_err());
    }
    // Both ends are worth comparing.
    assert!((count as u32 / 10..count as u32 * 9 / 10).contains(&failed), "{failed} of {count} programs fail");
}
