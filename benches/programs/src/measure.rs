//! Runs a program on all engines in turns, each run in a process of its own.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::Result;
use crate::cli::Options;
use crate::engines::Engine;
use crate::time::Time;
use crate::worker::{Outcome, Run};

/// A program, and what became of it on each engine.
pub struct Row {
    pub name: String,
    pub status: Vec<Status>,
}

/// What became of a program on an engine.
pub enum Status {
    /// The least times of all repetitions.
    Ran { compile: Time, run: Time },
    /// The program ended with a trap or an exit code other than 0, on this engine as on the others.
    Failed(String),
    /// The engine or the host cannot run it.
    Unsupported(String),
    /// It took longer than allowed.
    TimedOut,
    /// The process ended without a report.
    Crashed(String),
    /// It did something else than on the engine before, or than in the first repetition.
    Differs(String),
}

/// Measures a program on all engines.
///
/// # Errors
/// Processes cannot be started.
pub fn program(name: &str, path: &Path, engines: &[&'static Engine], options: &Options) -> Result<Row> {
    let mut status: Vec<Option<Status>> = engines.iter().map(|_| None).collect();
    // The first outcome, and its engine.
    let mut expected: Option<(Outcome, &str)> = None;
    for repetition in 0..options.repeat as usize {
        for turn in 0..engines.len() {
            // Another engine begins each time.
            let index = (turn + repetition) % engines.len();
            let (engine, status) = (engines[index], &mut status[index]);
            if matches!(status, None | Some(Status::Ran { .. })) {
                eprint!("\r\x1b[K{name}: {} {}/{}", engine.name, repetition + 1, options.repeat);
                let new = once(path, engine, options, &mut expected)?;
                *status = Some(match (status.take(), new) {
                    (Some(Status::Ran { compile, run }), Status::Ran { compile: new_compile, run: new_run }) => {
                        Status::Ran { compile: compile.min(new_compile), run: run.min(new_run) }
                    }
                    (_, new) => new,
                });
            }
        }
    }
    eprint!("\r\x1b[K");
    Ok(Row { name: name.to_owned(), status: status.into_iter().flatten().collect() })
}

/// Runs a program once in a process of its own.
fn once<'e>(
    path: &Path,
    engine: &'e Engine,
    options: &Options,
    expected: &mut Option<(Outcome, &'e str)>,
) -> Result<Status> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(path).args(["--worker", engine.name]);
    if let Some(export) = &options.invoke {
        command.args(["--invoke", export]);
    }
    command.arg("--").args(&options.args).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdout = child.stdout.take().ok_or("a process without standard output")?;
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut report = Vec::new();
        let read = stdout.read_to_end(&mut report);
        // Nobody receives after a timeout.
        let _ = sender.send(read.map(|_| report));
    });
    let report = receiver.recv_timeout(options.timeout());
    if report.is_err() {
        child.kill()?;
    }
    let exit = child.wait()?;
    reader.join().map_err(|_| "the thread that reads panicked")?;
    let Ok(report) = report else {
        return Ok(Status::TimedOut);
    };
    let Some(run) = Run::decode(&String::from_utf8(report?)?) else {
        return Ok(Status::Crashed(exit.to_string()));
    };
    Ok(match run {
        Ok(run) => judge(run, engine.name, expected),
        Err(message) => Status::Unsupported(message),
    })
}

/// Compares a run with the first one.
fn judge<'e>(run: Run, engine: &'e str, expected: &mut Option<(Outcome, &'e str)>) -> Status {
    let (expected, first) = &*expected.get_or_insert_with(|| (run.outcome.clone(), engine));
    let found = &run.outcome;
    let fields = [
        ("end", &found.end, &expected.end),
        ("standard output", &found.stdout, &expected.stdout),
        ("standard error", &found.stderr, &expected.stderr),
    ];
    if let Some((what, found, expected)) = fields.into_iter().find(|(_, found, expected)| found != expected) {
        let (at, found, expected) = difference(found, expected);
        let trap = if run.trap.is_empty() { String::new() } else { format!(" ({})", run.trap) };
        return Status::Differs(format!("{what} at byte {at}: `{found}`{trap}, but `{expected}` on {first}"));
    }
    match &*found.end {
        "trapped" => Status::Failed(format!("trapped: {}", run.trap)),
        end if end.starts_with("exited") => Status::Failed(end.to_owned()),
        _ => Status::Ran { compile: run.compile, run: run.run },
    }
}

/// Finds the first difference of two ASCII texts, and returns what both have there.
fn difference<'t>(found: &'t str, expected: &'t str) -> (usize, &'t str, &'t str) {
    let same = found.bytes().zip(expected.bytes()).take_while(|(found, expected)| found == expected).count();
    let excerpt = |text: &'t str| text.get(same..text.len().min(same + 60)).unwrap_or(text);
    (same, excerpt(found), excerpt(expected))
}

impl Status {
    /// Whether the comparison as a whole fails.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Crashed(_) | Self::Differs(_))
    }

    /// Returns the word for the table if there is no time.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ran { .. } => "",
            Self::Failed(_) => "failed",
            Self::Unsupported(_) => "unsupported",
            Self::TimedOut => "timeout",
            Self::Crashed(_) => "crashed",
            Self::Differs(_) => "differs",
        }
    }

    /// Tells the user why there is no time.
    pub fn print_problem(&self, program: &str, engine: &str) {
        let word = self.word();
        match self {
            Self::Ran { .. } => {}
            Self::TimedOut => eprintln!("{program}: {engine}: {word}"),
            Self::Failed(why) | Self::Unsupported(why) | Self::Crashed(why) | Self::Differs(why) => {
                eprintln!("{program}: {engine}: {word}: {why}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(end: &str, stdout: &str) -> Run {
        let time = Time { processor: Duration::ZERO, elapsed: Duration::ZERO };
        let outcome = Outcome { end: end.to_owned(), stdout: stdout.to_owned(), stderr: String::new() };
        Run { compile: time, run: time, outcome, trap: String::new() }
    }

    #[test]
    fn a_difference_is_an_error() {
        let mut expected = None;
        assert!(matches!(judge(run("returned 1", "abc"), "first", &mut expected), Status::Ran { .. }));
        assert!(matches!(judge(run("returned 1", "abc"), "second", &mut expected), Status::Ran { .. }));
        for (end, stdout, message) in [
            ("returned 2", "abc", "end at byte 9: `2`, but `1` on first"),
            ("trapped", "abc", "end at byte 0: `trapped`, but `returned 1` on first"),
            ("returned 1", "ab", "standard output at byte 2: ``, but `c` on first"),
        ] {
            let status = judge(run(end, stdout), "second", &mut expected);
            assert!(status.is_error());
            assert!(matches!(status, Status::Differs(found) if found == message), "{end} {stdout}");
        }
    }
}
