//! A batch of bodies: one block, one file of C, one program, built and run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::generate::{Body, Part};
use super::{Difference, Options, Report, source};

/// Flags that give C the semantics that it has in stencils. Functions are optimized like stencils.
const FLAGS: &[&str] = &[
    "-std=gnu17",
    "-O2",
    "-w",
    "-fwrapv",
    "-fno-strict-aliasing",
    "-fno-delete-null-pointer-checks",
    "-ffp-contract=off",
    "-fno-math-errno",
];

/// Omits debugging information, which takes a third of the build time.
const MANIFEST: &str = "\
[package]
name = \"compared-bodies\"
edition = \"2024\"
[profile.dev]
debug = 0
[workspace]
[dependencies]
stencil-runtime.path = ";

/// Links the C functions.
const BUILD: &str = "\
fn main() {
    println!(\"cargo::rerun-if-changed=native.o\");
    println!(\"cargo::rustc-link-arg={}/native.o\", std::env::var(\"CARGO_MANIFEST_DIR\").unwrap());
}
";

/// Bodies of one part, with their seeds.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(super) part: Part,
    pub(super) bodies: Vec<(u64, Body)>,
    pub(super) inputs: usize,
}

impl Batch {
    /// Returns the bodies of these seeds.
    #[must_use]
    pub fn new(part: Part, seeds: impl Iterator<Item = u64>, inputs: usize) -> Self {
        Self { part, bodies: seeds.map(|seed| (seed, Body::new(part, seed))).collect(), inputs }
    }

    /// Compares all bodies that `stencil!` does not refuse.
    ///
    /// # Errors
    /// The program cannot be built or run, for a reason other than a body.
    pub fn compare(mut self, options: &Options) -> io::Result<Report> {
        let user = Program::new(options)?;
        let mut report = Report::default();
        loop {
            user.write(&self)?;
            let output = user.build()?;
            if output.status.success() {
                break;
            }
            let messages = String::from_utf8_lossy(&output.stderr).into_owned();
            let refused = refused(&messages);
            if refused.is_empty() || refused.iter().any(|(index, _)| *index >= self.bodies.len()) {
                return Err(io::Error::other(messages));
            }
            for (index, message) in refused.into_iter().rev() {
                report.refused.push((self.bodies.remove(index).0, message));
            }
        }
        report.bodies = self.bodies.len() as u64;
        let mut first = 0;
        while first < self.bodies.len() {
            first = self.read(&user.run(first)?, &mut report)?;
        }
        Ok(report)
    }

    /// Parses the program's output. Returns the index of the next body to run.
    fn read(&self, output: &Output, report: &mut Report) -> io::Result<usize> {
        let mut current = None;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("body", index) => current = index.parse().ok(),
                ("same", form) => {
                    report.cases += 1;
                    report.narrow += u64::from(form == "narrow");
                }
                ("refused", _) => report.out_of_range += 1,
                ("different", what) => {
                    report.cases += 1;
                    self.differs(current, what, report)?;
                }
                ("end", _) => return Ok(self.bodies.len()),
                _ => {}
            }
        }
        report.cases += 1;
        self.differs(current, &format!("the program ended with {}", output.status), report)?;
        current.map(|index: usize| index + 1).ok_or_else(|| io::Error::other(String::from_utf8_lossy(&output.stderr)))
    }

    fn differs(&self, body: Option<usize>, what: &str, report: &mut Report) -> io::Result<()> {
        let (seed, body) = body
            .and_then(|index| self.bodies.get(index))
            .ok_or_else(|| io::Error::other(format!("no body was begun: {what}")))?;
        match report.differences.last_mut() {
            Some(last) if last.seed == *seed => last.cases += 1,
            _ => {
                report.differences.push(Difference { seed: *seed, body: body.shown(), what: what.into(), cases: 1 });
            }
        }
        Ok(())
    }
}

/// Returns the bodies that rustc reports errors about, in order, each with its first message.
fn refused(messages: &str) -> Vec<(usize, String)> {
    let mut refused: Vec<(usize, String)> = Vec::new();
    let mut message = "";
    for line in messages.lines() {
        if line.starts_with("error") {
            message = line;
        }
        let Some(place) = line.trim_start().strip_prefix("--> src/main.rs:") else { continue };
        let line = place.split(':').next().and_then(|line| line.parse().ok());
        if let Some(index) = line.and_then(source::body_at)
            && message.starts_with("error")
            && refused.iter().all(|(other, _)| *other != index)
        {
            refused.push((index, message.to_owned()));
        }
    }
    refused.sort();
    refused
}

/// The crate of the program.
struct Program<'a> {
    options: &'a Options,
    folder: PathBuf,
}

impl<'a> Program<'a> {
    fn new(options: &'a Options) -> io::Result<Self> {
        std::fs::create_dir_all(options.folder.join("src"))?;
        let program = Self { options, folder: options.folder.canonicalize()? };
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = package.join("..").canonicalize()?;
        let runtime = workspace.join("stencil-runtime");
        program.put("Cargo.toml", &format!("{MANIFEST}{runtime:?}\n"))?;
        program.put("build.rs", BUILD)?;
        program.put("src/bodies.rs", &source::module(&package.join("src/bodies")))?;
        std::fs::copy(package.join("src/rng.rs"), program.folder.join("src/rng.rs"))?;
        std::fs::copy(workspace.join("Cargo.lock"), program.folder.join("Cargo.lock"))?;
        Ok(program)
    }

    fn put(&self, file: &str, text: &str) -> io::Result<()> {
        std::fs::write(self.folder.join(file), text)
    }

    fn write(&self, batch: &Batch) -> io::Result<()> {
        self.put("src/main.rs", &source::rust(batch))?;
        self.put("src/bodies.h", &source::header(batch))?;
        self.put("native.c", &source::native(batch))
    }

    /// Builds the program: the functions and the stencils by the same compiler.
    fn build(&self) -> io::Result<Output> {
        let compiler = &self.options.compiler;
        let mut native = Command::new(compiler);
        let native = native.args(FLAGS).args(["-c", "native.c", "-o", "native.o"]).current_dir(&self.folder).output();
        let native = native.map_err(|error| io::Error::other(format!("{compiler}: {error}")))?;
        if !native.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&native.stderr)));
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--offline", "--color=never", "--target-dir"]).arg(&self.options.target);
        // Each body is compiled only once, so caching is useless.
        cargo.current_dir(&self.folder).env("STENCIL_CC", compiler).env("STENCIL_CACHE", "off");
        cargo.env("CARGO_INCREMENTAL", "0").output()
    }

    /// Runs the program from this body on.
    fn run(&self, first: usize) -> io::Result<Output> {
        Command::new(self.options.target.join("debug/compared-bodies")).arg(first.to_string()).output()
    }
}
