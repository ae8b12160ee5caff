//! Tests of the whole way from C bodies to running machine code. The examples of the README are run as well.

#![cfg_attr(doctest, doc = include_str!("../../README.md"))]

/// The README opens with the example of the crate's documentation.
#[test]
fn one_first_screen() {
    let example = include_str!("../../stencil-runtime/src/first_screen.md");
    assert!(include_str!("../../README.md").contains(example));
}
