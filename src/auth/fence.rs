//! Fencing a database that was put back: which keys take the place of those of before.

use super::KeysError;
use super::rotate_keys::forget_at;
use crate::crypto::{KeyMaker, Ring, RingError};
use crate::domain::{Act, Timestamp};
use crate::store::{Fence, Fenced, Maintenance, OpenError, StoreError};

/// Why nothing was fenced.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// The ring of before, whose keys are to be revoked.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The new keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<StoreError> for FenceError {
    fn from(error: StoreError) -> Self {
        Self::Open(error.into())
    }
}

/// Ends everything that was good before `act`: keys, tokens, refresh tokens, sessions, reset codes and page tokens. It does
/// not unwrap the old keys: the master key of before may be lost.
pub async fn fence(database: &Maintenance, maker: &KeyMaker<'_>, act: &Act) -> Result<Fenced, FenceError> {
    let mut incarnation = [0; 16];
    maker.entropy.fill(&mut incarnation);
    database.fence(incarnation, act, |ring| Ok(decide(&Ring::parse(ring)?, act.now, maker))).await
}

fn decide(ring: &Ring, now: Timestamp, maker: &KeyMaker<'_>) -> Fence {
    Fence {
        ring: Ring::first(now, maker).to_json(),
        server_key: maker.server_key(),
        revoked: ring.keys().iter().map(|key| (key.key.id().clone(), forget_at(key.verify_until))).collect(),
    }
}
