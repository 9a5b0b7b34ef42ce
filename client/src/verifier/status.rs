//! What people and metrics are told about a verifier.

use std::time::Duration;

use countersign_verify::{KeyId, TrustPosition};

/// A verifier at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifierStatus {
    /// Whether a stream is open on which the server has said something.
    pub connected: bool,
    /// How old at most what is known is; `None` before everything has been known once.
    pub staleness: Option<Duration>,
    /// Up to where in the log of revocations everything is known.
    pub position: Option<TrustPosition>,
    /// The keys that are trusted, those to come included.
    pub keys: Vec<KeyId>,
    /// How many revocations are remembered.
    pub revocations: usize,
    /// How far the server's clock is ahead of this one, in milliseconds, with the time on the way as its error. Beyond a
    /// few seconds tokens expire early or seem to come from the future.
    pub clock_skew_millis: Option<i64>,
    /// Why the last stream ended, or none could be opened. It stays when the next one is open, so that it can still be read
    /// after a short cut: whether all is well is told by `connected` and `staleness`.
    pub last_error: Option<String>,
    /// How long ago that was.
    pub last_error_age: Option<Duration>,
}
