//! What a verifier is told about trust, frame by frame: keys, revocations, and proof that nothing is missing. Owns the
//! shapes alone; what they mean together is `trust_view`'s, and how they travel is not known here.

use std::fmt;
use std::time::Duration;

use super::{PublicKey, Revocation};

/// The life of a log in which positions can be compared: another one after a database was lost or restored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Incarnation(pub [u8; 16]);

/// In hexadecimal, as people compare it.
impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incarnation({:032x})", u128::from_be_bytes(self.0))
    }
}

/// A place in the log of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustPosition {
    /// The life of the log in which `sequence` counts.
    pub incarnation: Incarnation,
    /// How many revocations were committed; it never goes back within an incarnation.
    pub sequence: i64,
}

/// A key and how long it may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// Until when its tokens can be good, exclusive, in milliseconds since the Unix epoch; `None` if nobody knows yet.
    pub verify_until: Option<i64>,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustFrame {
    /// All keys: one that is not among them is not to be trusted.
    KeySet(Vec<TrustedKey>),
    /// A part of everything that is revoked.
    Snapshot {
        /// Some of its revocations.
        revocations: Vec<Revocation>,
        /// In the last part, up to where the snapshot is complete with it.
        complete: Option<TrustPosition>,
    },
    /// What was revoked since the position that was sent last.
    Revocations {
        /// The revocations.
        revocations: Vec<Revocation>,
        /// Up to where everything is known with this frame: where it was before, if more belongs to it.
        sequence: i64,
    },
    /// Proof that nothing is missing.
    Heartbeat {
        /// Up to where everything has been sent.
        position: TrustPosition,
        /// How long before this was sent the reading of the log began that it stands on.
        age: Duration,
        /// The nonce that had come last from whom this is for.
        nonce: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_shown_in_hexadecimal() {
        let mut bytes = [0; 16];
        (bytes[1], bytes[15]) = (0xab, 7);
        assert_eq!(format!("{:?}", Incarnation(bytes)), "Incarnation(00ab0000000000000000000000000007)");
    }
}
