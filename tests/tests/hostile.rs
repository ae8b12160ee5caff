//! Truncated and randomly damaged modules never cause a panic or a crash.

use tests::hostile::Report;
use tests::programs::{EXAMPLES, KERNELS};

/// All compiled programs.
fn programs() -> Vec<&'static [u8]> {
    [&EXAMPLES[..], &KERNELS].concat()
}

#[test]
fn every_truncation() {
    let (mut report, programs) = (Report::default(), programs());
    for wasm in &programs {
        report.add_truncations(wasm, 1);
    }
    println!("{report:?}");
    assert_eq!(report.refused + report.failed + report.ran, programs.iter().map(|wasm| wasm.len() + 1).sum());
    assert!(report.ran >= programs.len());
}

fn mutations(seed: u64) {
    // Variants of each program. All of both tests are more than 10,000.
    let mutations = extent::choose(100, 460);
    let (mut report, programs) = (Report::default(), programs());
    for (index, wasm) in programs.iter().enumerate() {
        let other = programs[(index + 1) % programs.len()];
        report.add_mutations(wasm, other, mutations, seed + index as u64);
    }
    println!("{report:?}");
    // If all were refused, nothing beyond validation would have been tested.
    assert!(report.ran > mutations / 4 && report.refused > mutations / 4, "{report:?}");
}

#[test]
fn mutations_from_0() {
    mutations(0);
}

#[test]
fn mutations_from_100() {
    mutations(100);
}
