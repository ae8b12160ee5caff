//! The programs, cut off and damaged, as those of `tests/hostile.rs` are.

use tests::hostile::Report;

/// So many lengths of each program, and all at which a section ends.
const TRUNCATIONS: usize = 50;
/// So many variants of each program.
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
