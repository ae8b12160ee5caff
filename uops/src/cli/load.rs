//! Reads and compiles a module. When that takes long, a terminal shows the progress.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use uops::{Error, Program, ProgramOptions, Progress, Tier};

use super::deadline::Deadline;
use super::{Result, message};

/// How long to wait before showing the progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads and compiles a module, unless the time is over before.
pub(super) fn load(file: &Path, tier: Tier, deadline: &Deadline) -> Result<Program> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut line = Line::new(io::stderr().is_terminal().then(io::stderr), Instant::now());
    let program = Program::with_options(&bytes, ProgramOptions::from(tier), |progress| {
        line.show(progress, Instant::now());
        if deadline.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    drop(line);
    program.map_err(|error| match error {
        // The exit code depends on it, and it is no fault of the file.
        Error::Cancelled => error.into(),
        error => format!("{}: {}", file.display(), message(&error)).into(),
    })
}

/// The line of a terminal that shows the progress, if there is a terminal.
struct Line<W: Write> {
    terminal: Option<W>,
    start: Instant,
    shown: String,
}

impl<W: Write> Line<W> {
    fn new(terminal: Option<W>, start: Instant) -> Self {
        Self { terminal, start, shown: String::new() }
    }

    fn show(&mut self, progress: Progress, now: Instant) {
        let Some(terminal) = &mut self.terminal else { return };
        if now - self.start < PATIENCE {
            return;
        }
        let text = progress.to_string();
        if text != self.shown {
            // A terminal that cannot be written does not stop the compilation.
            let _ = write!(terminal, "\r\x1b[K{text}").and_then(|()| terminal.flush());
            self.shown = text;
        }
    }
}

impl<W: Write> Drop for Line<W> {
    /// Clears the line.
    fn drop(&mut self) {
        if let Some(terminal) = self.terminal.as_mut().filter(|_| !self.shown.is_empty()) {
            let _ = write!(terminal, "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use uops::Phase;

    use super::*;

    #[test]
    fn progress_is_shown_after_a_while() {
        let (start, mut screen) = (Instant::now(), Vec::new());
        let progress = |done| Progress { phase: Phase::Lowering, done, size: 200 };
        let mut line = Line::new(Some(&mut screen), start);
        line.show(progress(1), start + Duration::from_millis(999));
        line.show(progress(2), start + PATIENCE);
        line.show(progress(3), start + PATIENCE);
        line.show(progress(200), start + 2 * PATIENCE);
        drop(line);
        assert_eq!(String::from_utf8(screen).unwrap(), "\r\x1b[Klowering 1 %\r\x1b[Klowering 100 %\r\x1b[K");
        let mut screen = Vec::new();
        let mut line = Line::new(Some(&mut screen), start);
        line.show(progress(200), start);
        drop(line);
        assert!(screen.is_empty());
        Line::new(None::<io::Stderr>, start).show(progress(1), start + PATIENCE);
    }

    #[test]
    fn progress_is_reported_for_each_section_and_function_in_order_of_the_phases() {
        let text = format!("(module {})", "(func (drop (i32.const 1)))".repeat(50));
        let mut seen = Vec::new();
        let observer = |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        };
        Program::with_progress(text.as_bytes(), observer).unwrap();
        let phases = [Phase::Validating, Phase::Lowering, Phase::Emitting];
        let counts = phases.map(|phase| seen.iter().filter(|progress| progress.phase == phase).count());
        // The sections of types and functions count as well.
        assert_eq!(counts, [52, 50, 1]);
        assert!(seen[..52].is_sorted_by_key(|progress| progress.done) && seen[51].done <= seen[51].size);
        assert!(seen.is_sorted_by_key(|progress| phases.iter().position(|&phase| phase == progress.phase)));
    }
}
