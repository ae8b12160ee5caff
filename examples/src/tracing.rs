//! A small dynamic language with a tracing JIT.
//!
//! Values have their types at run time, variables do not. A program is parsed into byte code and interpreted. What the
//! interpreter does in a hot loop is recorded, with guards for the types that it saw, compiled to uops and entered from
//! then on. Where a guard fails, the interpreter goes on from exactly there; where one fails often, the way on from there is
//! compiled, too, and linked.
//!
//! In the order of the work:
//!
//! | module | what it does |
//! |---|---|
//! | `value` | values of all types, and the heap |
//! | `lexer`, `parse` | source text to `bytecode` |
//! | `operators`, `interpret` | the interpreter |
//! | `jit` | counts loops and exits; records, compiles and enters |
//! | `record` | instructions to the steps of a `trace` |
//! | `optimize` | leaves out what is known |
//! | `assemble` | steps to `uops`, with loops peeled |
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

/// When the JIT does what.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Iterations of a loop before it is recorded; `u32::MAX` for never.
    pub hot_loop: u32,
    /// How often a trace is left at a place before it is recorded what follows.
    pub hot_exit: u32,
    /// For tests: of the guards that a trace passes, each so manieth one fails without a reason; 0 for none.
    pub fail_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { hot_loop: 50, hot_exit: 20, fail_every: 0 }
    }
}

impl Options {
    /// The interpreter alone.
    pub const INTERPRETER: Self = Self { hot_loop: u32::MAX, hot_exit: u32::MAX, fail_every: 0 };
}

/// What the JIT did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Traces that were compiled.
    pub compiled: usize,
    /// Those that became invalid.
    pub invalidated: usize,
    /// How often compiled code returned to the interpreter.
    pub exits: usize,
    /// Compiled traces at the end, and the bytes of memory that they take.
    pub executors: usize,
    /// See `executors`.
    pub bytes: usize,
}

/// What a program did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it printed.
    pub output: String,
    /// Why it ended, if not at its end.
    pub error: Option<String>,
    /// What the JIT did.
    pub statistics: Statistics,
}

/// Runs a program.
///
/// # Errors
/// What is wrong with the text, and in which line.
pub fn run(source: &str, options: Options) -> Result<Outcome, String> {
    let program = parse::parse(source)?;
    let jit = jit::Jit::new(options, program.loops);
    let mut vm = interpret::Vm::new(program, jit);
    let error = vm.run().err();
    Ok(Outcome { error, statistics: vm.jit.finish(), output: vm.output })
}
