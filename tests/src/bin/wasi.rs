//! Makes hostile calls of WASI functions for as long as one likes: see `tests::wasi`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tests::wasi::{Hostile, Report};

/// Makes hostile calls of WASI functions, in sequences of 250.
#[derive(Parser)]
struct Cli {
    /// How long.
    #[arg(long)]
    minutes: f64,
    /// The seed of the first sequence. That of the next one is one more. Otherwise the time is the seed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many calls, if fewer than there is time for.
    #[arg(long, default_value_t = usize::MAX)]
    calls: usize,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs() << 24);
    let first = cli.seed.unwrap_or_else(now);
    let scratch = std::env::temp_dir().join(format!("uops-wasi-{}", std::process::id()));
    let hostile = match Hostile::new(scratch.clone()) {
        Ok(hostile) => hostile,
        Err(error) => {
            eprintln!("error: {}: {error}", scratch.display());
            return ExitCode::FAILURE;
        }
    };
    let (start, limit) = (Instant::now(), Duration::from_secs_f64(cli.minutes * 60.0));
    let (mut seed, mut report, mut failures) = (first, Report::default(), 0);
    while start.elapsed() < limit && report.calls < cli.calls {
        match hostile.sequence(seed, 250) {
            Ok(more) => report += more,
            Err(message) => {
                println!("{message}");
                failures += 1;
            }
        }
        seed = seed.wrapping_add(1);
    }
    let succeeded: usize = report.succeeded.values().sum();
    println!(
        "from seed {first}: {} calls, of which {succeeded} succeeded; {} sequences interrupted; {failures} failures",
        report.calls, report.interrupted
    );
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
