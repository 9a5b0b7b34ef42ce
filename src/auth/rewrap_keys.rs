//! Wrapping all keys by another master key, so that an old one can go.

use std::time::Duration;

use super::KeysError;
use super::keys::unwrap;
use crate::crypto::{KeyMaker, MasterKey, Ring, Schedule};
use crate::domain::{Entropy, Timestamp};
use crate::store::{Store, StoreError, StoredServerKey};

/// How often it is tried again because a service has changed the ring meanwhile.
const ATTEMPTS: usize = 8;

/// Wraps every key that the first of the master keys has not wrapped. How many there were. A service that runs reads the keys
/// again within seconds and must have been given that master key before: without it, it signs nothing from a minute later on.
pub async fn rewrap_keys(
    store: &Store,
    master_keys: &[MasterKey],
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<usize, KeysError> {
    let master_key = master_keys.first().ok_or(KeysError::NoMasterKey)?;
    // No key is made here, so no life of one is measured.
    let schedule =
        Schedule { period: Duration::MAX, lead: Duration::ZERO, tail: Duration::ZERO, kept: Duration::ZERO };
    let maker = KeyMaker { master_key, entropy, schedule };
    for _ in 0..ATTEMPTS {
        let stored = store.lookup_ring().await?.ok_or(KeysError::Gone)?;
        let ring = Ring::parse(&stored.document)?;
        let foreign = ring.keys().iter().filter(|key| key.wrapped_by != master_key.id()).count();
        let written = match ring.rewrapped(master_keys, &maker)? {
            Some(next) => store.replace_ring(stored.version, &next.to_json(), now).await?,
            None => true,
        };
        if written {
            return Ok(foreign + rewrap_server_key(store, master_keys, &maker).await?);
        }
    }
    Err(StoreError::contended().into())
}

async fn rewrap_server_key(
    store: &Store,
    master_keys: &[MasterKey],
    maker: &KeyMaker<'_>,
) -> Result<usize, KeysError> {
    let stored = store.lookup_server_key().await?.ok_or(KeysError::Gone)?;
    let wrapped_by = maker.master_key.id();
    if stored.wrapped_by == wrapped_by {
        return Ok(0);
    }
    let key = unwrap(&stored, master_keys)?;
    let wrapped_key = maker.master_key.wrap_server_key(&key, maker.entropy);
    let next = StoredServerKey { wrapped_key, wrapped_by };
    if store.replace_server_key(&stored, &next).await? { Ok(1) } else { Err(StoreError::contended().into()) }
}
