//! One run of a program on an engine: the child process that measures, and what it tells its parent.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::cli::Options;
use crate::engines::{ENGINES, End, Entry};
use crate::host::Host;
use crate::time::Time;

/// What a worker reports of a run.
#[derive(Clone, Debug)]
pub struct Run {
    pub compile: Time,
    pub run: Time,
    pub outcome: Outcome,
    /// The message of a trap. Each engine words it differently.
    pub trap: String,
}

/// What all engines have to agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the program ended: `returned 1 2`, `exited 1` or `trapped`.
    pub end: String,
    /// What it wrote, in ASCII with escapes.
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program and prints the report. Programs that cannot be run are a report, too.
pub fn run(engine: &str, options: &Options) -> Result<bool> {
    match measure(engine, options) {
        Ok(run) => print!("{}", run.encode()?),
        Err(error) => println!("unsupported {}", one_line(&error.to_string())),
    }
    Ok(true)
}

fn measure(engine: &str, options: &Options) -> Result<Run> {
    let engine = ENGINES.iter().find(|candidate| candidate.name == engine).ok_or("no such engine")?;
    let path = options.path()?;
    let wasm = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let args = match std::fs::read_to_string(path.with_extension("args")) {
        Ok(lines) => lines.lines().map(str::to_owned).collect(),
        Err(_) => options.args.clone(),
    };
    let entry = Entry::of(&wasm, options.invoke.as_deref(), &args)?;
    let stdin = std::fs::read(path.with_extension("stdin")).unwrap_or_default();
    let host = Host::new(args, stdin, path.parent().unwrap_or(Path::new(".")));
    let (compiled, compile) = Time::of(|| (engine.compile)(&wasm));
    let compiled = compiled?;
    let (ended, run) = Time::of(|| compiled.run(host, &entry));
    let (end, host) = ended?;
    let (end, trap) = match end {
        End::Returned(values) => {
            (values.iter().fold("returned".to_owned(), |text, value| format!("{text} {value}")), String::new())
        }
        End::Exited(0) => ("returned".to_owned(), String::new()),
        End::Exited(code) => (format!("exited {code}"), String::new()),
        End::Trapped(message) => ("trapped".to_owned(), one_line(&message)),
    };
    let escape = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let outcome = Outcome { end, stdout: escape(&host.stdout), stderr: escape(&host.stderr) };
    Ok(Run { compile, run, outcome, trap })
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

impl Run {
    /// A line for each field.
    fn encode(&self) -> Result<String> {
        let mut text = "ran\n".to_owned();
        for time in [self.compile, self.run] {
            writeln!(text, "{} {}", time.processor.as_nanos(), time.elapsed.as_nanos())?;
        }
        let Outcome { end, stdout, stderr } = &self.outcome;
        writeln!(text, "{end}\n{stdout}\n{stderr}\n{}", self.trap)?;
        Ok(text)
    }

    /// Decodes the report of a worker. An error is that the engine cannot run the program; there is none of both if the
    /// worker crashed.
    pub fn decode(report: &str) -> Option<std::result::Result<Self, String>> {
        if let Some(message) = report.strip_prefix("unsupported ") {
            return Some(Err(message.trim_end().to_owned()));
        }
        let mut lines = report.strip_prefix("ran\n")?.lines();
        let mut time = || {
            let (processor, elapsed) = lines.next()?.split_once(' ')?;
            let nanoseconds = |text: &str| Some(Duration::from_nanos(text.parse().ok()?));
            Some(Time { processor: nanoseconds(processor)?, elapsed: nanoseconds(elapsed)? })
        };
        let (compile, run) = (time()?, time()?);
        let mut text = || lines.next().map(str::to_owned);
        let outcome = Outcome { end: text()?, stdout: text()?, stderr: text()? };
        Some(Ok(Self { compile, run, outcome, trap: text()? }))
    }
}
