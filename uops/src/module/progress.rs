//! The progress of a compilation.

use std::fmt;

/// A phase of compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding and validation.
    Validating,
    /// Translation to uops.
    Lowering,
    /// Emission of machine code, which is fast and reports no steps.
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

/// A callback that is called often.
pub(crate) type Observer<'o> = &'o mut dyn FnMut(Progress);

/// A callback that does nothing.
pub(crate) fn nobody(_: Progress) {}

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
