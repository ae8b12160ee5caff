//! The progress of a compilation, and its cancellation.

use std::fmt;
use std::ops::ControlFlow;

use crate::module::error::Error;

/// A phase of compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding and validation.
    Validating,
    /// Translation to uops.
    Lowering,
    /// Emission of machine code, which is fast and one step.
    Emitting,
}

/// The progress of a compilation. See [`Program::with_progress`](crate::Program::with_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// Bytes of the module that this phase has completed.
    pub done: usize,
    /// Size of the module in bytes.
    pub size: usize,
}

/// A callback that receives the progress and may cancel the compilation.
pub(crate) type Observer<'o> = &'o mut dyn FnMut(Progress) -> ControlFlow<()>;

/// A callback that never cancels.
pub(crate) fn nobody(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Bytes of a function that are processed between two reports, at most.
const STEP: usize = 1 << 12;

/// Reports the progress of one phase.
pub(crate) struct Reporter<'o> {
    observer: Observer<'o>,
    phase: Phase,
    size: usize,
    /// The offset in the module from which on the next report is due.
    next: usize,
}

impl<'o> Reporter<'o> {
    /// Begins a phase, at an offset in a module of `size` bytes.
    pub(crate) fn new(observer: Observer<'o>, phase: Phase, start: usize, size: usize) -> Self {
        Self { observer, phase, size, next: start.saturating_add(STEP) }
    }

    /// Reports that the phase has reached an offset in the module.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the callback cancels.
    pub(crate) fn report(&mut self, done: usize) -> Result<(), Error> {
        self.next = done.saturating_add(STEP);
        match (self.observer)(Progress { phase: self.phase, done, size: self.size }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }

    /// Reports like [`report`](Self::report), unless the last report was less than [`STEP`] bytes ago.
    #[inline]
    pub(crate) fn step(&mut self, done: usize) -> Result<(), Error> {
        if done < self.next { Ok(()) } else { self.report(done) }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Validating => "validating",
            Phase::Lowering => "lowering",
            Phase::Emitting => "emitting",
        };
        write!(f, "{phase} {} %", (self.done as u64 * 100).checked_div(self.size as u64).unwrap_or(100))
    }
}
