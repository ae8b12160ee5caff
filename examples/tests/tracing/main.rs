//! The dynamic language does the same with its JIT and without.

mod deoptimize;
mod generate;
mod language;

use examples::tracing::{Options, Statistics, run};

/// Everything is hot at once.
const EAGER: Options = Options { hot_loop: 2, hot_exit: 2, fail_every: 0 };

/// Runs a program with and without a JIT; returns its output, error included, and what the JIT did.
fn same(source: &str, options: Options) -> (String, Statistics) {
    let outcome = |options| {
        let outcome = run(source, options).unwrap_or_else(|error| panic!("{error}\n{source}"));
        let error = outcome.error.map(|error| format!("error: {error}\n"));
        (outcome.output + &error.unwrap_or_default(), outcome.statistics)
    };
    let (expected, interpreter) = outcome(Options::INTERPRETER);
    assert_eq!(interpreter.compiled, 0);
    let (output, statistics) = outcome(options);
    assert_eq!(output, expected, "{options:?}\n{source}");
    (output, statistics)
}
