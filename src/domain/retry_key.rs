//! The key with which a client marks all attempts to spend one refresh token as its own.

use std::fmt;
use std::ops::RangeInclusive;

use zeroize::Zeroizing;

/// How long a key is, in bytes: shorter ones could be guessed, longer ones serve nobody.
const LENGTHS: RangeInclusive<usize> = 16..=64;

/// A retry key: wiped when dropped, never shown, stored as a hash alone.
pub struct RetryKey(Zeroizing<Vec<u8>>);

/// The bytes are no retry key.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("must have 16 to 64 bytes, or be left out")]
pub struct RetryKeyError;

impl RetryKey {
    /// Reads a key from outside; no bytes are no key.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, RetryKeyError> {
        match bytes.len() {
            0 => Ok(None),
            length if LENGTHS.contains(&length) => Ok(Some(Self(Zeroizing::new(bytes.to_vec())))),
            _ => Err(RetryKeyError),
        }
    }

    /// The bytes, for hashing.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RetryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_16_to_64_bytes() {
        for (length, good) in [(1, false), (15, false), (16, true), (64, true), (65, false)] {
            assert_eq!(RetryKey::parse(&vec![7; length]).is_ok(), good, "{length}");
        }
        assert!(RetryKey::parse(&[]).unwrap().is_none());
        assert_eq!(format!("{:?}", RetryKey::parse(&[7; 16]).unwrap()), "Some(RetryKey(…))");
    }
}
