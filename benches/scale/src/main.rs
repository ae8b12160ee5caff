//! Builds crates with blocks of many uops and prints a table of where the time goes.
//!
//! Each crate is built several times, in a process of its own and without the cache. The table shows medians. To measure the
//! C compiler, this program takes its place (`STENCIL_CC`), starts it and takes the time. rustc reports its own times with
//! `-Ztime-passes`.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The number of builds of each crate.
const RUNS: usize = 5;
/// The size of the header in bytes.
const HEADER: usize = 900_000;
/// The environment variables that make this program stand in for the C compiler: the compiler to measure, and the file for its
/// times.
const COMPILER: &str = "SCALE_COMPILER";
const LOG: &str = "SCALE_LOG";

fn main() -> ExitCode {
    let done = match (std::env::var(COMPILER), std::env::var(LOG)) {
        (Ok(compiler), Ok(log)) => return stand_in(&compiler, &log),
        _ => measure(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the compiler with this program's arguments, and records how long it took.
fn stand_in(compiler: &str, log: &str) -> ExitCode {
    let start = Instant::now();
    let status = Command::new(compiler).args(std::env::args_os().skip(1)).status();
    let time = start.elapsed().as_secs_f64();
    let noted = fs::File::options().create(true).append(true).open(log).and_then(|mut log| writeln!(log, "{time}"));
    match (status, noted) {
        (Ok(status), Ok(())) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)),
        (Err(error), _) => {
            eprintln!("{compiler}: {error}");
            ExitCode::FAILURE
        }
        (_, Err(error)) => {
            eprintln!("{log}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The duration of one build, in seconds.
struct Times {
    compiler: f64,
    expansion: f64,
    rustc: f64,
    /// All of rustc, in a build in which the C has not changed.
    unchanged: f64,
}

fn measure() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("stencil-scale-{}", std::process::id()));
    let measured = measure_in(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure_in(folder: &Path) -> Result<()> {
    println!(
        "| uops | profile | C compiler s | expansion s | / C compiler | rest of rustc s | all s | all, C unchanged s |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for count in [30, 100, 300] {
        write(folder, count)?;
        for (profile, flags) in [("debug", &["--profile", "dev"]), ("release", &["--profile", "release"])] {
            // Builds the dependencies, and fills the file system's cache.
            build(folder, flags, "off")?;
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                let (compiler, expansion, rustc) = build(folder, flags, "off")?;
                build(folder, flags, "cache")?;
                let (started, _, unchanged) = build(folder, flags, "cache")?;
                if started != 0.0 {
                    return Err("the C compiler ran although nothing had changed".into());
                }
                runs.push(Times { compiler, expansion, rustc, unchanged });
            }
            let median = |of: fn(&Times) -> f64| {
                let mut all: Vec<_> = runs.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            println!(
                "| {count} | {profile} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                median(|times| times.compiler),
                median(|times| times.expansion),
                median(|times| times.expansion / times.compiler),
                median(|times| times.rustc - times.expansion),
                median(|times| times.rustc),
                median(|times| times.unchanged),
            );
        }
    }
    Ok(())
}

/// Writes a crate with this many uops.
fn write(folder: &Path, uops: usize) -> Result<()> {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stencil-runtime").canonicalize()?;
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[workspace]\n[package]\nname = \"block\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nstencil-runtime = {{ path = {runtime:?} }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/header.h"), scale::header(HEADER))?;
    fs::write(folder.join("src/lib.rs"), scale::block(&scale::uops(uops)))?;
    Ok(())
}

/// Builds the crate. Returns the seconds that the C compiler, the expansion and all of rustc took. `cache` is `off`, or a
/// folder in the crate's folder.
fn build(folder: &Path, flags: &[&str], cache: &str) -> Result<(f64, f64, f64)> {
    let compiler = std::env::var("STENCIL_CC").unwrap_or_else(|_| "clang-19".into());
    let log = folder.join("log");
    fs::write(&log, "")?;
    // Cargo compares modification times.
    let source = fs::File::options().append(true).open(folder.join("src/lib.rs"))?;
    source.set_modified(std::time::SystemTime::now())?;
    let cache = if cache == "off" { cache.into() } else { folder.join(cache) };
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--lib", "--target-dir", "target"])
        .args(flags)
        .args(["--", "-Ztime-passes"])
        .current_dir(folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("STENCIL_CACHE", cache)
        .env("STENCIL_CC", std::env::current_exe()?)
        .env(COMPILER, compiler)
        .env(LOG, &log)
        .output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("cargo failed:\n{messages}").into());
    }
    let pass = |name: &str| -> Result<f64> {
        let line = messages.lines().find(|line| line.starts_with("time:") && line.ends_with(&format!("\t{name}")));
        let seconds = line.and_then(|line| line.split_whitespace().nth(1)).map(|field| field.trim_end_matches(';'));
        Ok(seconds.ok_or_else(|| format!("rustc does not report the time of {name}:\n{messages}"))?.parse()?)
    };
    let mut compiler = 0.0;
    for line in fs::read_to_string(&log)?.lines() {
        compiler += line.parse::<f64>()?;
    }
    Ok((compiler, pass("macro_expand_crate")?, pass("total")?))
}
