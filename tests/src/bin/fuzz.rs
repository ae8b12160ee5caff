//! Compares uops with wasmi on random modules for a given time. The benchmarks' workspace has a command that also compares it
//! with wasmtime.

use std::process::ExitCode;

use tests::fuzz::{self, Peer};

fn main() -> ExitCode {
    fuzz::main(&[&[Peer::WASMI], &[Peer::INTERPRETER], &[Peer::AUTO]])
}
