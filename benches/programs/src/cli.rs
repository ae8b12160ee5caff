//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use crate::Result;
use crate::engines::{ENGINES, Engine};
use crate::time::Clock;

/// Runs WebAssembly programs on several engines and compares their times and their output.
#[derive(Debug, Parser)]
pub struct Options {
    /// Files, and folders that are searched recursively for `.wasm` files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Use this engine; repeat the option for more. The default is all engines.
    #[arg(long = "engine", value_name = "NAME", value_parser = names())]
    engines: Vec<String>,
    /// Divide all times by those of this engine. The default is the first engine.
    #[arg(long, value_name = "NAME", value_parser = names())]
    reference: Option<String>,
    /// Call this export instead of `_start`.
    #[arg(long, value_name = "EXPORT")]
    pub invoke: Option<String>,
    /// Run each program this many times on each engine.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// End a run after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Measure processor time of the whole process, or elapsed time.
    #[arg(long, value_enum, default_value_t = Clock::Processor)]
    pub clock: Clock,
    /// Also write one line per program and engine to this file.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Run a single program on this engine and report to the process that started this one.
    #[arg(long, hide = true)]
    pub worker: Option<String>,
    /// Arguments for programs that have no file of arguments, or for the export.
    #[arg(last = true)]
    pub args: Vec<String>,
}

fn names() -> clap::builder::PossibleValuesParser {
    ENGINES.map(|engine| engine.name).into()
}

impl Options {
    /// Returns the chosen engines, the reference first.
    pub fn engines(&self) -> Result<Vec<&'static Engine>> {
        let chosen = |name: &str| self.engines.is_empty() || self.engines.iter().any(|engine| engine == name);
        let mut engines: Vec<_> = ENGINES.iter().filter(|engine| chosen(engine.name)).collect();
        if let Some(reference) = &self.reference {
            let index = engines.iter().position(|engine| engine.name == reference);
            let index = index.ok_or_else(|| format!("the reference {reference} is not among the chosen engines"))?;
            engines[..=index].rotate_right(1);
        }
        Ok(engines)
    }

    /// Returns the paths of all programs, sorted, each with a name for tables: the path below the folder.
    pub fn programs(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut programs = Vec::new();
        for path in &self.paths {
            if path.is_dir() {
                let mut found = Vec::new();
                find(path, &mut found)?;
                found.sort();
                programs.extend(found.into_iter().map(|file| (name(file.strip_prefix(path).unwrap_or(&file)), file)));
            } else {
                programs.push((name(path.file_name().map_or(path, Path::new)), path.clone()));
            }
        }
        if programs.is_empty() { Err("no `.wasm` file found".into()) } else { Ok(programs) }
    }

    /// Returns the only path of a worker.
    pub fn path(&self) -> Result<&Path> {
        self.paths.first().map(PathBuf::as_path).ok_or_else(|| "a worker needs a program".into())
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// The name of a program in a folder of its own is that of the folder.
fn name(path: &Path) -> String {
    let stem = path.with_extension("");
    let folder = stem.parent().filter(|folder| folder.file_name() == stem.file_name());
    folder.unwrap_or(&stem).to_string_lossy().into_owned()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let explain = |error| format!("cannot read {}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(explain)? {
        let entry = entry.map_err(explain)?;
        // Symbolic links are not followed: they may lead back to the folder.
        if entry.file_type().map_err(explain)?.is_dir() {
            find(&entry.path(), found)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "wasm") {
            found.push(entry.path());
        }
    }
    Ok(())
}
