//! The keys in use: the ring of signing keys and the server key, as they were last read from the database. Owns reading them
//! again, keeping the ring as its schedule wants it, and the rule that nothing is signed by a ring that was read long ago.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::Error;
use crate::crypto::{KeyMaker, MasterKey, OpenRing, Ring, RingError, Schedule, ServerKey, SigningKey};
use crate::domain::{Clock, Entropy, Timestamp};
use crate::store::{Store, StoreError, StoredServerKey};

/// How long a ring that was read may sign: a key that was revoked elsewhere signs no longer than this.
const FRESH: Duration = Duration::from_secs(60);
/// How often a change of the ring is tried again because another process has changed it.
const ATTEMPTS: usize = 8;

/// A cheap handle on the keys.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

/// What [`Keys`] are made of.
pub struct KeysParts {
    /// Where they are.
    pub store: Store,
    /// What unwraps them; the first wraps.
    pub master_keys: Vec<MasterKey>,
    /// How long they live.
    pub schedule: Schedule,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where new ones come from.
    pub entropy: Arc<dyn Entropy>,
}

struct Inner {
    parts: KeysParts,
    current: ArcSwap<CurrentKeys>,
    /// The version of the current ring.
    version: watch::Sender<i64>,
    /// Held by whoever reads: of many who find the ring stale, one reads.
    reading: Mutex<()>,
    /// How many readings came to nothing, and what the last one came to.
    failed: std::sync::Mutex<(u64, Option<StoreError>)>,
}

/// The keys as they were read.
#[derive(Debug)]
pub struct CurrentKeys {
    /// The signing keys.
    pub ring: OpenRing,
    /// What refresh tokens, reset codes and page tokens are made with.
    pub server_key: ServerKey,
    pub(super) ring_version: i64,
    read: Timestamp,
}

/// Why there are no keys to work with. Each is a sentence for whoever starts the service.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The ring.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// No master key was given.
    #[error("no master key was given")]
    NoMasterKey,
    /// The server key is wrapped by a master key that was not given.
    #[error(
        "the server key is wrapped by master key {0}, which was not given: add its file with --master-key-file, or restore \
         it from a backup"
    )]
    MasterKeyMissing(String),
    /// The stored server key is not what this service wrote.
    #[error("the stored server key is damaged; restore it from a backup of the database")]
    ServerKeyDamaged,
    /// A key was there and is gone.
    #[error("the keys are gone from the database")]
    Gone,
    /// The database.
    #[error("the keys cannot be read: {0}")]
    Store(#[from] StoreError),
}

impl Keys {
    /// Reads the keys, and makes those that are not there. Of several processes that start at once on an empty database one
    /// makes each, and all use it.
    pub async fn open(parts: KeysParts) -> Result<Self, KeysError> {
        parts.ensure().await?;
        let current = parts.read().await?;
        let version = watch::Sender::new(current.ring_version);
        let current = ArcSwap::from_pointee(current);
        let (reading, failed) = (Mutex::default(), std::sync::Mutex::default());
        let inner = Inner { parts, current, version, reading, failed };
        let keys = Self(Arc::new(inner));
        keys.reload().await?;
        Ok(keys)
    }

    /// The keys as they were last read.
    #[must_use]
    pub fn current(&self) -> Arc<CurrentKeys> {
        self.0.current.load_full()
    }

    /// Follows the versions of the ring.
    pub(super) fn follow(&self) -> watch::Receiver<i64> {
        self.0.version.subscribe()
    }

    /// The key that signs now. A ring that was read too long ago is read again first: the key may have been revoked.
    pub(super) async fn signing(&self) -> Result<SigningKey, Error> {
        if let Some(key) = self.fresh_signing() {
            return Ok(key);
        }
        let failures = self.failed().0;
        let _reading = self.0.reading.lock().await;
        // Of many who find it stale, one reads; and whoever has waited for a reading that failed does not wait for another.
        if let Some(key) = self.fresh_signing() {
            return Ok(key);
        }
        if let (ended, Some(error)) = self.failed()
            && ended > failures
        {
            return Err(error.into());
        }
        self.read_and_maintain().await?;
        self.fresh_signing().ok_or_else(|| Error::Internal("no signing key is active".into()))
    }

    /// Reads the keys again, and gives the ring what its schedule wants at this moment.
    pub async fn reload(&self) -> Result<(), KeysError> {
        let _reading = self.0.reading.lock().await;
        self.read_and_maintain().await
    }

    /// Reads the keys again if another process has changed the ring.
    pub(super) async fn catch_up(&self) -> Result<(), KeysError> {
        let version = self.0.parts.store.lookup_ring_version().await?;
        let outdated = || version.is_some_and(|version| version != self.current().ring_version);
        self.read_again_if(outdated).await
    }

    /// The same if the log says that one of the keys was revoked: what has taken its place is needed now.
    pub(super) async fn let_go_of_revoked(&self) -> Result<(), KeysError> {
        self.read_again_if(|| self.holds_revoked()).await
    }

    /// Of many who find that they must, one reads.
    async fn read_again_if(&self, needed: impl Fn() -> bool) -> Result<(), KeysError> {
        if needed() {
            let _reading = self.0.reading.lock().await;
            if needed() {
                self.read_and_maintain().await?;
            }
        }
        Ok(())
    }

