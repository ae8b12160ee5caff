//! `uops`: runs WebAssembly modules and scripts, and shows what modules are compiled to.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use uops::wasi::Exit;

fn main() -> ExitCode {
    let Err(error) = cli::Cli::parse().run() else { return ExitCode::SUCCESS };
    let error_of_uops = error.downcast_ref::<uops::Error>();
    if let Some(Exit(code)) = error_of_uops.and_then(Exit::of) {
        // What the system makes of a number of more than eight bits is its own affair.
        std::process::exit(code.cast_signed());
    }
    let kind = if matches!(error_of_uops, Some(uops::Error::Trap { .. })) { "trap" } else { "error" };
    // Where even this cannot be written, the exit code has to do.
    let message = error_of_uops.map_or_else(|| error.to_string(), cli::message);
    let _ = writeln!(io::stderr(), "{kind}: {message}");
    if let Some(backtrace) = error_of_uops.and_then(uops::Error::backtrace) {
        let _ = write!(io::stderr(), "{backtrace}");
    }
    ExitCode::FAILURE
}
