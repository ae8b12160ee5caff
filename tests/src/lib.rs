//! Tests of the whole path from C bodies to running machine code. The README's examples run as doctests.
//!
//! The library holds what tests share: random, mutated and damaged modules, and the comparison of engines.

#![cfg_attr(doctest, doc = include_str!("../../README.md"))]

pub mod bodies;
pub mod differential;
pub mod engine;
pub mod fuzz;
pub mod hostile;
pub mod mutate;
pub mod rng;
pub mod smith;
pub mod variants;
pub mod wasi;

/// The README opens with the example of the crate's documentation.
#[test]
fn one_first_screen() {
    let example = include_str!("../../stencil-runtime/src/first_screen.md");
    assert!(include_str!("../../README.md").contains(example));
}