    fn holds_revoked(&self) -> bool {
        let (current, trust) = (self.current(), self.0.parts.store.trust());
        current.ring.keys().keys().any(|key| trust.has_revoked_key(key.id()))
    }

    fn fresh_signing(&self) -> Option<SigningKey> {
        let (now, current) = (self.0.parts.clock.now(), self.current());
        let fresh = now.since(current.read) < FRESH;
        let key = current.ring.signer_at(now).filter(|_| fresh)?;
        // Another process may have revoked it since it was read.
        let revoked = self.0.parts.store.trust().has_revoked_key(key.signer.public_key().id());
        (!revoked).then(|| key.clone())
    }

    /// How many readings came to nothing, and what the last one came to.
    pub(super) fn failed(&self) -> (u64, Option<StoreError>) {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_and_maintain(&self) -> Result<(), KeysError> {
        let outcome = self.attempt_to_read_and_maintain().await;
        if let Err(KeysError::Store(error)) = &outcome {
            let mut failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = (failed.0 + 1, Some(error.clone()));
        }
        outcome
    }

    async fn attempt_to_read_and_maintain(&self) -> Result<(), KeysError> {
        for _ in 0..ATTEMPTS {
            self.0.take_up(self.0.parts.read().await?);
            let (now, current) = (self.0.parts.clock.now(), self.current());
            let Some(next) = current.ring.ring().maintained(now, &self.0.parts.maker()?) else {
                return Ok(());
            };
            if self.0.parts.store.replace_ring(current.ring_version, &next.to_json(), now).await? {
                tracing::info!(keys = next.keys().len(), "the ring of signing keys was brought up to date");
            }
        }
        Err(StoreError::contended().into())
    }

    /// Begins a change of the ring: nobody else of this process changes or reads it until that is over.
    pub(super) async fn change(&self) -> KeyChange<'_> {
        KeyChange { keys: self, _alone: self.0.reading.lock().await }
    }
}

/// A change of the ring on its way. Another process may be faster: then what was read is read again.
pub(super) struct KeyChange<'a> {
    keys: &'a Keys,
    _alone: MutexGuard<'a, ()>,
}

impl KeyChange<'_> {
    /// How often a change is tried.
    pub(super) const ATTEMPTS: usize = ATTEMPTS;

    /// The keys as they are now. They are taken up: whoever follows the log would wait for the end of the change otherwise, to do so.
    pub(super) async fn read(&self) -> Result<Arc<CurrentKeys>, KeysError> {
        self.keys.0.take_up(self.keys.0.parts.read().await?);
        Ok(self.keys.current())
    }

    /// Makes new keys.
    pub(super) fn maker(&self) -> Result<KeyMaker<'_>, KeysError> {
        self.keys.0.parts.maker()
    }

    /// Takes up what was written.
    pub(super) async fn finish(self) -> Result<(), KeysError> {
        self.read().await?;
        Ok(())
    }
}

impl Inner {
    fn take_up(&self, read: CurrentKeys) {
        let version = read.ring_version;
        self.current.store(Arc::new(read));
        self.version.send_if_modified(|known| std::mem::replace(known, version) != version);
    }
}

impl KeysParts {
    fn maker(&self) -> Result<KeyMaker<'_>, KeysError> {
        let master_key = self.master_keys.first().ok_or(KeysError::NoMasterKey)?;
        Ok(KeyMaker { master_key, entropy: &*self.entropy, schedule: self.schedule })
    }

    async fn ensure(&self) -> Result<(), KeysError> {
        let maker = self.maker()?;
        if self.store.lookup_ring().await?.is_none()
            && self.store.insert_ring(&Ring::first(self.clock.now(), &maker).to_json()).await?
        {
            tracing::info!("the first signing keys were made");
        }
        if self.store.lookup_server_key().await?.is_none() {
            self.store.insert_server_key(&maker.server_key()).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<CurrentKeys, KeysError> {
        let now = self.clock.now();
        let ring = self.store.lookup_ring().await?.ok_or(KeysError::Gone)?;
        let server_key = self.store.lookup_server_key().await?.ok_or(KeysError::Gone)?;
        Ok(CurrentKeys {
            ring: Ring::parse(&ring.document)?.open(&self.master_keys)?,
            server_key: unwrap(&server_key, &self.master_keys)?,
            ring_version: ring.version,
            read: now,
        })
    }
}

impl KeyMaker<'_> {
    /// A new server key, wrapped.
    pub(super) fn server_key(&self) -> StoredServerKey {
        let key = ServerKey::generate(self.entropy);
        StoredServerKey {
            wrapped_key: self.master_key.wrap_server_key(&key, self.entropy),
            wrapped_by: self.master_key.id(),
        }
    }
}

/// The server key, by whichever of the master keys wrapped it.
pub(super) fn unwrap(stored: &StoredServerKey, master_keys: &[MasterKey]) -> Result<ServerKey, KeysError> {
    let master_key = master_keys
        .iter()
        .find(|key| key.id() == stored.wrapped_by)
        .ok_or_else(|| KeysError::MasterKeyMissing(stored.wrapped_by.clone()))?;
    master_key.unwrap_server_key(&stored.wrapped_key).map_err(|_| KeysError::ServerKeyDamaged)
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
