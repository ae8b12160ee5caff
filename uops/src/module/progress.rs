//! How far a compilation has come, for those who wait.

use std::fmt;

/// What a compilation is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Decoding and validation.
    Validating,
    /// Choosing uops.
    Lowering,
    /// Making machine code, which is quick and has no steps.
    Emitting,
}

/// How far a compilation has come. See [`Program::observed`](crate::Program::observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// Bytes of the module that this phase has behind it.
    pub done: usize,
    /// Bytes of the module.
    pub size: usize,
}

/// Someone who is told, often.
pub(crate) type Observer<'o> = &'o mut dyn FnMut(Progress);

/// Someone who does not care.
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
