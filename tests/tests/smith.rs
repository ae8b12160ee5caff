//! Random modules on uops, in each tier, and on another engine: results, traps, memories, tables and globals must agree. To compare
//! more of them, run `cargo run --release -p tests --bin fuzz -- --minutes 10`.

use tests::differential::{Compared, Disagreement};
use tests::fuzz::{Peer, Source};
use tests::smith;

/// Compares a number of modules, from a seed on. There are several tests, so that they run in parallel.
fn agree(source: Source, first: u64, modules: u64) {
    let mut calls = Compared::default();
    for seed in first..first + modules {
        let module = source.module(seed);
        match Peer::WASMI.check(&module, seed) {
            Ok(compared) => calls += compared.expect("wasmi has all features of uops"),
            Err(disagreement) => panic!("{source:?}, seed {seed}: {disagreement}"),
        }
        for peer in [Peer::INTERPRETER, Peer::AUTO] {
            if let Err(disagreement) = peer.check(&module, seed) {
                panic!("{source:?}, seed {seed}, {}: {disagreement}", peer.name);
            }
        }
    }
    println!("{calls:?}");
    // Most modules have functions, and enough calls return.
    assert!(calls.returned > modules as usize && calls.trapped > modules as usize, "{calls:?}");
}

#[test]
fn modules_from_0() {
    agree(Source::Smith, 0, extent::choose(60, 1000));
}

#[test]
fn modules_from_1000() {
    agree(Source::Smith, 1000, extent::choose(60, 1000));
}

#[test]
fn modules_from_2000() {
    agree(Source::Smith, 2000, extent::choose(60, 1000));
}

#[test]
fn mutated_modules() {
    agree(Source::Mutate, 0, extent::choose(30, 300));
}

#[test]
fn a_seed_determines_the_module() {
    let module = smith::module(7);
    assert_eq!(module, smith::module(7));
    assert_ne!(module, smith::module(8));
}

#[test]
fn a_module_on_which_engines_differ_is_made_smaller() {
    // Pretends that the engines differ on every module with a function.
    let peer = Peer {
        name: "none",
        compare: |modules, _| {
            let module = uops::Module::new(modules.last().expect("there are two").1).expect("mutations are valid");
            let functions = module.exports().filter(|(_, ty)| matches!(ty, uops::ExternType::Func(_))).count();
            let what = "a function".to_owned();
            if functions > 0 { Err(Disagreement { calls: Vec::new(), what }) } else { Ok(None) }
        },
    };
    let wasm = Source::Mutate.module(2);
    let found = peer.check(&wasm, 2).expect_err("it has functions");
    let (smallest, _) = peer.smallest(wasm.clone(), 2, found);
    assert!(peer.check(&smallest, 2).is_err());
    assert!(smallest.len() < wasm.len() / 2, "{} bytes of {}", smallest.len(), wasm.len());
}

#[test]
fn a_panic_is_a_difference() {
    let peer = Peer { name: "none", compare: |_, _| panic!("on purpose") };
    assert_eq!(peer.check(b"", 0).unwrap_err().what, "a panic: on purpose");
}
