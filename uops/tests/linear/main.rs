//! The cost of compilation grows linearly with the module, whatever it contains.
//!
//! These tests count bytes of memory and of machine code, which are the same in every run. A benchmark measures the
//! time on the same shapes. In unoptimized builds, which would take minutes, most modules are smaller.

mod allocations;
mod shapes;

use shapes::Shape;
use uops::{Module, Program};

/// The cost of compiling a module, in bytes.
#[derive(Debug)]
struct Cost {
    wasm: usize,
    peak: usize,
    total: usize,
    code: usize,
}

impl Cost {
    fn parts(&self) -> [usize; 3] {
        [self.peak, self.total, self.code]
    }
}

fn cost(wasm: &[u8]) -> Cost {
    let (program, bytes) = allocations::of(|| Program::compile(Module::new(wasm).unwrap()).unwrap());
    let code = (0..).map_while(|function| program.code_size(function)).sum();
    Cost { wasm: wasm.len(), peak: bytes.peak, total: bytes.total, code }
}

/// Sizes of modules in bytes. No function may be much larger than the largest size.
const SMALL: usize = 75_000;
const LARGE: usize = if cfg!(debug_assertions) { 750_000 } else { LARGEST };
const LARGEST: usize = 7_500_000;
/// The factor by which a cost may exceed proportional growth: a vector that doubles its capacity may be half empty.
const SLACK: f64 = 2.0;

fn check(shapes: Vec<Shape>, size: usize) {
    for (name, module) in shapes {
        let (small, large) = (cost(&module(SMALL)), cost(&module(size)));
        let most = large.wasm as f64 / small.wasm as f64 * SLACK;
        for (small_part, large_part) in small.parts().into_iter().zip(large.parts()) {
            assert!(large_part as f64 <= small_part as f64 * most, "{name}: {small:?}, but {large:?}");
        }
    }
}

#[test]
fn straight_code() {
    check(shapes::straight(), LARGE);
}

#[test]
fn calls() {
    check(shapes::calls(), LARGE);
}

#[test]
fn blocks() {
    check(shapes::blocks(), LARGE);
}

#[test]
fn branches() {
    check(shapes::branches(), LARGE);
}

#[test]
fn modules() {
    check(shapes::modules(), LARGE);
}

#[test]
fn the_largest_function() {
    check(vec![shapes::common()], LARGEST);
}

#[test]
fn ten_megabytes_in_functions() {
    check(vec![shapes::small_functions()], 10_000_000);
}
