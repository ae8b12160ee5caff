//! SHA-256 digests: what tells inputs of a compilation from what they were before.

use std::fmt;

use sha2::Digest as _;

/// The digest of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The number of digits that [`fmt::Display`] writes.
    pub const DIGITS: usize = 64;

    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Reads what [`fmt::Display`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let plain =
            digits.len() == Self::DIGITS && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        plain.then_some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        // FIPS 180-4, examples.
        let vectors = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        for (text, hash) in vectors {
            assert_eq!(Hash::of(text.as_bytes()).to_string(), hash);
            assert_eq!(Hash::parse(hash), Some(Hash::of(text.as_bytes())));
            for wrong in [&hash[1..], &format!("+{}", &hash[1..]), &hash.to_uppercase(), &format!("{hash}0"), ""] {
                assert_eq!(Hash::parse(wrong), None);
            }
        }
    }
}
