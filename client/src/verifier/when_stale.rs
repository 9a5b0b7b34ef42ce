//! What to do with a token that is good by all that is known, when that is older than `max_staleness`.

/// What to do then. A token that is known to be bad is refused whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Refuse it, with TRUST_STALE: nothing is accepted that may have been revoked unnoticed.
    #[default]
    Refuse,
    /// Accept it: who was revoked meanwhile gets in until the token expires.
    AcceptSigned,
    /// Ask the server about it with VerifyToken, where the caller can wait; refuse it where it cannot.
    AskServer,
}
