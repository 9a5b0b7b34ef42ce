//! A position in the trust log.

/// Where the log of revocations is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustPosition {
    /// The life of the log in which `sequence` counts: another one after a database was lost or restored.
    pub incarnation: [u8; 16],
    /// How many changes were committed; 0 before the first.
    pub sequence: i64,
}

impl TrustPosition {
    /// Whether whoever knows everything up to here knows everything up to `other`.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.incarnation == other.incarnation && self.sequence >= other.sequence
    }
}
