//! Runs the example programs natively, on uops and on `wasmi`, in turns, and prints a table of medians.
//!
//! Every result is compared with the known one. Native times are those of a whole process, if there is a C compiler;
//! the others are those of the call alone. How fast modules are compiled is measured on the examples with all their
//! functions repeated, so that what is done once per module does not count.

mod engines;
mod native;
mod repeat;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

/// What anything here fails with.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs of each.
const RUNS: usize = 5;
/// How often a module's functions are there when its compilation is measured.
const REPEAT: usize = 200;

struct Example {
    name: String,
    n: i32,
    expected: String,
    wasm: Vec<u8>,
}

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../uops/examples");
    let examples = examples(&folder)?;
    let native = native::Programs::new(&folder)?;
    run(&examples, &native)?;
    compile(&examples)
}

/// The programs, each with the last line that `expected.txt` has for it: that of the default `n`.
fn examples(folder: &Path) -> Result<Vec<Example>> {
    let mut examples: Vec<Example> = Vec::new();
    for line in std::fs::read_to_string(folder.join("expected.txt"))?.lines() {
        let [name, n, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not a line of expected.txt: {line}").into());
        };
        examples.retain(|example| example.name != name);
        let wasm = std::fs::read(folder.join(format!("{name}.wasm")))?;
        examples.push(Example { name: name.to_owned(), n: n.parse()?, expected: expected.to_owned(), wasm });
    }
    Ok(examples)
}

fn run(examples: &[Example], native: &native::Programs) -> Result<()> {
    println!("| program | native ms | uops ms | wasmi ms | wasmi / uops | uops / native |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let (mut faster, mut slower) = (Vec::new(), Vec::new());
    for example in examples {
        let (mut uops, mut wasmi) = (engines::Uops::new(&example.wasm)?, engines::Wasmi::new(&example.wasm)?);
        let mut program = native.compile(&example.name)?;
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..RUNS {
            times[0].push(time(example, || uops.run(example.n))?);
            times[1].push(time(example, || wasmi.run(example.n))?);
            if let Some(program) = &mut program {
                times[2].push(time(example, || program.run(example.n))?);
            }
        }
        let [uops, wasmi, native] = times.map(median);
        faster.push(wasmi / uops);
        slower.extend((native > 0.0).then_some(uops / native));
        let native_columns = match native > 0.0 {
            true => (format!("{native:.1}"), format!("{:.2}", uops / native)),
            false => Default::default(),
        };
        let (ms, ratio) = native_columns;
        println!("| {} | {ms} | {uops:.1} | {wasmi:.1} | {:.2} | {ratio} |", example.name, wasmi / uops);
    }
    let native = if slower.is_empty() { String::new() } else { format!("{:.2}", geometric_mean(&slower)) };
    println!("| geometric mean | | | | {:.2} | {native} |", geometric_mean(&faster));
    Ok(())
}

fn compile(examples: &[Example]) -> Result<()> {
    println!("\n| module, {REPEAT} times | kB | uops MB/s | wasmi MB/s | uops / wasmi |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let mut ratios = Vec::new();
    for example in examples {
        let wasm = repeat::functions(&example.wasm, REPEAT)?;
        let mut times = [const { Vec::new() }; 2];
        for _ in 0..RUNS {
            let start = Instant::now();
            engines::Uops::compile(&wasm)?;
            times[0].push(start.elapsed());
            let start = Instant::now();
            engines::Wasmi::compile(&wasm)?;
            times[1].push(start.elapsed());
        }
        // Bytes per microsecond.
        let [uops, wasmi] = times.map(|times| wasm.len() as f64 / (median(times) * 1000.0));
        ratios.push(uops / wasmi);
        let size = wasm.len() / 1000;
        println!("| {} | {size} | {uops:.1} | {wasmi:.1} | {:.2} |", example.name, uops / wasmi);
    }
    println!("| geometric mean | | | | {:.2} |", geometric_mean(&ratios));
    Ok(())
}

/// The time that a run takes. Its result has to be the right one.
fn time(example: &Example, run: impl FnOnce() -> Result<String>) -> Result<Duration> {
    let start = Instant::now();
    let result = run()?;
    let time = start.elapsed();
    if result != example.expected {
        return Err(format!("{}: {result} instead of {}", example.name, example.expected).into());
    }
    Ok(time)
}

/// In milliseconds; 0 of nothing.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}
