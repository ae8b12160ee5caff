//! A C interpreter whose uops moved into [`stencil!`](stencil_runtime::stencil).
//!
//! The folder `c` has an interpreter as one finds them: reference-counted objects with a table of functions per type,
//! preallocated small integers, strings, tuples, functions, errors formatted like `printf`, and a `switch` over
//! instructions. It knows nothing of Rust or machine code, except that a function can have another entry than `interpret`.
//!
//! [`uops`] has the cases of that `switch` as uops, over the interpreter's own headers. The bodies are the same text; the
//! header `uops.h` replaces four macros, which stand for an operand and for three exits. A program then runs function by
//! function either way: C calls machine code through the entry, and machine code calls the C runtime.
//!
//! | in C | in the block |
//! |---|---|
//! | `case BINARY: { .. } break;` | `uop binary(arg: u32, error: Label) { .. }` |
//! | `arg` of the instruction | an operand `arg` |
//! | `CONSTANT()`: an item of the function's constants | an operand, the object's address |
//! | `JUMP_TO_TARGET()`: `goto jump` | `STENCIL_JUMP(target)` |
//! | `ERROR()`: `goto error` | `STENCIL_JUMP(error)`, the uop `error` at the function's end |
//! | `LEAVE(value)`: `return` | `STENCIL_RETURN(value)` |
//!
//! | module | what it does |
//! |---|---|
//! | [`program`] | programs in bytecode, and their verification |
//! | [`uops`] | the block |
//! | `compile` | translates bytecode to uops |
//! | `run` | the interface to C: loads a program, and runs it interpreted or compiled |

// Without a C compiler there is no interpreter.
#![cfg(not(no_c_compiler))]

mod compile;
pub mod program;
mod run;
pub mod uops;

pub use run::{Outcome, run};
