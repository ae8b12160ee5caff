//! Runs WebAssembly programs on several engines and compares their times and their output.
//!
//! `programs FOLDER` finds all `.wasm` files below a folder. A program is a WASI preview 1 command (`_start`), a module
//! with a start function, or an export that `--invoke` names. Beside `NAME.wasm`, a file `NAME.args` may hold its
//! arguments, one per line, and `NAME.stdin` its standard input. Each run takes place in a process of its own, so that a
//! program that hangs or crashes an engine does not end the comparison. The engines take turns. The tables show the least
//! of the repetitions, as ratios to a reference engine. The exit code is 1 if engines disagree or one crashes.

mod cli;
mod engines;
mod host;
mod measure;
mod report;
mod time;
mod value;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

/// The error type of this program.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let done = if let Some(engine) = &options.worker { worker::run(engine, &options) } else { compare(&options) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all programs and prints the tables. Returns whether all engines agreed.
fn compare(options: &cli::Options) -> Result<bool> {
    let engines = options.engines()?;
    let programs = options.programs()?;
    let mut rows = Vec::new();
    for (name, path) in &programs {
        let row = measure::program(name, path, &engines, options)?;
        for (engine, status) in engines.iter().zip(&row.status) {
            status.print_problem(name, engine.name);
        }
        rows.push(row);
    }
    report::print(&rows, &engines, options.clock);
    if let Some(path) = &options.csv {
        let text = report::csv(&rows, &engines);
        std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(rows.iter().flat_map(|row| &row.status).all(|status| !status.is_error()))
}
