//! The master keys at the start, and the keys that they unwrap.

use std::time::Duration;

use crate::auth::{Keys, KeysError, KeysParts, Policy};
use crate::crypto::Schedule;
use crate::store::{Store, StoreError};

use super::{MasterKeyFileError, MasterKeyFiles, Surroundings};

/// How long a signing key signs.
const PERIOD: Duration = Duration::from_secs(30 * 86_400);
/// How long a signing key is published before it signs, at least: twice as long as a verifier may keep a key set.
const LEAD: Duration = Duration::from_secs(600);
/// How much longer than its last token a key verifies: clocks differ.
const GRACE: Duration = Duration::from_secs(60);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum StartKeysError {
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyFileError),
    /// The keys that it unwraps.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database.
    #[error("the keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

/// How long signing keys live whose tokens live for `longest_token` at most, of sessions that last `session` at most.
#[must_use]
pub fn key_schedule(longest_token: Duration, session: Duration) -> Schedule {
    Schedule { period: PERIOD, lead: LEAD, tail: longest_token + GRACE, kept: session }
}

/// Opens the keys; the first master key is made if nothing was wrapped yet.
pub(super) async fn open(
    store: &Store,
    files: &MasterKeyFiles,
    policy: &Policy,
    surroundings: &Surroundings,
) -> Result<Keys, StartKeysError> {
    let is_new = store.lookup_ring().await?.is_none() && store.lookup_server_key().await?.is_none();
    let key_was_there = files.paths.iter().any(|path| path.exists());
    let master_keys = files.load(is_new, &*surroundings.entropy)?;
    // On a server the key is made before the database, and goes with no folder.
    if is_new && key_was_there && !store.is_shared() {
        tracing::warn!("the database is new and the master key is not: is this the right folder?");
    }
    let Surroundings { clock, entropy } = surroundings.clone();
    let schedule = key_schedule(policy.lifetimes.max, policy.sessions.absolute);
    Ok(Keys::open(KeysParts { store: store.clone(), master_keys, schedule, clock, entropy }).await?)
}
