//! The programs, truncated and damaged like those of `tests/hostile.rs`.

use tests::hostile::Report;

/// Truncations of each program, besides those at the end of a section.
const TRUNCATIONS: usize = 50;
/// Variants of each program.
const MUTATIONS: usize = 10;

#[test]
#[ignore = "tests/real/fetch gets the programs"]
fn truncations_and_mutations() {
    let read = crate::guest::read;
    let other = read("words.wasm");
    let mut all = Report::default();
    for (seed, name) in ["words.wasm", "graphviz.wasm", "quickjs.wasm", "zstd.wasm"].iter().enumerate() {
        let (wasm, mut report) = (read(name), Report::default());
        report.add_truncations(&wasm, wasm.len() / TRUNCATIONS);
        report.add_mutations(&wasm, &other, MUTATIONS, seed as u64);
        println!("{name}: {report:?}");
        all += report;
    }
    assert!(all.ran > 10 && all.refused > 10, "{all:?}");
}
