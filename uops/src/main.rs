//! `uops`: runs WebAssembly modules and scripts, and shows what modules are compiled to.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use uops::wasi::Exit;

fn main() -> ExitCode {
    let Err(error) = cli::Cli::parse().run() else { return ExitCode::SUCCESS };
    let error_of_uops = error.downcast_ref::<uops::Error>();
    if let Some(exit) = error_of_uops.and_then(Exit::of) {
        return exit_code(exit).map_or_else(
            || {
                let _ = writeln!(io::stderr(), "error: {exit}: expected a code from 0 to 255");
                ExitCode::FAILURE
            },
            ExitCode::from,
        );
    }
    let timed_out = matches!(error_of_uops, Some(uops::Error::Cancelled));
    let trapped = matches!(error_of_uops, Some(uops::Error::Trap { .. }));
    let message = error_of_uops.map_or_else(|| error.to_string(), cli::message);
    // If standard error cannot be written, the exit code has to do.
    let _ = writeln!(io::stderr(), "{}: {message}", if trapped { "trap" } else { "error" });
    if let Some(backtrace) = error_of_uops.and_then(uops::Error::backtrace) {
        let _ = write!(io::stderr(), "{backtrace}");
    }
    if trapped || timed_out { cli::TRAPPED.into() } else { ExitCode::FAILURE }
}

/// The exit code of this process for a program's. Codes from -128 to 255 are passed on as the system does, modulo 256. The
/// system would also turn 256 into 0, which means success.
fn exit_code(Exit(code): Exit) -> Option<u8> {
    u8::try_from(code).ok().or_else(|| i8::try_from(code.cast_signed()).ok().map(i8::cast_unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_never_reported_as_success() {
        let code = |code: i32| exit_code(Exit(code.cast_unsigned()));
        assert_eq!([0, 1, 255, -1, -128].map(code), [Some(0), Some(1), Some(255), Some(255), Some(128)]);
        assert_eq!([256, 512, -129, -256, i32::MIN, i32::MAX].map(code), [None; 6]);
    }
}
