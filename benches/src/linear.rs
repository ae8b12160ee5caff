//! Whether the compile time per byte depends on a module's size, for several shapes of modules.

#[path = "../../uops/tests/linear/shapes.rs"]
mod shapes;

use std::time::Instant;

use crate::{RUNS, Result, columns, median};

/// Sizes of modules in bytes. A function can have at most 7,650,000 or so.
const SIZES: [usize; 3] = [75_000, 750_000, 7_500_000];

/// Compiles valid modules of all shapes and sizes.
pub fn compile() -> Result<()> {
    println!("\nCompilation by uops when valid, in ns per byte of WebAssembly\n");
    println!("| module | 75 kB | 750 kB | 7.5 MB |\n| --- | ---: | ---: | ---: |");
    for (name, module) in shapes::all() {
        let mut row = Vec::new();
        for size in SIZES {
            let wasm = module(size);
            let mut times = Vec::new();
            for _ in 0..RUNS {
                let module = uops::Module::new(&wasm)?;
                let start = Instant::now();
                let _program = uops::Program::compile(module)?;
                times.push(start.elapsed());
            }
            row.push(median(times) * 1e6 / wasm.len() as f64);
        }
        println!("| {name} | {} |", columns(&row, 1));
    }
    Ok(())
}
