//! What compiling costs grows in proportion with the module, whatever is in it.
//!
//! Counted are bytes of memory and of machine code, which are the same in every run. How long it takes is a matter of the
//! benchmark, on the same shapes. Without optimization all this takes minutes: then most modules are smaller.

mod allocations;
mod shapes;

use shapes::Shape;
use uops::{Module, Program};

/// What it costs to compile a module, in bytes.
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

/// Sizes of modules in bytes. No function may be much larger than the largest.
const SMALL: usize = 75_000;
const LARGE: usize = if cfg!(debug_assertions) { 750_000 } else { LARGEST };
const LARGEST: usize = 7_500_000;
/// How much more than in proportion a cost may grow: vectors that double when they are full may be half empty.
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
