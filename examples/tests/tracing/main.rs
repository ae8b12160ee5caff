//! The dynamic language does the same with its JIT and without.

mod deoptimize;
mod generate;
mod language;

use examples::tracing::{Options, Outcome, Statistics, run};

/// Everything is hot at once.
const EAGER: Options = Options { hot_loop: 2, hot_trace: 2, hot_exit: 2, fail_every: 0 };

/// A program, and what it prints on the interpreter alone, its error included.
struct Expected {
    source: String,
    output: String,
}

impl Expected {
    fn of(source: &str) -> Self {
        let (output, statistics) = output(source, Options::INTERPRETER);
        assert_eq!(statistics.compiled, 0);
        Self { source: source.into(), output }
    }

    /// Runs the program with a JIT, which must print the same. Returns what the JIT did.
    ///
    /// Traces that are only interpreted do the same, and are left in the same places.
    fn check(&self, options: Options) -> Statistics {
        let statistics = self.check_tiers(options);
        let interpreted = self.check_tiers(Options { hot_trace: u32::MAX, ..options });
        assert_eq!((interpreted.compiled, interpreted.recorded), (0, statistics.recorded));
        assert_eq!(interpreted.exits, statistics.exits);
        statistics
    }

    fn check_tiers(&self, options: Options) -> Statistics {
        let (output, statistics) = output(&self.source, options);
        assert_eq!(output, self.output, "{options:?}\n{}", self.source);
        statistics
    }
}

fn output(source: &str, options: Options) -> (String, Statistics) {
    let outcome = run(source, options).unwrap_or_else(|error| panic!("{error}\n{source}"));
    let Outcome { output, error, statistics, .. } = outcome;
    (output + &error.map_or(String::new(), |error| format!("error: {error}\n")), statistics)
}

/// Runs a program with and without a JIT. Returns its output, its error included, and what the JIT did.
fn same(source: &str, options: Options) -> (String, Statistics) {
    let expected = Expected::of(source);
    let statistics = expected.check(options);
    (expected.output, statistics)
}
