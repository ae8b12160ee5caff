//! Compares uops with wasmi on random modules for a given time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tests::differential::{Compared, Disagreement};
use tests::smith;

/// Compares uops with wasmi on random modules.
#[derive(Parser)]
struct Cli {
    /// How long to run, in minutes.
    #[arg(long)]
    minutes: f64,
    /// The first module's seed; each further module has the next number. By default the time of day.
    #[arg(long)]
    seed: Option<u64>,
    /// The greatest number of modules.
    #[arg(long, default_value_t = u64::MAX)]
    modules: u64,
    /// The folder that receives modules on which the engines differ.
    #[arg(long, default_value = "target/disagreements")]
    into: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs() << 24);
    let first = cli.seed.unwrap_or_else(now);
    let (start, limit) = (Instant::now(), Duration::from_secs_f64(cli.minutes * 60.0));
    let (mut modules, mut calls, mut disagreements) = (0, Compared::default(), 0);
    while start.elapsed() < limit && modules < cli.modules {
        let seed = first.wrapping_add(modules);
        modules += 1;
        match smith::check(seed) {
            Ok(compared) => calls += compared,
            Err(_) => {
                disagreements += 1;
                report(seed, &cli.into);
            }
        }
    }
    let Compared { returned, trapped } = calls;
    println!(
        "from seed {first}: {modules} modules; {returned} calls returned, {trapped} trapped; {disagreements} disagreements"
    );
    if disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the module as a script for `tests/kept`.
fn report(seed: u64, into: &Path) {
    let Some((wasm, disagreement)) = smith::smallest(seed) else { return };
    println!("seed {seed}: {disagreement}");
    let path = into.join(format!("{seed}.wast"));
    let text = script(seed, &wasm, &disagreement);
    match std::fs::create_dir_all(into).and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => println!(
            "  written to {}: find out who is right, replace each `invoke` by what has to come of it, and keep the \
             file in tests/kept",
            path.display()
        ),
        Err(error) => println!("  not written to {}: {error}", path.display()),
    }
}

/// Prints the module, its imports, and the calls.
fn script(seed: u64, wasm: &[u8], disagreement: &Disagreement) -> String {
    let module = wasmprinter::print_bytes(wasm).unwrap_or_else(|error| format!(";; {error}\n"));
    let environment = String::from_utf8_lossy(smith::ENVIRONMENT);
    let name = smith::ENVIRONMENT_NAME;
    let mut text = format!(";; Seed {seed}: {disagreement}\n\n{environment}\n(register \"{name}\")\n\n{module}\n");
    for args in &disagreement.calls {
        let args: String = args.iter().map(|arg| format!(" ({}.const {arg})", arg.ty())).collect();
        text += &format!("(invoke {:?}{args})\n", disagreement.function.as_deref().unwrap_or_default());
    }
    text
}
