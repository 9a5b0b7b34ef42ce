//! What a log may say of a request that was refused, for people who want to know why a client cannot get in. Never what was
//! presented; at the level `debug`, because strangers decide how much of it there is.

use countersign_verify::KeyId;

use crate::Refusal;

/// No path is told at greater length.
const MAX_PATH_BYTES: usize = 256;

/// A request that may be refused.
pub(super) struct Trace {
    path: String,
    key_id: Option<KeyId>,
}

impl Trace {
    /// `None` if nobody would read it. The path comes without its query, in which people put secrets; `key_id` is that of
    /// a key of the set which the token names.
    pub(super) fn begin(path: &str, key_id: impl FnOnce() -> Option<KeyId>) -> Option<Self> {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return None;
        }
        let path = &path[..path.floor_char_boundary(MAX_PATH_BYTES)];
        Some(Self { path: path.to_owned(), key_id: key_id() })
    }

    /// Which check a token failed is told here and nowhere else: it would help a forger.
    pub(super) fn refused(&self, refusal: &Refusal) {
        let defect = match refusal {
            Refusal::TokenInvalid(defect) => Some(defect),
            _ => None,
        };
        tracing::debug!(
            reason = refusal.reason(),
            defect = defect.map(tracing::field::debug),
            method = ?self.path,
            key_id = self.key_id.as_ref().map(KeyId::as_str),
            "a request was refused"
        );
    }
}
