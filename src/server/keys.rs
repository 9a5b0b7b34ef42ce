//! The keys at the start: the ring of signing keys and the server key, read from the database, or made if this is the first
//! start.

use crate::crypto::{MasterKey, OpenRing, Ring, RingError, ServerKey};
use crate::store::{Store, StoreError, StoredServerKey};

use super::{MasterKeyFileError, MasterKeyFiles, Surroundings};

/// Why a key is missing.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFileError),
    /// The ring.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The server key is wrapped by a master key that was not given.
    #[error(
        "the server key is wrapped by master key {0}, which was not given: add its file with --master-key-file, or restore \
         it from a backup"
    )]
    ServerKeyMasterMissing(String),
    /// The stored server key is not what this service wrote.
    #[error("the stored server key is damaged; restore it from a backup of the database")]
    ServerKeyDamaged,
    /// The database.
    #[error("the keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// The keys, open for use.
pub(super) struct OpenKeys {
    pub(super) ring: OpenRing,
    pub(super) server_key: ServerKey,
}

/// Opens the keys. Of several processes that start at once on an empty database one makes each, and all use it.
pub(super) async fn open(
    store: &Store,
    files: &MasterKeyFiles,
    surroundings: &Surroundings,
) -> Result<OpenKeys, KeysError> {
    let (ring, server_key) = (store.lookup_ring().await?, store.lookup_server_key().await?);
    let key_was_there = files.paths.iter().any(|path| path.exists());
    let master_keys = files.load(ring.is_none() && server_key.is_none(), &*surroundings.entropy)?;
    let now = surroundings.clock.now();
    let document = match ring {
        Some(stored) => stored.document,
        None => make_ring(store, &master_keys, key_was_there, surroundings).await?,
    };
    let stored = match server_key {
        Some(stored) => stored,
        None => make_server_key(store, &master_keys, surroundings).await?,
    };
    Ok(OpenKeys {
        ring: Ring::parse(&document)?.open(&master_keys, now)?,
        server_key: unwrap_server_key(&stored, &master_keys)?,
    })
}

async fn make_ring(
    store: &Store,
    master_keys: &[MasterKey],
    key_was_there: bool,
    surroundings: &Surroundings,
) -> Result<String, KeysError> {
    let wrapping = first(master_keys)?;
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

async fn make_server_key(
    store: &Store,
    master_keys: &[MasterKey],
    surroundings: &Surroundings,
) -> Result<StoredServerKey, KeysError> {
    let (wrapping, entropy) = (first(master_keys)?, &*surroundings.entropy);
    let key = ServerKey::generate(entropy);
    let made =
        StoredServerKey { wrapped_key: wrapping.wrap_server_key(&key, entropy), wrapped_by: wrapping.id() };
    if store.insert_server_key(&made).await? {
        return Ok(made);
    }
    store.lookup_server_key().await?.ok_or(KeysError::ServerKeyDamaged)
}

fn unwrap_server_key(stored: &StoredServerKey, master_keys: &[MasterKey]) -> Result<ServerKey, KeysError> {
    let master_key = master_keys
        .iter()
        .find(|key| key.id() == stored.wrapped_by)
        .ok_or_else(|| KeysError::ServerKeyMasterMissing(stored.wrapped_by.clone()))?;
    master_key.unwrap_server_key(&stored.wrapped_key).map_err(|_| KeysError::ServerKeyDamaged)
}

fn first(master_keys: &[MasterKey]) -> Result<&MasterKey, KeysError> {
    master_keys.first().ok_or_else(|| RingError::Damaged("no master key was given").into())
}
