//! The programs, compiled for the host by a C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// A folder for native programs. Dropping it removes it.
pub struct Programs {
    sources: PathBuf,
    header: PathBuf,
    folder: PathBuf,
}

/// A native program.
pub struct Native(PathBuf);

impl Programs {
    /// Compiles C files of one folder that include a header of another.
    pub fn new(sources: &Path, header: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("stencil-benches-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { sources: sources.to_owned(), header: header.to_owned(), folder })
    }

    /// Compiles a program with `CC`, gcc or clang, whichever is found first.
    pub fn compile(&self, name: &str) -> Result<Option<Native>> {
        let program = self.folder.join(name);
        let chosen = std::env::var("CC").ok();
        for compiler in chosen.as_deref().into_iter().chain(["gcc", "cc", "clang"]) {
            let mut command = Command::new(compiler);
            command.args(["-std=c99", "-O2", "-ffp-contract=off", "-I"]).arg(&self.header);
            command.arg("-o").arg(&program);
            match command.arg(self.sources.join(format!("{name}.c"))).arg("-lm").status() {
                Ok(status) if status.success() => return Ok(Some(Native(program))),
                Ok(status) => return Err(format!("{compiler} fails: {status}").into()),
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // A leftover temporary folder is a nuisance, not a failure.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Native {
    /// Runs the program and returns its output.
    pub fn run(&mut self, n: i32) -> Result<String> {
        let output = Command::new(&self.0).arg(n.to_string()).output()?;
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }
}
