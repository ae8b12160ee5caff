//! Compares any number of random C bodies as stencils and in the interpreter with the same bodies as C functions.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tests::bodies::{self, Batch, Options, Report};

/// Compares random C bodies as stencils, in the interpreter and as C functions, using one compiler for all three.
///
/// Prints the seed and the source of each body that differs. `--part P --seed N --bodies 1` repeats one of them.
#[derive(Parser)]
struct Cli {
    /// The role of operands in the bodies.
    #[arg(long, value_enum, default_value_t = Part::Addresses)]
    part: Part,
    /// The seed of the first body. Each next body has the next seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of bodies.
    #[arg(long, default_value_t = 1000)]
    bodies: u64,
    /// The number of inputs for each body.
    #[arg(long, default_value_t = 20)]
    inputs: usize,
    /// The number of bodies that are compiled at once.
    #[arg(long, default_value_t = 500)]
    batch: u64,
    /// The C compiler. By default the one that STENCIL_CC names, clang-19, clang or gcc.
    #[arg(long)]
    compiler: Option<String>,
    /// The folder to build programs in. Commands that run at the same time need different folders.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// As numbers.
    Values,
    /// As numbers, in random sequences of instructions.
    Instructions,
    /// As addresses, which may be equal or overlap.
    Addresses,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let defaults = Options::new();
    let folder = cli.folder.unwrap_or(defaults.folder);
    let options = Options {
        target: folder.join("target"),
        inputs: cli.inputs,
        compiler: cli.compiler.unwrap_or(defaults.compiler),
        folder,
    };
    let part = match cli.part {
        Part::Values => bodies::Part::Values,
        Part::Instructions => bodies::Part::Instructions,
        Part::Addresses => bodies::Part::Addresses,
    };
    let (mut total, mut seed, end) = (Report::default(), cli.seed, cli.seed.saturating_add(cli.bodies));
    while seed < end {
        let next = seed.saturating_add(cli.batch.max(1)).min(end);
        match Batch::new(part, seed..next, options.inputs).compare(&options) {
            Ok(report) => {
                show(&report);
                total += report;
            }
            Err(error) => {
                eprintln!("seeds {seed} to {}: {error}", next - 1);
                return ExitCode::FAILURE;
            }
        }
        seed = next;
    }
    let cases: u64 = total.differences.iter().map(|difference| difference.cases).sum();
    println!(
        "{}: {} bodies, {} cases, {} of narrow forms; {} bodies differ in {cases} cases; {} bodies and {} operands were refused",
        options.compiler,
        total.bodies,
        total.cases,
        total.narrow,
        total.differences.len(),
        total.refused.len(),
        total.out_of_range,
    );
    if total.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(report: &Report) {
    for (seed, message) in &report.refused {
        println!("seed {seed} refused: {message}");
    }
    for difference in &report.differences {
        let (seed, body, what) = (difference.seed, &difference.body, &difference.what);
        println!("seed {seed} differs in {} cases: {body}\n  {what}", difference.cases);
    }
}
