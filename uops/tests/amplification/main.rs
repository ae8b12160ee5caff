//! Small modules that describe large ones. None uses more memory than a constant times its size, and none aborts the
//! process when the system refuses memory.

#[path = "../linear/allocations.rs"]
mod allocations;
mod shapes;

use std::ops::ControlFlow;
use std::process::Command;
use std::time::Instant;

use uops::{Error, Program, ProgramOptions, Tier};

const TIERS: [Tier; 3] = [Tier::Jit, Tier::Interpreter, Tier::Auto];

/// Compiles a module for a tier. A build without an interpreter, such as one by gcc, has one tier.
fn compile(wasm: &[u8], tier: Tier) -> Result<Program, Error> {
    let new = |tier| Program::with_options(wasm, ProgramOptions::from(tier), |_| ControlFlow::Continue(()));
    let program = match new(tier) {
        Err(Error::NoInterpreter) => new(Tier::Jit),
        result => result,
    }?;
    // Without machine code, a program of the tier `auto` runs all the same.
    let _ = program.wait_for_code();
    Ok(program)
}

/// The heap memory that every module may use, in bytes.
const FIXED: usize = 2 << 20;
/// The heap memory that a module may use for each of its bytes.
const PER_BYTE: usize = 384;

#[test]
fn the_heap_is_bounded_by_the_size_of_the_module() {
    for size in [2_000, extent::choose(30_000, 100_000)] {
        let shapes = shapes::all();
        for (tier, (name, module)) in TIERS.iter().flat_map(|tier| shapes.iter().map(move |shape| (*tier, shape))) {
            let wasm = module(size);
            let start = Instant::now();
            let (result, bytes) = allocations::of(|| compile(&wasm, tier));
            let time = start.elapsed().as_nanos() as f64 / wasm.len() as f64;
            let (peak, result) = (bytes.peak, result.map(|_| ()));
            println!(
                "{:8.1} B/B {time:8.0} ns/B {name} ({} B, {tier:?}): {result:?}",
                peak as f64 / wasm.len() as f64,
                wasm.len()
            );
            let invalid = name.contains("invalid") || name.contains("imported functions of 1000");
            assert!(
                matches!(result, Ok(()) | Err(Error::Limit { .. }))
                    || invalid && matches!(result, Err(Error::Invalid { .. })),
                "{name}: {result:?}"
            );
            assert!(peak <= FIXED + PER_BYTE * wasm.len(), "{name}, {tier:?}: {peak} bytes for {}", wasm.len());
        }
    }
}

/// The environment variable that marks a child process of this test. It holds the index of a shape, and the address
/// space in bytes that the child may use in addition to its initial one.
const CHILD: &str = "UOPS_AMPLIFICATION";

#[test]
fn lack_of_memory_is_an_error_and_never_aborts() {
    if let Ok(variable) = std::env::var(CHILD) {
        let (shape, extra) = variable.split_once(' ').unwrap();
        return child(shape.parse().unwrap(), extra.parse().unwrap());
    }
    // In an unoptimized build, all shapes would take minutes.
    let step = if cfg!(debug_assertions) { extent::choose(40, 9) } else { 1 };
    for (index, (name, _)) in shapes::all().into_iter().enumerate().step_by(step) {
        let mut refused = 0;
        for extra in [0, 1 << 20, 5 << 20, 9 << 20, 20 << 20, 50 << 20, 110 << 20, 200 << 20] {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "lack_of_memory_is_an_error_and_never_aborts", "--nocapture", "--test-threads=1"])
                .env(CHILD, format!("{index} {extra}"))
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}, {extra} bytes: {output:?}");
            refused += usize::from(text.contains("OutOfMemory"));
        }
        assert!(refused > 0, "{name}");
    }
}

/// Compiles a module with `extra` bytes of address space beyond the current usage.
fn child(shape: usize, extra: u64) {
    let (_, module) = shapes::all().swap_remove(shape);
    let wasm = module(200_000);
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let limit = pages * 4096 + extra;
    let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
    // SAFETY: `limit` is valid for the write.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
    let results = TIERS.map(|tier| compile(&wasm, tier).map(|_| ()));
    // SAFETY: the limit is valid during the call. It only restricts this process.
    unsafe { libc::setrlimit(libc::RLIMIT_AS, &libc::rlimit { rlim_cur: limit.rlim_max, ..limit }) };
    println!("{results:?}");
}
