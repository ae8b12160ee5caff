//! The tiers, as values of options.

use clap::ValueEnum;
use uops::Tier;

/// A tier by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum TierName {
    /// Compiles to machine code.
    #[default]
    Jit,
    /// Interprets, without executable memory.
    Interpreter,
    /// Interprets until another thread has compiled to machine code.
    Auto,
}

impl TierName {
    pub(super) fn tier(self) -> Tier {
        match self {
            Self::Jit => Tier::Jit,
            Self::Interpreter => Tier::Interpreter,
            Self::Auto => Tier::Auto,
        }
    }
}
