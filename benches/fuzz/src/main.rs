//! Compares uops with wasmi, with both compilers of wasmtime, and with its own interpreted tiers, on random modules for a given time.

mod on_wasmtime;

use std::process::ExitCode;

use on_wasmtime::{Cranelift, Winch};
use tests::fuzz::{self, Peer};

fn main() -> ExitCode {
    fuzz::main(&[&[Peer::WASMI], &[Peer::of::<Winch>(), Peer::of::<Cranelift>()], &[Peer::INTERPRETER], &[Peer::AUTO]])
}
