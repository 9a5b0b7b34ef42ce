//! The ring of signing keys as one document: what is stored in one versioned row, and what it becomes in memory. Owns no
//! row: changing it is compare-and-set on the row's version, which is the store's.
//!
//! ```text
//! NEXT ── signs from sign_from on ──▶ ACTIVE ── its successor signs ──▶ RETIRED ── verify_until ──▶ gone
//! ```

use countersign_verify::{KeySet, PublicKey};
use serde::{Deserialize, Serialize};

use super::paserk::PaserkError;
use super::{MasterKey, SecretKey, TokenSigner};
use crate::domain::{Entropy, Timestamp};

/// The only format there has been.
const FORMAT: u32 = 1;

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    format: u32,
    keys: Vec<RingKey>,
}

/// A key in the ring. Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RingKey {
    /// The public half, `k4.public.…`.
    key: String,
    /// Its id, `k4.pid.…`.
    key_id: String,
    /// The secret half, `k4.secret-wrap.pie.…`.
    wrapped_key: String,
    /// The id of the master key that wrapped it, `k4.lid.…`.
    wrapped_by: String,
    state: KeyState,
    /// From when on it signs.
    sign_from: i64,
    /// Until when it signs; `None` while no successor is set.
    sign_until: Option<i64>,
    /// Until when its tokens are accepted; `None` while it signs without an end.
    verify_until: Option<i64>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum KeyState {
    /// Published, and not yet signing.
    Next,
    /// Signing.
    Active,
    /// Verifying what it signed.
    Retired,
}

/// A key as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key, `k4.public.…`.
    pub key: String,
    /// Its id, `k4.pid.…`.
    pub key_id: String,
    /// `NEXT`, `ACTIVE` or `RETIRED`.
    pub state: &'static str,
    /// From when on it signs.
    pub sign_from: Timestamp,
    /// Until when it signs, if that is set.
    pub sign_until: Option<Timestamp>,
    /// Until when its tokens are accepted, if that is set.
    pub verify_until: Option<Timestamp>,
}

/// A ring that is ready for use.
#[derive(Debug)]
pub struct OpenRing {
    /// Signs new tokens.
    pub signer: TokenSigner,
    /// Verifies tokens.
    pub key_set: KeySet,
}

/// Why a ring cannot be used. Each sentence says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RingError {
    /// None of the master keys wrapped the key that is needed.
    #[error(
        "the signing key {key_id} was wrapped by the master key {wrapped_by}, which is not among those given: \
         name the file that holds it with --master-key-file"
    )]
    MasterKeyMissing {
        /// The signing key, `k4.pid.…`.
        key_id: String,
        /// The master key, `k4.lid.…`.
        wrapped_by: String,
    },
    /// The document is not one, or a key in it is not what it says it is.
    #[error("the stored key ring is damaged: restore the database from a backup")]
    Damaged,
    /// No key may sign now.
    #[error("no signing key is active at this time: is the clock right?")]
    NoActiveKey,
}

impl From<PaserkError> for RingError {
    fn from(_: PaserkError) -> Self {
        Self::Damaged
    }
}

impl Ring {
    /// A ring of one key that signs from `now` on.
    pub fn first(master_key: &MasterKey, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let secret = SecretKey::generate(entropy);
        let key = RingKey {
            key: secret.public().to_paserk(),
            key_id: secret.public().id().to_string(),
            wrapped_key: master_key.wrap(&secret, entropy),
            wrapped_by: master_key.id(),
            state: KeyState::Active,
            sign_from: now.as_millis(),
            sign_until: None,
            verify_until: None,
        };
        Self { format: FORMAT, keys: vec![key] }
    }

    /// The document's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a ring is JSON")
    }

    /// Reads the document's text.
    pub fn parse(document: &str) -> Result<Self, RingError> {
        let ring: Self = serde_json::from_str(document).map_err(|_| RingError::Damaged)?;
        if ring.format == FORMAT { Ok(ring) } else { Err(RingError::Damaged) }
    }

    /// The keys as others may see them.
    #[must_use]
    pub fn published(&self) -> Vec<PublishedKey> {
        self.keys.iter().map(RingKey::publish).collect()
    }

    /// Makes the ring ready: the key that signs now, and all keys whose tokens are accepted now.
    pub fn open(&self, master_keys: &[MasterKey], now: Timestamp) -> Result<OpenRing, RingError> {
        let now = now.as_millis();
        let verifying = self.keys.iter().filter(|key| key.verifies_at(now));
        let public = verifying.map(RingKey::public).collect::<Result<Vec<_>, _>>()?;
        let signing = self.keys.iter().find(|key| key.signs_at(now)).ok_or(RingError::NoActiveKey)?;
        let signer = TokenSigner::new(signing.secret(master_keys)?);
        Ok(OpenRing { signer, key_set: KeySet::new(public) })
    }
}

