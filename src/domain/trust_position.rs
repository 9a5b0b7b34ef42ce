//! A position in the trust log.

/// Where the log of revocations is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustPosition {
    /// The life of the log in which `sequence` counts: another one after a database was lost or restored.
    pub incarnation: [u8; 16],
    /// How many changes were committed; 0 before the first.
    pub sequence: i64,
}
