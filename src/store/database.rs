//! The handle on the database: opening and closing it, and the rule for writes. Owns no table.
//!
//! ```text
//! caller ── waits for its turn ──▶ a task of its own ── runs to its end ──▶ answer
//!             │ caller gone                             │ caller gone
//!             └▶ nothing was written                    └▶ it is written all the same
//! ```

use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbErr, Statement, StatementBuilder};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument;

use crate::domain::Timestamp;

use super::config::ACQUIRE_TIMEOUT;
use super::faults::{Fault, Faults};
use super::file_identity::FileIdentity;
use super::trust_state::TrustState;
use super::{OpenError, StoreConfig, StoreError, schema, sqlite};

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// The connection that writes; `None` after one was given up, until the next write opens another. Whoever has the turn
    /// has it.
    writer: Mutex<Option<DatabaseConnection>>,
    readers: DatabaseConnection,
    /// Reads the trust log alone: a flood of reads must not keep revocations away.
    follower: DatabaseConnection,
    path: PathBuf,
    /// One permit a connection that writes. First come, first served.
    turn: Arc<Semaphore>,
    /// The file that was opened: whether it is still the one of that name.
    file: FileIdentity,
    /// How many writes have succeeded: whether the queue moves.
    written: AtomicU64,
    /// What has been revoked.
    trust: TrustState,
    faults: Faults,
}

impl Store {
    /// Opens the database, makes it if it is not there, and brings its schema up to date; `now` is noted with each
    /// change. Several processes may do so at once.
    pub async fn open(config: &StoreConfig, now: Timestamp) -> Result<Self, OpenError> {
        let file = config.url.sqlite_file();
        let writer = sqlite::open_writer(file).await?;
        schema::migrate(&writer, file, &countersign_migration::migrations(), now).await?;
        let readers = sqlite::open_readers(file).await?;
        let follower = sqlite::open_follower(file).await?;
        let turn = Arc::new(Semaphore::new(1));
        let store = Self(Arc::new(Inner {
            writer: Mutex::new(Some(writer)),
            readers,
            follower,
            path: file.to_owned(),
            turn,
            file: FileIdentity::of(file)?,
            written: AtomicU64::new(0),
            trust: TrustState::default(),
            faults: config.faults.clone(),
        }));
        store.enter_incarnation(<[u8; 16]>::default(), now).await?;
        Ok(store)
    }

    /// What has been revoked, for every check of a token.
    #[must_use]
    pub fn trust(&self) -> &TrustState {
        &self.0.trust
    }

    /// What tests make go wrong.
    pub(super) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Asks the database for a row, to learn whether it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.0.file.check()?;
        schema::ping(self.readers()).await
    }

    /// Waits until the writes that have begun or queued are through, and closes the database. Calls after that fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        let last = self.0.turn.acquire().await;
        self.0.turn.close();
        self.0.readers.clone().close().await?;
        self.0.follower.clone().close().await?;
        if let Some(writer) = self.0.writer.lock().await.take() {
            writer.close().await?;
        }
        drop(last);
        Ok(())
    }

    /// An outage if the file that is open is not the one of that name any more.
    pub(super) fn check_file(&self) -> Result<(), DbErr> {
        self.0.file.check()
    }

    /// Where to read the trust log.
    pub(super) fn follower(&self) -> &DatabaseConnection {
        &self.0.follower
    }

    /// Gives the writing connection up. After a commit or a rollback that failed nobody can tell in which transaction it
    /// is: SQLite has ended its own when the disk was full, and the driver has not noticed. What were written on it then
    /// would be answered for and never committed. Only who has the turn calls this.
    pub(super) async fn give_up_writer(&self) {
        if let Some(writer) = self.0.writer.lock().await.take() {
            tracing::warn!("a transaction could not be ended: its connection is given up");
            let _closed_or_not = timeout(ACQUIRE_TIMEOUT, writer.close()).await;
        }
    }

    /// Where to read.
    pub(super) fn readers(&self) -> &DatabaseConnection {
        &self.0.readers
    }

    /// Runs one writing statement and says how many rows it touched.
    pub(super) async fn execute(&self, statement: &impl StatementBuilder) -> Result<u64, DbErr> {
        let statement: Statement = self.readers().get_database_backend().build(statement);
        let faults = self.faults().clone();
        self.write(|db| async move {
            faults.strike(Fault::BeforeCommit)?;
            let touched = db.execute_raw(statement).await?.rows_affected();
            faults.strike(Fault::AfterCommit)?;
            Ok(touched)
        })
        .await
    }

    /// Runs `work`, which writes, as the picture above shows. A caller that goes away while it waits leaves the queue;
    /// once `work` has begun, nothing but the end of the process ends it early.
    pub(super) async fn write<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
        F: FnOnce(DatabaseConnection) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let turn = self.turn().await?;
        self.0.file.check()?;
        let inner = Arc::clone(&self.0);
        let task = async move {
            let outcome = match inner.writer().await {
                Ok(writer) => work(writer).await,
                Err(error) => Err(error.into()),
            };
            if outcome.is_ok() {
                inner.written.fetch_add(1, Ordering::Relaxed);
            }
            drop(turn);
            outcome
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(DbErr::Custom(format!("the writing task ended early: {error}")).into()),
        }
    }
}

impl Store {
    /// Waits for the turn to write. A queue that moves is waited for as long as the caller likes: a slow disk is not one
    /// that is out of reach. One that has not moved for a second is given up.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        let mut turn = pin!(Arc::clone(&self.0.turn).acquire_owned());
        let mut written = self.0.written.load(Ordering::Relaxed);
        loop {
            match timeout(ACQUIRE_TIMEOUT, turn.as_mut()).await {
                Ok(Ok(turn)) => return Ok(turn),
                Ok(Err(_)) => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
                Err(_) => {
                    let now = self.0.written.load(Ordering::Relaxed);
                    if now == written {
                        return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
                    }
                    written = now;
                }
            }
        }
    }
}

impl Inner {
    /// The connection that writes, opened again if it was given up.
    async fn writer(&self) -> Result<DatabaseConnection, DbErr> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = writer.as_ref() {
            return Ok(writer.clone());
        }
        let opened = sqlite::reopen_writer(&self.path).await?;
        Ok(writer.insert(opened).clone())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}
