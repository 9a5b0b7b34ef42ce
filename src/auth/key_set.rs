//! The key set: what others need to verify tokens by themselves.

use countersign_verify::PublicKey;

use super::Authority;
use crate::domain::{KeyState, Timestamp};

/// A key that verifies.
#[derive(Clone, Debug)]
pub struct PublishedKey {
    /// The key, with its id.
    pub key: PublicKey,
    /// Where it is in its life.
    pub state: KeyState,
    /// From when on it signs.
    pub sign_from: Timestamp,
    /// Until when it signs.
    pub sign_until: Option<Timestamp>,
    /// Until when its tokens can be good.
    pub verify_until: Option<Timestamp>,
}

impl Authority {
    /// Every key that verifies now, those to come included, the oldest first.
    #[must_use]
    pub fn key_set(&self) -> Vec<PublishedKey> {
        let now = self.parts().clock.now();
        let current = self.parts().keys.current();
        let publish = |key: &crate::crypto::RingKey| PublishedKey {
            key: key.key.clone(),
            state: key.state_at(now),
            sign_from: key.sign_from,
            sign_until: key.sign_until,
            verify_until: key.verify_until,
        };
        current.ring.ring().published_at(now).map(publish).collect()
    }
}
