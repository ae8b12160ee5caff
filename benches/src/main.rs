//! Runs programs natively and on WebAssembly engines, taking turns, and prints tables of medians and ratios.
//!
//! Every result is compared with the expected one. Native times are those of a whole process, if there is a C compiler;
//! the others are those of the call alone. Compile time is measured on the programs with all their functions repeated, so
//! that fixed costs per module do not count, and on the modules named as arguments.

mod engines;
mod linear;
mod native;
mod repeat;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use engines::ENGINES;

/// The error type of this program.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs of each program.
const RUNS: usize = 5;
/// How many copies of a module's functions are compiled.
const REPEAT: usize = 200;

struct Program {
    name: String,
    n: i32,
    expected: String,
    wasm: Vec<u8>,
}

fn main() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = here.join("../uops/examples");
    let mut modules = Vec::new();
    for folder in [header.clone(), here.join("kernels")] {
        let native = native::Programs::new(&folder, &header)?;
        let programs = programs(&folder)?;
        run(&programs, &native)?;
        for program in programs {
            modules.push((format!("{} x {REPEAT}", program.name), repeat::functions(&program.wasm, REPEAT)?));
        }
    }
    for file in std::env::args().skip(1) {
        let wasm = std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
        modules.push((Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned(), wasm));
    }
    compile(&modules)?;
    linear::compile()
}

/// The programs of a folder, each with the last line for it in `expected.txt`, which is that of the default `n`.
fn programs(folder: &Path) -> Result<Vec<Program>> {
    let mut programs: Vec<Program> = Vec::new();
    for line in std::fs::read_to_string(folder.join("expected.txt"))?.lines() {
        let [name, n, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not a line of expected.txt: {line}").into());
        };
        programs.retain(|program| program.name != name);
        let wasm = std::fs::read(folder.join(format!("{name}.wasm")))?;
        programs.push(Program { name: name.to_owned(), n: n.parse()?, expected: expected.to_owned(), wasm });
    }
    Ok(programs)
}

/// Prints the times of all engines, and the ratios of the others to ours.
fn run(programs: &[Program], native: &native::Programs) -> Result<()> {
    let names = ENGINES.map(|engine| engine.name);
    println!(
        "| program | native ms | {} ms | uops / native | {} / uops |",
        names.join(" ms | "),
        names[1..].join(" / uops | ")
    );
    println!("| --- |{}", " ---: |".repeat(2 * ENGINES.len() + 1));
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); ENGINES.len()];
    for program in programs {
        let mut runs = Vec::new();
        for engine in &ENGINES {
            runs.push((engine.instance)(&program.wasm).map_err(|error| format!("{}: {error}", engine.name))?);
        }
        let mut process = native.compile(&program.name)?;
        let mut times = vec![Vec::new(); ENGINES.len() + 1];
        for _ in 0..RUNS {
            if let Some(process) = &mut process {
                times[0].push(time(program, || process.run(program.n))?);
            }
            for (run, times) in runs.iter_mut().zip(&mut times[1..]) {
                times.push(time(program, || run(program.n))?);
            }
        }
        let times: Vec<f64> = times.into_iter().map(median).collect();
        let ours = times[1];
        let row: Vec<f64> = [ours / times[0]].into_iter().chain(times[2..].iter().map(|time| time / ours)).collect();
        println!("| {} | {} | {} |", program.name, columns(&times, 1), columns(&row, 2));
        row.into_iter().zip(&mut ratios).for_each(|(ratio, ratios)| ratios.push(ratio));
    }
    let means: Vec<f64> = ratios.iter().map(|ratios| geometric_mean(ratios)).collect();
    println!("| geometric mean |{} {} |\n", " |".repeat(ENGINES.len() + 1), columns(&means, 2));
    Ok(())
}

/// Prints how fast modules are decoded, validated and compiled; for ours also without validation.
fn compile(modules: &[(String, Vec<u8>)]) -> Result<()> {
    let names = ENGINES.map(|engine| engine.name);
    println!("Compilation, in MB of WebAssembly per second, and in ratios");
    println!();
    println!("| module | kB | uops when valid | {} | uops / {} |", names.join(" | "), names[1..].join(" | uops / "));
    println!("| --- |{}", " ---: |".repeat(2 * ENGINES.len() + 1));
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); ENGINES.len() - 1];
    for (name, wasm) in modules {
        let mut times = vec![Vec::new(); ENGINES.len() + 1];
        for _ in 0..RUNS {
            let module = uops::Module::new(wasm)?;
            let start = Instant::now();
            let _program = uops::Program::compile(module)?;
            times[0].push(start.elapsed());
            for (engine, times) in ENGINES.iter().zip(&mut times[1..]) {
                let start = Instant::now();
                (engine.compile)(wasm).map_err(|error| format!("{}: {error}", engine.name))?;
                times.push(start.elapsed());
            }
        }
        // Bytes per microsecond.
        let speeds: Vec<f64> = times.into_iter().map(|times| wasm.len() as f64 / (median(times) * 1000.0)).collect();
        let row: Vec<f64> = speeds[2..].iter().map(|speed| speeds[1] / speed).collect();
        println!("| {name} | {} | {} | {} |", wasm.len() / 1000, columns(&speeds, 1), columns(&row, 2));
        row.into_iter().zip(&mut ratios).for_each(|(ratio, ratios)| ratios.push(ratio));
    }
    let means: Vec<f64> = ratios.iter().map(|ratios| geometric_mean(ratios)).collect();
    println!("| geometric mean |{} {} |", " |".repeat(ENGINES.len() + 2), columns(&means, 2));
    Ok(())
}

/// Formats numbers as table columns. Missing measurements are left empty.
fn columns(values: &[f64], digits: usize) -> String {
    let column =
        |value: &f64| if *value > 0.0 && value.is_finite() { format!("{value:.digits$}") } else { String::new() };
    values.iter().map(column).collect::<Vec<_>>().join(" | ")
}

/// Measures a run, whose result must be the expected one.
fn time(program: &Program, run: impl FnOnce() -> Result<String>) -> Result<Duration> {
    let start = Instant::now();
    let result = run()?;
    let time = start.elapsed();
    if result != program.expected {
        return Err(format!("{}: {result} instead of {}", program.name, program.expected).into());
    }
    Ok(time)
}

/// Converts to milliseconds; `None` becomes 0.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}
