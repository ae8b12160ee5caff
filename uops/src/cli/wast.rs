//! `uops wast`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use uops::wast::Report;
use uops::{ProgramOptions, Tier, Version, wast};

use super::Result;

/// Runs scripts, and reports each assertion that fails. A file that cannot be read, or is not a script, does not stop the
/// others.
pub(super) fn run(files: &[PathBuf], v2: bool, tier: Tier) -> Result<()> {
    let version = if v2 { Version::V2 } else { Version::default() };
    let options = ProgramOptions { version, tier };
    let (mut failed, mut unusable) = (0, 0);
    for file in files {
        let name = file.display();
        match script(file, options) {
            Ok(report) => {
                for failure in &report.failed {
                    writeln!(io::stdout(), "{name}:{}: {}", failure.line, failure.message)?;
                }
                let passed: usize = report.passed.values().sum();
                writeln!(io::stdout(), "{name}: {passed} passed, {} failed", report.failed.len())?;
                failed += report.failed.len();
            }
            Err(error) => {
                writeln!(io::stderr(), "error: {name}: {error}")?;
                unusable += 1;
            }
        }
    }
    let count = |number, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    match (failed, unusable) {
        (0, 0) => Ok(()),
        (_, 0) => Err(format!("{} failed", count(failed, "directive")).into()),
        (0, _) => Err(format!("{} could not be run", count(unusable, "file")).into()),
        _ => Err(format!("{} failed, {} could not be run", count(failed, "directive"), count(unusable, "file")).into()),
    }
}

fn script(file: &Path, options: ProgramOptions) -> Result<Report> {
    Ok(wast::run(&std::fs::read_to_string(file)?, options)?)
}
