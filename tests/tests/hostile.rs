//! Truncated and randomly damaged modules never cause a panic or a crash.

use tests::hostile::Report;

/// The programs of uops/examples and of benches/kernels.
const PROGRAMS: [&[u8]; 11] = [
    include_bytes!("../../uops/examples/bytecode.wasm"),
    include_bytes!("../../uops/examples/matmul.wasm"),
    include_bytes!("../../uops/examples/nbody.wasm"),
    include_bytes!("../../uops/examples/quicksort.wasm"),
    include_bytes!("../../uops/examples/sha256.wasm"),
    include_bytes!("../../uops/examples/sieve.wasm"),
    include_bytes!("../../benches/kernels/coremark.wasm"),
    include_bytes!("../../benches/kernels/covariance.wasm"),
    include_bytes!("../../benches/kernels/floyd.wasm"),
    include_bytes!("../../benches/kernels/jacobi.wasm"),
    include_bytes!("../../benches/kernels/lu.wasm"),
];

#[test]
fn every_truncation() {
    let mut report = Report::default();
    for wasm in PROGRAMS {
        report.add_truncations(wasm, 1);
    }
    println!("{report:?}");
    assert_eq!(report.refused + report.failed + report.ran, PROGRAMS.iter().map(|wasm| wasm.len() + 1).sum());
    assert!(report.ran >= PROGRAMS.len());
}

fn mutations(seed: u64) {
    // Variants of each program. All of both tests are more than 10,000.
    let mutations = extent::choose(100, 460);
    let mut report = Report::default();
    for (index, wasm) in PROGRAMS.iter().enumerate() {
        let other = PROGRAMS[(index + 1) % PROGRAMS.len()];
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
