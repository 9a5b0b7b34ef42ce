//! What the store is told: which database, and how it is used.

use std::time::Duration;

use super::{DatabaseUrl, Faults};

/// How long a call waits for a connection: below the time that callers give a whole call.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// The store's settings.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// How many connections to a database server are kept for calls, half of them for those that write. SQLite has one
    /// that writes, whatever this is.
    pub connections: u32,
    /// What tests make go wrong; nothing in a release.
    pub faults: Faults,
}

impl StoreConfig {
    /// How many connections there are unless somebody says otherwise. A PostgreSQL server takes 100 by default, which is
    /// five replicas.
    pub const CONNECTIONS: u32 = 16;

    /// The database of this URL, used as usual.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self { url, connections: Self::CONNECTIONS, faults: Faults::default() }
    }
}
