//! The ring of signing keys, as one document: which keys there are, when each signs and verifies, and each private half
//! wrapped by a master key. The store keeps the text in one versioned row and changes it by compare-and-set; how a ring
//! becomes the next one is `schedule`'s.
//!
//! ```text
//!  published        sign_from            sign_until              verify_until
//!      │    NEXT        │      ACTIVE         │      RETIRED          │   kept, then gone
//! ─────┼────────────────┼─────────────────────┼───────────────────────┼──────▶ time
//!      │  verifiers     │  signs              │  its last tokens      │   only this service knows it:
//!      │  learn of it   │                     │  expire               │   its tokens have expired
//! ```
//!
//! A key's state is where the present is between its moments, so that all replicas change over at the same one, and none
//! has to be told.

use countersign_verify::{KeyId, KeySet, PublicKey};

use super::{MasterKey, SecretKey, TokenSigner};
use crate::domain::{KeyState, Timestamp};

mod document;
mod schedule;
#[cfg(test)]
mod tests;

pub use schedule::{KeyMaker, Schedule};

/// The keys, in the order of their making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Each key once; no two sign at one moment.
    keys: Vec<RingKey>,
}

/// One key of the ring. Its private half is wrapped, so the whole may be stored and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingKey {
    /// The public half, with its id.
    pub key: PublicKey,
    /// The private half, `k4.secret-wrap.pie.…`.
    pub wrapped_key: String,
    /// The id of the master key that unwraps it, `k4.lid.…`.
    pub wrapped_by: String,
    /// When verifiers could first learn of it.
    pub published: Timestamp,
    /// It signs from here on.
    pub sign_from: Timestamp,
    /// It signs up to here, exclusive; without end if `None`, as only rings of before rotation have it.
    pub sign_until: Option<Timestamp>,
    /// Its tokens are good up to here, exclusive; without end if `None`.
    pub verify_until: Option<Timestamp>,
}

/// A ring with its private halves unwrapped.
#[derive(Debug)]
pub struct OpenRing {
    ring: Ring,
    signers: Vec<SigningKey>,
    keys: KeySet,
}

/// A key that signs at some time.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Signs with it.
    pub signer: TokenSigner,
    /// No token of it may be good longer than this.
    pub verify_until: Option<Timestamp>,
    window: (Timestamp, Option<Timestamp>),
}

/// Why a ring does not open. Each is a sentence for whoever starts the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// The master key is missing or another one.
    #[error(
        "signing key {key_id} is wrapped by master key {wrapped_by}, which was not given: \
         add its file with --master-key-file, or restore it from a backup"
    )]
    MasterKeyMissing {
        /// The signing key.
        key_id: KeyId,
        /// The master key that is needed, `k4.lid.…`.
        wrapped_by: String,
    },
    /// The document was written by a newer release.
    #[error("the key ring has format {0}, which this release does not know: start a newer one")]
    UnknownFormat(u64),
    /// There is no key of this id.
    #[error("there is no such key")]
    NoSuchKey,
    /// The document contradicts itself.
    #[error("the stored key ring is damaged: {0}; restore it from a backup of the database")]
    Damaged(&'static str),
}

impl Ring {
    /// Reads a stored document.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        document::parse(text)
    }

    /// The document to store.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::print(self)
    }

    /// The keys, in the order of their making.
    #[must_use]
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The keys that verify at `now`, for those who are to know them.
    pub fn published_at(&self, now: Timestamp) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(move |key| key.verifies_at(now))
    }

    /// Unwraps every key, those that only verify too: that is what proves that somebody who holds the master key put
    /// them there, and not somebody who can write to the database. It also finds a missing master key at the start,
    /// and not at a rotation at night.
    pub fn open(self, master_keys: &[MasterKey]) -> Result<OpenRing, RingError> {
        let mut signers = Vec::new();
        let mut keys = Vec::new();
        for key in &self.keys {
            let secret = key.unwrap(master_keys)?;
            keys.push(key.key.clone());
            signers.push(SigningKey {
                signer: TokenSigner::new(secret),
                verify_until: key.verify_until,
                window: (key.sign_from, key.sign_until),
            });
        }
        Ok(OpenRing { ring: self, signers, keys: KeySet::new(keys) })
    }

    /// The ring of these keys, if they make one.
    fn new(mut keys: Vec<RingKey>) -> Result<Self, RingError> {
        keys.sort_by_key(|key| key.sign_from);
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|other| other.key == key.key) {
                return Err(RingError::Damaged("a key is there twice"));
            }
        }
        let overlap = |pair: &[RingKey]| pair[0].sign_until.is_none_or(|end| end > pair[1].sign_from);
        if keys.windows(2).any(overlap) {
            return Err(RingError::Damaged("two keys sign at one moment"));
        }
        Ok(Self { keys })
    }
}

impl OpenRing {
    /// The ring itself.
    #[must_use]
    pub const fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Every key of the ring: those that do not sign yet, and those whose tokens have all expired, because such a token
    /// is still a token of ours, and one with which its session can be ended.
    #[must_use]
    pub const fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The key that signs at `now`, if there is one.
    #[must_use]
    pub fn signer_at(&self, now: Timestamp) -> Option<&SigningKey> {
        self.signers.iter().find(|key| {
            let (from, until) = key.window;
            from <= now && until.is_none_or(|end| now < end) && key.verify_until.is_none_or(|end| now < end)
        })
    }
}

impl SigningKey {
    /// The moment to which a token of this key may be good that should be to `wanted`.
    #[must_use]
    pub fn limit(&self, wanted: Timestamp) -> Timestamp {
        self.verify_until.map_or(wanted, |end| wanted.min(end))
    }
}

impl RingKey {
    /// Where it is in its life at `now`.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> KeyState {
        if now < self.sign_from {
            KeyState::Next
        } else if self.sign_until.is_none_or(|end| now < end) {
            KeyState::Active
        } else {
            KeyState::Retired
        }
    }

    fn verifies_at(&self, now: Timestamp) -> bool {
        self.verify_until.is_none_or(|end| now < end)
    }

    /// Its private half. The public half must be the one that is published: else tokens would go out that nobody can
    /// verify, or under a key that somebody else put there.
    fn unwrap(&self, master_keys: &[MasterKey]) -> Result<SecretKey, RingError> {
        let master_key = master_keys.iter().find(|key| key.id() == self.wrapped_by).ok_or_else(|| {
            RingError::MasterKeyMissing { key_id: self.key.id().clone(), wrapped_by: self.wrapped_by.clone() }
        })?;
        let secret = master_key
            .unwrap(&self.wrapped_key)
            .map_err(|_| RingError::Damaged("a wrapped key does not unwrap"))?;
        if secret.public_key() != &self.key {
            return Err(RingError::Damaged("a wrapped key is not the published one"));
        }
        Ok(secret)
    }
}
