//! Tests of the whole path from C bodies to running machine code. The READMEs' examples run as doctests.
//!
//! The library holds what tests share: random, mutated and damaged modules, and the comparison of engines.

#![cfg_attr(doctest, doc = include_str!("../../README.md"))]
#![cfg_attr(doctest, doc = include_str!("../../stencil-macros/README.md"))]
#![cfg_attr(doctest, doc = include_str!("../../stencil-runtime/README.md"))]
#![cfg_attr(doctest, doc = include_str!("../../uops/README.md"))]

pub mod bodies;
pub mod differential;
pub mod engine;
pub mod fuzz;
pub mod hostile;
pub mod mutate;
pub mod programs;
pub mod rng;
pub mod smith;
pub mod variants;
pub mod wasi;

/// The READMEs open with the example of the crate's documentation.
#[test]
fn one_first_screen() {
    let example = include_str!("../../stencil-runtime/src/first_screen.md");
    for readme in [include_str!("../../README.md"), include_str!("../../stencil-runtime/README.md")] {
        assert!(readme.contains(example));
    }
}