impl RingKey {
    fn publish(&self) -> PublishedKey {
        PublishedKey {
            key: self.key.clone(),
            key_id: self.key_id.clone(),
            state: match self.state {
                KeyState::Next => "NEXT",
                KeyState::Active => "ACTIVE",
                KeyState::Retired => "RETIRED",
            },
            sign_from: Timestamp::from_millis(self.sign_from),
            sign_until: self.sign_until.map(Timestamp::from_millis),
            verify_until: self.verify_until.map(Timestamp::from_millis),
        }
    }

    /// A clock that was set back a little must not leave the service without a key, so an active key's beginning is not
    /// asked; its end is, because another replica signs with its successor by then.
    fn signs_at(&self, now: i64) -> bool {
        self.state == KeyState::Active && self.sign_until.is_none_or(|until| now < until)
    }

    fn verifies_at(&self, now: i64) -> bool {
        self.verify_until.is_none_or(|until| now < until)
    }

    fn public(&self) -> Result<PublicKey, RingError> {
        let key = PublicKey::from_paserk(&self.key).map_err(|_| RingError::Damaged)?;
        if key.id().as_str() == self.key_id { Ok(key) } else { Err(RingError::Damaged) }
    }

    fn secret(&self, master_keys: &[MasterKey]) -> Result<SecretKey, RingError> {
        let Some(master_key) = master_keys.iter().find(|key| key.id() == self.wrapped_by) else {
            let (key_id, wrapped_by) = (self.key_id.clone(), self.wrapped_by.clone());
            return Err(RingError::MasterKeyMissing { key_id, wrapped_by });
        };
        let secret = master_key.unwrap(&self.wrapped_key)?;
        if secret.public().to_paserk() == self.key { Ok(secret) } else { Err(RingError::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_400);

    fn ring() -> (MasterKey, Ring) {
        let entropy = SeededEntropy::new(1);
        let master_key = MasterKey::generate(&entropy);
        let ring = Ring::first(&master_key, NOW, &entropy);
        (master_key, ring)
    }

    fn error_of(ring: &Ring, master_keys: &[MasterKey], now: Timestamp) -> RingError {
        ring.open(master_keys, now).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_ring_survives_being_stored() {
        let (master_key, ring) = ring();
        let again = Ring::parse(&ring.to_json()).unwrap();
        assert_eq!(again, ring);
        let open = again.open(&[master_key], NOW).unwrap();
        assert_eq!(open.signer.key_id().to_string(), ring.keys[0].key_id);
        assert_eq!(open.key_set.keys().count(), 1);
    }

    #[test]
    fn a_foreign_master_key_is_named_and_several_may_be_given() {
        let (master_key, ring) = ring();
        let foreign = || MasterKey::parse("k4.local.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let expected =
            RingError::MasterKeyMissing { key_id: ring.keys[0].key_id.clone(), wrapped_by: master_key.id() };
        assert_eq!(error_of(&ring, &[foreign()], NOW), expected);
        assert!(ring.open(&[foreign(), master_key], NOW).is_ok());
    }

    #[test]
    fn a_key_that_is_not_what_it_says_is_damage() {
        let (master_key, good) = ring();
        let other = Ring::first(&master_key, NOW, &SeededEntropy::new(9));
        let master_keys = [master_key];
        for change in [
            (|mine: &mut RingKey, theirs: &RingKey| mine.key_id = theirs.key_id.clone())
                as fn(&mut RingKey, &RingKey),
            |mine, theirs| mine.key = theirs.key.clone(),
            |mine, theirs| mine.wrapped_key = theirs.wrapped_key.clone(),
            |mine, _| mine.wrapped_key.replace_range(30..31, "~"),
            |mine, _| mine.key.truncate(40),
        ] {
            let mut ring = good.clone();
            change(&mut ring.keys[0], &other.keys[0]);
            assert_eq!(error_of(&ring, &master_keys, NOW), RingError::Damaged);
        }
        for text in ["", "{}", "null", &good.to_json().replace("\"format\":1", "\"format\":2")] {
            assert_eq!(Ring::parse(text), Err(RingError::Damaged), "{text}");
        }
    }

    #[test]
    fn a_key_signs_and_verifies_in_its_windows() {
        let (master_key, mut ring) = ring();
        let master_keys = [master_key];
        ring.keys[0].sign_until = Some(NOW.as_millis() + 10);
        ring.keys[0].verify_until = Some(NOW.as_millis() + 20);
        let at = |millis: i64| Timestamp::from_millis(NOW.as_millis() + millis);
        assert!(ring.open(&master_keys, at(9)).is_ok());
        assert_eq!(error_of(&ring, &master_keys, at(10)), RingError::NoActiveKey);
        ring.keys[0].state = KeyState::Next;
        assert_eq!(error_of(&ring, &master_keys, at(0)), RingError::NoActiveKey);
    }
}
