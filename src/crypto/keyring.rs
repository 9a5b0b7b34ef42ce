//! The ring of signing keys, as one document: which keys there are, when each signs and verifies, and each private half
//! wrapped by a master key. The store keeps the text in one versioned row and changes it by compare-and-set; when keys
//! are rotated is decided elsewhere.
//!
//! ```text
//! NEXT (published, signs later) -> ACTIVE (signs within its window) -> RETIRED (verifies until its time is over)
//! ```

use countersign_verify::{KeyId, KeySet, PublicKey};

use super::{MasterKey, SecretKey, TokenSigner};
use crate::domain::{Entropy, Timestamp};

mod document;
#[cfg(test)]
mod tests;

/// The keys, in the order of their making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Each key once, and at most one of them ACTIVE.
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
    /// Where it is in its life.
    pub state: KeyState,
    /// It signs from here on, when ACTIVE.
    pub sign_from: Timestamp,
    /// It signs up to here, exclusive; without end if `None`.
    pub sign_until: Option<Timestamp>,
    /// Its tokens are good up to here, exclusive; without end if `None`.
    pub verify_until: Option<Timestamp>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyState {
    /// Published so that verifiers know it before it signs.
    Next,
    /// Signs, within its window.
    Active,
    /// Signs no more.
    Retired,
}

/// What a ring gives at a moment.
#[derive(Debug)]
pub struct OpenRing {
    /// Signs new tokens.
    pub signer: TokenSigner,
    /// Every key whose tokens are still good, also those that do not sign yet.
    pub keys: KeySet,
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
    /// The document contradicts itself.
    #[error("the stored key ring is damaged: {0}; restore it from a backup of the database")]
    Damaged(&'static str),
    /// No key may sign at this moment.
    #[error("no signing key is active now: check the clocks of this machine and of the database")]
    NoActiveKey,
}

impl Ring {
    /// The first ring: one ACTIVE key, without end.
    #[must_use]
    pub fn first(master_key: &MasterKey, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let secret = SecretKey::generate(entropy);
        Self {
            keys: vec![RingKey {
                key: secret.public_key().clone(),
                wrapped_key: master_key.wrap(&secret, entropy),
                wrapped_by: master_key.id(),
                state: KeyState::Active,
                sign_from: now,
                sign_until: None,
                verify_until: None,
            }],
        }
    }

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

    /// Unwraps every key, those that only verify too: that is what proves that somebody who holds the master key put
    /// them there, and not somebody who can write to the database. It also finds a missing master key at the start,
    /// and not at a rotation at night.
    pub fn open(&self, master_keys: &[MasterKey], now: Timestamp) -> Result<OpenRing, RingError> {
        let mut signer = None;
        for key in self.keys.iter().filter(|key| key.state != KeyState::Retired || key.verifies_at(now)) {
            let secret = key.unwrap(master_keys)?;
            if key.signs_at(now) {
                signer = Some(TokenSigner::new(secret));
            }
        }
        let verifying = self.keys.iter().filter(|key| key.verifies_at(now));
        Ok(OpenRing {
            signer: signer.ok_or(RingError::NoActiveKey)?,
            keys: KeySet::new(verifying.map(|key| key.key.clone())),
        })
    }

    /// The ring of these keys, if they make one.
    fn new(keys: Vec<RingKey>) -> Result<Self, RingError> {
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|other| other.key == key.key) {
                return Err(RingError::Damaged("a key is there twice"));
            }
        }
        if keys.iter().filter(|key| key.state == KeyState::Active).count() > 1 {
            return Err(RingError::Damaged("two keys are active"));
        }
        Ok(Self { keys })
    }
}

impl RingKey {
    /// Whether it signs at `now`. It must verify what it signs, so the end of that ends this.
    fn signs_at(&self, now: Timestamp) -> bool {
        self.state == KeyState::Active
            && self.sign_from <= now
            && self.sign_until.is_none_or(|end| now < end)
            && self.verifies_at(now)
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
