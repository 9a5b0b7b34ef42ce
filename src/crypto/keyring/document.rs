//! The ring as JSON, format 2; format 1, which had states and no moment of publication, is read too. Owns the spelling alone.

use countersign_verify::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Ring, RingError, RingKey};
use crate::domain::Timestamp;

const FORMAT: u64 = 2;
/// The format before keys were rotated.
const WITH_STATES: u64 = 1;

/// Read before anything else, and tolerant of what a newer format may have beside it.
#[derive(Deserialize)]
struct Head {
    format: u64,
}

/// A field that this release does not know would be lost when it writes the ring again, so it is refused.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u64,
    keys: Vec<Entry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `k4.public.…`
    key: String,
    /// `k4.pid.…`: a reader of the row finds the key that a token's footer names.
    key_id: String,
    /// `k4.secret-wrap.pie.…`
    wrapped_key: String,
    /// `k4.lid.…`
    wrapped_by: String,
    /// Of format 1, where one key was ACTIVE and there were no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Milliseconds since the Unix epoch, like the others. Not in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published: Option<i64>,
    sign_from: i64,
    sign_until: Option<i64>,
    verify_until: Option<i64>,
}

pub(super) fn parse(text: &str) -> Result<Ring, RingError> {
    let damaged = |_| RingError::Damaged("it is not the JSON of a ring");
    let head: Head = serde_json::from_str(text).map_err(damaged)?;
    if head.format != FORMAT && head.format != WITH_STATES {
        return Err(RingError::UnknownFormat(head.format));
    }
    let document: Document = serde_json::from_str(text).map_err(damaged)?;
    let with_states = head.format == WITH_STATES;
    let keys = document.keys.into_iter().map(|entry| entry.into_key(with_states));
    Ring::new(keys.collect::<Result<_, _>>()?)
}

pub(super) fn print(ring: &Ring) -> String {
    let document = Document { format: FORMAT, keys: ring.keys.iter().map(Entry::from_key).collect() };
    // Texts and integers, written to memory: neither side of serde_json can fail.
    serde_json::to_string(&document).expect("a ring is always valid JSON")
}

impl Entry {
    fn from_key(key: &RingKey) -> Self {
        Self {
            key: key.key.to_paserk(),
            key_id: key.key.id().to_string(),
            wrapped_key: key.wrapped_key.clone(),
            wrapped_by: key.wrapped_by.clone(),
            state: None,
            published: Some(key.published.as_millis()),
            sign_from: key.sign_from.as_millis(),
            sign_until: key.sign_until.map(Timestamp::as_millis),
            verify_until: key.verify_until.map(Timestamp::as_millis),
        }
    }

    fn into_key(self, with_states: bool) -> Result<RingKey, RingError> {
        let key =
            PublicKey::from_paserk(&self.key).map_err(|_| RingError::Damaged("a public key is none"))?;
        if key.id().as_str() != self.key_id {
            return Err(RingError::Damaged("a key's id is another key's"));
        }
        let published = match (with_states, self.state.as_deref(), self.published) {
            (true, Some("ACTIVE"), None) => self.sign_from,
            (false, None, Some(published)) => published,
            _ => return Err(RingError::Damaged("a key is not as its format has it")),
        };
        Ok(RingKey {
            key,
            wrapped_key: self.wrapped_key,
            wrapped_by: self.wrapped_by,
            published: Timestamp::from_millis(published),
            sign_from: Timestamp::from_millis(self.sign_from),
            sign_until: self.sign_until.map(Timestamp::from_millis),
            verify_until: self.verify_until.map(Timestamp::from_millis),
        })
    }
}
