//! Signing keys by hand: letting the next one take over, and revoking what has leaked.

use std::time::Duration;

use countersign_verify::KeyId;

use super::keys::KeyChange;
use super::{Authority, CallContext, Caller, CurrentKeys, Error};
use crate::crypto::{KeyMaker, Ring, RingError, RingKey};
use crate::domain::{EventKind, Timestamp};
use crate::store::{KeyRevocation, StoreError};

/// How much longer than a key verifies its revocation is remembered: clocks differ.
const GRACE: Duration = Duration::from_secs(60);

/// Which keys are to be revoked.
#[derive(Clone, Debug)]
pub enum WhichKeys {
    /// The one of this id.
    One(KeyId),
    /// All, with everything that a leaked master key or database puts into other hands.
    All,
}

impl Authority {
    /// Lets the next key take over as early as it may. When it does.
    pub async fn rotate_key(&self, caller: &Caller, context: &CallContext) -> Result<Timestamp, Error> {
        let store = &self.parts().store;
        let act = self.act(Some(caller), context);
        let change = self.parts().keys.change().await;
        for _ in 0..KeyChange::ATTEMPTS {
            let current = change.read().await?;
            let (ring, moment) = current.ring.ring().rotated(act.now, &change.maker()?);
            let next = ring.keys().iter().find(|key| key.sign_from == moment);
            let detail = next.map(|key| key.key.id().to_string()).unwrap_or_default();
            let event = act.event(EventKind::KeyRotated, None).with_detail(detail);
            let written = store.rotate_ring(current.ring_version, ring.to_json(), event, &act).await;
            if written.map_err(|error| caller.explain(error.into()))? {
                change.finish().await?;
                return Ok(moment);
            }
        }
        Err(StoreError::contended().into())
    }

    /// Revokes keys: their tokens are refused from the answer on.
    pub async fn revoke_key(
        &self,
        caller: &Caller,
        which: &WhichKeys,
        context: &CallContext,
    ) -> Result<(), Error> {
        let store = &self.parts().store;
        let act = self.act(Some(caller), context);
        let change = self.parts().keys.change().await;
        for _ in 0..KeyChange::ATTEMPTS {
            if self.has_revoked(which).await? {
                return Ok(());
            }
            let current = change.read().await?;
            let revocation = decide(&current, which, act.now, &change.maker()?)?;
            let written = store.revoke_keys(revocation, &act).await;
            if written.map_err(|error| caller.explain(error.into()))? {
                change.finish().await?;
                tracing::warn!(?which, by = %caller.user_id(), "signing keys were revoked");
                return Ok(());
            }
        }
        Err(StoreError::contended().into())
    }
}

impl Authority {
    /// Whether a key has been revoked already: the answer was lost, or somebody else was quicker.
    async fn has_revoked(&self, which: &WhichKeys) -> Result<bool, Error> {
        let WhichKeys::One(id) = which else { return Ok(false) };
        // The log alone: whoever changes keys holds what reading them again waits for.
        self.parts().store.follow_trust_log().await?;
        Ok(self.parts().store.trust().has_revoked_key(id))
    }
}

/// What is to be written for these keys to be revoked.
fn decide(
    current: &CurrentKeys,
    which: &WhichKeys,
    now: Timestamp,
    maker: &KeyMaker<'_>,
) -> Result<KeyRevocation, Error> {
    let ring = current.ring.ring();
    let (next, everything) = match which {
        WhichKeys::One(id) => (ring.without(id, now, maker).map_err(unknown_key)?, None),
        WhichKeys::All => (Ring::first(now, maker), Some(maker.server_key())),
    };
    let keys = ring
        .keys()
        .iter()
        .filter(|key| is_meant(which, key))
        .map(|key| (key.key.id().clone(), forget_at(key.verify_until)))
        .collect();
    Ok(KeyRevocation { version: current.ring_version, document: next.to_json(), keys, everything })
}

/// Until when the revocation of a key is remembered that verifies up to `end`.
pub(super) fn forget_at(end: Option<Timestamp>) -> Timestamp {
    end.unwrap_or(Timestamp::from_millis(i64::MAX)).plus(GRACE)
}

fn is_meant(which: &WhichKeys, key: &RingKey) -> bool {
    match which {
        WhichKeys::One(id) => key.key.id() == id,
        WhichKeys::All => true,
    }
}

fn unknown_key(error: RingError) -> Error {
    match error {
        RingError::NoSuchKey => Error::field("key_id", "is not the id of a key of the ring"),
        other => Error::Internal(Box::new(other)),
    }
}
