//! The cost of compilation grows linearly with the module, whatever it contains.
//!
//! These tests count bytes of memory and of machine code, which are the same in every run. A benchmark measures the
//! time on the same shapes. Modules are smaller in short runs, and most are in unoptimized builds, which would take minutes.

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

/// The size of the small modules in bytes.
const SMALL: usize = 75_000;

/// Returns the size of most large modules.
fn large() -> usize {
    if cfg!(debug_assertions) { extent::choose(300_000, 750_000) } else { largest() }
}

/// Returns the size of the largest function. No function may be much larger than 7.5 MB.
fn largest() -> usize {
    extent::choose(750_000, 7_500_000)
}

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
    check(shapes::straight(), large());
}

#[test]
fn calls() {
    check(shapes::calls(), large());
}

#[test]
fn blocks() {
    check(shapes::blocks(), large());
}

#[test]
fn branches() {
    check(shapes::branches(), large());
}

#[test]
fn modules() {
    check(shapes::modules(), large());
}

#[test]
fn the_largest_function() {
    check(vec![shapes::common()], largest());
}

#[test]
fn many_functions() {
    check(vec![shapes::small_functions()], extent::choose(1_000_000, 10_000_000));
}
