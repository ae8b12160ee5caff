//! The behaviour of programs, which is the same in each tier.

#![expect(clippy::duplicate_mod, reason = "each tier has the same tests")]

use std::ops::ControlFlow;

use uops::{Error, Program, ProgramOptions, Tier};

mod mixed;
mod sandbox;

/// Compiles a module for a tier. Builds without an interpreter, such as those by gcc, run everything in the other tier.
fn compile_for(tier: Tier, wasm_or_text: &[u8]) -> Result<Program, Error> {
    let new = |tier| Program::with_options(wasm_or_text, ProgramOptions::from(tier), |_| ControlFlow::Continue(()));
    match new(tier) {
        Err(Error::NoInterpreter) => new(Tier::Jit),
        result => result,
    }
}

/// Whether this build has an interpreter.
fn has_interpreter() -> bool {
    let module = uops::Module::from_text(b"(module)").expect("the module is valid");
    !matches!(Program::for_tier(module, Tier::Interpreter), Err(Error::NoInterpreter))
}

/// Declares the tests of a tier.
macro_rules! tier {
    ($tier:ident: $variant:expr; $($module:ident $file:literal)*) => {
        #[path = "."]
        mod $tier {
            const TIER: uops::Tier = $variant;

            fn compile(wasm_or_text: &[u8]) -> Result<uops::Program, uops::Error> {
                crate::compile_for(TIER, wasm_or_text)
            }

            $(#[path = $file] mod $module;)*
        }
    };
}

macro_rules! tiers {
    ($($tier:ident: $variant:expr;)*) => {
        $(tier! { $tier: $variant;
            backtrace "backtrace.rs"
            branches "branches.rs"
            const_exprs "const_exprs.rs"
            escape "escape.rs"
            instances "instances.rs"
            interrupt "interrupt.rs"
            memories "memories.rs"
            native_stack "native_stack.rs"
            references "references.rs"
            tail_calls "tail_calls.rs"
            typed "typed.rs"
            vectors "vectors.rs"
            wide_tables "wide_tables.rs"
        })*
    };
}

tiers! {
    jit: uops::Tier::Jit;
    interpreter: uops::Tier::Interpreter;
    auto: uops::Tier::Auto;
}
