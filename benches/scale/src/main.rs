//! Builds crates with blocks of many uops and prints a table of where the time goes.
//!
//! Each crate is built in a process of its own, without the cache, and several times; medians count. The C compiler's time
//! is measured around it: this program takes its place (`STENCIL_CC`) and starts it. rustc reports its own times by
//! `-Ztime-passes`.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The number of builds of each crate, unless `SCALE_RUNS` sets another.
const RUNS: usize = 5;
/// The size of the header in bytes.
const HEADER: usize = 900_000;
/// The C compiler to measure and the file for its times, set where this program stands in for the compiler.
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

/// Seconds of one build.
struct Times {
    compiler: f64,
    expansion: f64,
    rustc: f64,
    /// All of rustc, when nothing that the C compiler sees has changed.
    unchanged: f64,
    /// The processor time of the same build: Cargo and rustc.
    cpu: f64,
}

fn measure() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("stencil-scale-{}", std::process::id()));
    let measured = measure_in(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure_in(folder: &Path) -> Result<()> {
    println!(
        "| stencils | profile | C compiler s | expansion s | / C compiler | rest of rustc s | all s | all, C unchanged s | CPU, C unchanged s |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for count in [30, 100, 300] {
        table(folder, &format!("{count} uops"), &scale::block(&scale::uops(count)))?;
    }
    for count in [48, 192] {
        let name = format!("{} in {count} families", count * scale::MEMBERS);
        table(folder, &name, &scale::families(count))?;
    }
    Ok(())
}

/// Prints the lines of a block, unless the argument on the command line is not a part of its name.
fn table(folder: &Path, name: &str, block: &str) -> Result<()> {
    if std::env::args().nth(1).is_some_and(|part| !name.contains(&part)) {
        return Ok(());
    }
    write(folder, block)?;
    for (profile, flags) in [("debug", &["--profile", "dev"]), ("release", &["--profile", "release"])] {
        // Builds the dependencies, and fills the file system's cache.
        build(folder, flags, "off")?;
        let mut runs = Vec::new();
        for _ in 0..runs_of_each() {
            let (compiler, expansion, rustc) = build(folder, flags, "off")?;
            build(folder, flags, "cache")?;
            let before = cpu_of_children();
            let (started, _, unchanged) = build(folder, flags, "cache")?;
            let cpu = cpu_of_children() - before;
            if started != 0.0 {
                return Err("the C compiler ran although nothing had changed".into());
            }
            runs.push(Times { compiler, expansion, rustc, unchanged, cpu });
        }
        let median = |of: fn(&Times) -> f64| {
            let mut all: Vec<_> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "| {name} | {profile} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            median(|times| times.compiler),
            median(|times| times.expansion),
            median(|times| times.expansion / times.compiler),
            median(|times| times.rustc - times.expansion),
            median(|times| times.rustc),
            median(|times| times.unchanged),
            median(|times| times.cpu),
        );
    }
    Ok(())
}

/// Returns how often to build each crate: `SCALE_RUNS`, or 5 times.
fn runs_of_each() -> usize {
    std::env::var("SCALE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

/// Returns the seconds of processor time of all processes that this one has started and that have ended.
fn cpu_of_children() -> f64 {
    // Fields 16 and 17 of `/proc/self/stat`, in hundredths of a second (proc(5)). The second field may contain spaces.
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Writes the crate with this block.
fn write(folder: &Path, block: &str) -> Result<()> {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stencil-runtime").canonicalize()?;
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[workspace]\n[package]\nname = \"block\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nstencil-runtime = {{ path = {runtime:?} }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/header.h"), scale::header(HEADER))?;
    fs::write(folder.join("src/lib.rs"), block)?;
    Ok(())
}

/// Builds the crate. Returns the seconds of the C compiler, the expansion, and all of rustc. `cache` is a folder in the crate's,
/// or `off`.
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
        Ok(seconds.ok_or_else(|| format!("rustc does not say how long {name} took:\n{messages}"))?.parse()?)
    };
    let mut compiler = 0.0;
    for line in fs::read_to_string(&log)?.lines() {
        compiler += line.parse::<f64>()?;
    }
    Ok((compiler, pass("macro_expand_crate")?, pass("total")?))
}
