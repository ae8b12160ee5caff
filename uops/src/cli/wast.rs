//! `uops wast`.

use std::io::{self, Write};
use std::path::PathBuf;

use uops::{Version, wast};

use super::Result;

pub(super) fn run(files: &[PathBuf], v2: bool) -> Result<()> {
    let version = if v2 { Version::V2 } else { Version::default() };
    let mut failed = 0;
    for file in files {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
        let report = wast::run(&text, version).map_err(|error| format!("{name}: {error}"))?;
        for failure in &report.failed {
            writeln!(io::stdout(), "{name}:{}: {}", failure.line, failure.message)?;
        }
        let passed: usize = report.passed.values().sum();
        writeln!(io::stdout(), "{name}: {passed} passed, {} failed", report.failed.len())?;
        failed += report.failed.len();
    }
    match failed {
        0 => Ok(()),
        1 => Err("1 directive failed".into()),
        _ => Err(format!("{failed} directives failed").into()),
    }
}
