//! The ring of signing keys at the start: read from the database, or made if this is the first start.

use crate::crypto::{MasterKey, OpenRing, Ring, RingError};
use crate::store::{Store, StoreError};

use super::{MasterKeyFileError, MasterKeyFiles, Surroundings};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFileError),
    /// The ring.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The database.
    #[error("the signing keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// The ring, open for signing and verifying. Of several processes that start at once on an empty database one makes the
/// ring, and all use it.
pub(super) async fn open(
    store: &Store,
    files: &MasterKeyFiles,
    surroundings: &Surroundings,
) -> Result<OpenRing, SigningKeysError> {
    let stored = store.lookup_ring().await?;
    let key_was_there = files.paths.iter().any(|path| path.exists());
    let master_keys = files.load(stored.is_none(), &*surroundings.entropy)?;
    let now = surroundings.clock.now();
    let document = match stored {
        Some(stored) => stored.document,
        None => make_first(store, &master_keys, key_was_there, surroundings).await?,
    };
    Ok(Ring::parse(&document)?.open(&master_keys, now)?)
}

async fn make_first(
    store: &Store,
    master_keys: &[MasterKey],
    key_was_there: bool,
    surroundings: &Surroundings,
) -> Result<String, SigningKeysError> {
    let Some(wrapping) = master_keys.first() else {
        return Err(RingError::Damaged("no master key was given").into());
    };
    let ring = Ring::first(wrapping, surroundings.clock.now(), &*surroundings.entropy);
    let document = ring.to_json();
    if store.insert_ring(&document).await? {
        if key_was_there {
            tracing::warn!("the database is new and the master key is not: is this the right folder?");
        }
        tracing::info!("the first signing key was made");
        return Ok(document);
    }
    let winner = store.lookup_ring().await?.ok_or(RingError::Damaged("it was there and is gone"))?;
    Ok(winner.document)
}
