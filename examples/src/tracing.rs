//! A small dynamic language with a tracing JIT.
//!
//! Values have types, variables do not. A program is parsed into bytecode and interpreted. When a loop is hot, a recorder
//! records one iteration, with guards for the types that it saw. The trace is translated to uops and runs from then on: first in the
//! interpreter of these uops, and when it is hot, in the middle of its loop, as machine code. If a guard fails, the interpreter continues at that instruction. If a guard fails often, the path behind it is compiled and
//! linked, too.
//!
//! The modules, in the order of the work:
//!
//! | module | what it does |
//! |---|---|
//! | `value` | values of all types, and the heap |
//! | `lexer`, `parse` | translate source to `bytecode` |
//! | `operators`, `interpret` | the interpreter |
//! | `jit` | counts loops and exits; records, compiles and enters |
//! | `record` | translates instructions to the steps of a `trace` |
//! | `optimize` | removes guards that must hold |
//! | `assemble` | translates steps to `uops` and peels loops |
//! | `executor` | compiled traces: links, validity, memory |

mod assemble;
mod bytecode;
mod executor;
mod interpret;
mod jit;
mod lexer;
mod operators;
mod optimize;
mod parse;
mod record;
mod trace;
pub mod uops;
mod value;

/// Thresholds of the JIT.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Iterations of a loop before it is recorded. `u32::MAX` means never.
    pub hot_loop: u32,
    /// Rounds of a trace before it is compiled, at least 1. `u32::MAX` means never.
    pub hot_trace: u32,
    /// How often a trace is left by an exit before the path behind the exit is recorded.
    pub hot_exit: u32,
    /// For tests: every `fail_every`-th guard that a trace passes fails without a reason. 0 means none.
    pub fail_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { hot_loop: 50, hot_trace: 50, hot_exit: 20, fail_every: 0 }
    }
}

impl Options {
    /// Runs the interpreter of bytecode alone.
    pub const INTERPRETER: Self = Self { hot_loop: u32::MAX, hot_trace: u32::MAX, hot_exit: u32::MAX, fail_every: 0 };
}

/// Counts of the JIT's work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Traces that were recorded.
    pub recorded: usize,
    /// Traces that were compiled.
    pub compiled: usize,
    /// Traces that became invalid.
    pub invalidated: usize,
    /// How often a trace returned to the interpreter of bytecode.
    pub exits: usize,
    /// Traces that were alive at the end.
    pub executors: usize,
    /// The memory of those traces, in bytes.
    pub bytes: usize,
}

/// A trace's switch from the interpreter to machine code.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// The number of the trace.
    pub trace: u32,
    /// The time since the program began.
    pub after: std::time::Duration,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The output, one line for each `print`.
    pub output: String,
    /// The error that ended the run early, with its line.
    pub error: Option<String>,
    /// Counts of the JIT's work.
    pub statistics: Statistics,
    /// When which trace was compiled.
    pub switches: Vec<Switch>,
}

/// Runs a program.
///
/// # Errors
/// A mistake in the source, with its line.
pub fn run(source: &str, options: Options) -> Result<Outcome, String> {
    let program = parse::parse(source)?;
    let jit = jit::Jit::new(options, program.loops);
    let mut vm = interpret::Vm::new(program, jit);
    let error = vm.run().err();
    Ok(Outcome { error, statistics: vm.jit.finish(), switches: vm.jit.switches, output: vm.output })
}
