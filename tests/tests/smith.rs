//! Random modules on uops and on another engine: results, traps, memories, tables and globals must agree. To
//! compare more of them, run `cargo run --release -p tests --bin fuzz -- --minutes 10`.

use tests::differential::Compared;
use tests::smith;

/// Modules per test. There are several tests, so that they run in parallel.
const MODULES: u64 = 1000;

fn agree(first: u64) {
    let mut calls = Compared::default();
    for seed in first..first + MODULES {
        match smith::check(seed) {
            Ok(compared) => calls += compared,
            Err(disagreement) => panic!("seed {seed}: {disagreement}"),
        }
    }
    println!("{calls:?}");
    // Most modules have functions, and enough calls return.
    assert!(calls.returned > MODULES as usize && calls.trapped > MODULES as usize, "{calls:?}");
}

#[test]
fn modules_from_0() {
    agree(0);
}

#[test]
fn modules_from_1000() {
    agree(1000);
}

#[test]
fn modules_from_2000() {
    agree(2000);
}

#[test]
fn the_same_seed_makes_the_same_module_and_less_entropy_a_smaller_one() {
    let module = smith::module(7, usize::MAX);
    assert_eq!(module, smith::module(7, usize::MAX));
    assert_ne!(module, smith::module(8, usize::MAX));
    assert!(smith::module(7, 100).len() < module.len());
}
