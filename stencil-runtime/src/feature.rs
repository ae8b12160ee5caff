//! Features of the processor that a machine's uops require.

use crate::error::Error;
use crate::program::Machine;

/// A feature of processors.
#[derive(Debug)]
pub struct Feature {
    name: &'static str,
    /// Returns whether this processor has it. The standard library asks the processor once.
    is_detected: fn() -> bool,
}

impl Feature {
    /// Makes a feature of its name and its test.
    #[must_use]
    pub const fn new(name: &'static str, is_detected: fn() -> bool) -> Self {
        Self { name, is_detected }
    }

    /// Returns whether one of the features has this name.
    #[must_use]
    pub const fn is_among(name: &str, features: &[Self]) -> bool {
        let mut index = 0;
        while index < features.len() {
            if is_equal(features[index].name.as_bytes(), name.as_bytes()) {
                return true;
            }
            index += 1;
        }
        false
    }
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// Checks that the processor has all features that the machine requires.
///
/// # Errors
/// [`Error::MissingFeatures`]
#[inline(always)]
pub(crate) fn check<M: Machine>() -> Result<(), Error> {
    if M::REQUIRES.iter().all(|feature| (feature.is_detected)()) {
        return Ok(());
    }
    let missing = M::REQUIRES.iter().filter(|feature| !(feature.is_detected)());
    Err(Error::MissingFeatures { features: missing.map(|feature| feature.name).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_a_whole() {
        const FEATURES: [Feature; 2] = [Feature::new("avx2", || true), Feature::new("avx512f", || true)];
        const _: () = assert!(Feature::is_among("avx512f", &FEATURES));
        for other in ["", "avx", "avx22", "avx512", "avx512bw"] {
            assert!(!Feature::is_among(other, &FEATURES), "{other}");
        }
        assert!(!Feature::is_among("avx2", &[]));
    }
}
