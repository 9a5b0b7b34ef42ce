//! The handle on the database: opening and closing it, and the rule for writes. Owns no table.
//!
//! ```text
//! caller ── waits for its turn ──▶ a task of its own ── runs to its end ──▶ answer
//!             │ caller gone                             │ caller gone, or answered that nobody knows
//!             └▶ nothing was written                    └▶ it is written all the same
//! ```

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::sea_query::{InsertStatement, SelectStatement};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbErr, QueryResult, SqlErr, Statement,
    StatementBuilder,
};
use tokio::sync::Notify;
use tracing::Instrument;

use crate::domain::Timestamp;

use super::answers::Answers;
use super::engine::{Engine, Renewal};
use super::error::{Meaning, meaning_of};
use super::faults::{Fault, Faults};
use super::patience::{Patience, monotonic_now};
use super::time_limits::{Lasting, SOON};
use super::trust_marks::Marks;
use super::trust_state::TrustState;
use super::turns::{Turn, Turns};
use super::user_lookups::UserLookups;
use super::{OpenError, StoreConfig, StoreError, database_server, schema};

/// The database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    engine: Engine,
    turns: Turns,
    user_lookups: UserLookups,
    answers: Answers,
    /// Whether a question went unanswered since the connections were last seen to work.
    doubted: AtomicBool,
    /// Told when one does.
    doubt: Notify,
    /// What has been revoked.
    trust: TrustState,
    marks: Marks,
    faults: Faults,
}

impl Store {
    /// Opens the database, makes it if it is a file that is not there, and brings its schema up to date; `now` is noted with
    /// each change. Several processes may do so at once. A copy that was not fenced is refused.
    pub async fn open(config: &StoreConfig, now: Timestamp) -> Result<Self, OpenError> {
        let engine = boxed(Engine::open(config, &countersign_migration::migrations(), now)).await?;
        let turns = Turns::new(engine.writers_at_once());
        let store = Self(Arc::new(Inner {
            engine,
            turns,
            user_lookups: UserLookups::default(),
            answers: Answers::default(),
            doubted: AtomicBool::new(false),
            doubt: Notify::new(),
            trust: TrustState::default(),
            marks: Marks::default(),
            faults: config.faults.clone(),
        }));
        store.require_original().await?;
        store.enter_incarnation(<[u8; 16]>::default()).await?;
        Ok(store)
    }

    /// What has been revoked, for every check of a token.
    #[must_use]
    pub fn trust(&self) -> &TrustState {
        &self.0.trust
    }

    /// What its commits are recognised by in the log.
    pub(super) fn marks(&self) -> &Marks {
        &self.0.marks
    }

    /// What tests make go wrong.
    pub(super) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Who waits for a user.
    pub(super) fn user_lookups(&self) -> &UserLookups {
        &self.0.user_lookups
    }

    /// What differs between databases.
    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Whether other processes on other machines may be using the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0.engine, Engine::Server(_))
    }

    /// The time of a database server, by which replicas can compare their clocks; `None` for a file.
    pub async fn time_of_server(&self) -> Result<Option<Timestamp>, StoreError> {
        let Some(ask) = self.0.engine.ask_for_time() else { return Ok(None) };
        let follower = self.0.engine.follower();
        let answer = self.bounded(async { Ok::<_, StoreError>(follower.query_one_raw(ask).await?) }).await?;
        let millis = answer.map(|row| row.try_get_by_index(0)).transpose().map_err(StoreError::from)?;
        Ok(millis.map(Timestamp::from_millis))
    }

    /// Asks the database for a row, to learn whether it answers. Where there is no answer soon, or was none to another question, new
    /// connections are opened first, unless those of before answer: they may lead to a machine that is gone. Whoever asks again and
    /// again gets them as soon as they can be had, also if it gives up on a question after a second. Where there is a queue of others
    /// who read, and they get their answers, that is no outage: then it is asked past the queue.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if self.0.turns.is_closed() {
            return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into());
        }
        self.0.engine.check()?;
        // A caller that gives up leaves them in doubt.
        let doubted = self.0.doubted.swap(true, Ordering::Relaxed);
        let in_doubt = doubted && !self.is_busy();
        let answered = if in_doubt { None } else { self.soon(schema::ping(&self.readers())).await };
        match answered {
            Some(answer) => answer?,
            None if self.is_busy() && self.answers_past_the_queue().await => {}
            None => {
                self.take_up(self.0.engine.renew().await?).await?;
                self.bounded(schema::ping(&self.readers())).await?;
            }
        }
        // A session that began while nothing could be written goes on so when that is over.
        if !self.is_busy() && self.bounded(database_server::only_reads(&self.readers())).await? {
            // If there is none, what it reads is an answer all the same.
            if let Ok(renewal) = self.0.engine.renew_all_the_same().await {
                self.take_up(renewal).await?;
            }
        }
        self.0.doubted.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether those who read wait for each other, and not for the database.
    fn is_busy(&self) -> bool {
        self.0.engine.readers_are_taken() && self.0.answers.came_within(SOON)
    }

    async fn answers_past_the_queue(&self) -> bool {
        matches!(self.soon(schema::ping(&self.0.engine.follower())).await, Some(Ok(())))
    }

    /// Begins to write on new connections, if there are.
    async fn take_up(&self, renewal: Renewal) -> Result<(), StoreError> {
        if renewal == Renewal::Needless {
            return Ok(());
        }
        if self.0.turns.is_closed() {
            // Meanwhile; and what was opened since is open.
            self.0.engine.close().await?;
            return Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into());
        }
        self.0.turns.renew();
        Ok(())
    }

    /// Returns when it is time to ask, because a question went unanswered.
    pub async fn doubted(&self) {
        self.0.doubt.notified().await;
    }

    /// Waits until the writes that have begun or queued are through, and closes the database. Calls after that fail.
    pub async fn close(&self) -> Result<(), StoreError> {
        let last = self.0.turns.everybodys().await?;
        self.0.turns.close();
        self.0.engine.close().await?;
        drop(last);
        Ok(())
    }

    /// Where to read.
    pub(super) fn readers(&self) -> DatabaseConnection {
        self.0.engine.readers()
    }

    /// The row that a query finds.
    pub(super) async fn find(&self, select: &SelectStatement) -> Result<Option<QueryResult>, StoreError> {
        let readers = self.readers();
        self.noted(self.bounded(async { Ok(readers.query_one(select).await?) }).await)
    }

    /// All rows that a query finds.
    pub(super) async fn find_all(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, StoreError> {
        let readers = self.readers();
        self.noted(self.bounded(async { Ok(readers.query_all(select).await?) }).await)
    }

    fn noted<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_ok() {
            self.0.answers.note();
        }
        answer
    }

    /// The row that a query finds, where a flood of reads keeps nobody waiting: of the trust log and its counter.
    pub(super) async fn find_in_log(
        &self,
        select: &SelectStatement,
    ) -> Result<Option<QueryResult>, StoreError> {
        let follower = self.0.engine.follower();
        let asking = async { Ok(follower.query_one(select).await?) };
        match self.in_time(asking).await {
            Some(answer) => answer,
            None => self.find(select).await,
        }
    }

    /// All rows that it finds.
    pub(super) async fn find_all_in_log(
        &self,
        select: &SelectStatement,
    ) -> Result<Vec<QueryResult>, StoreError> {
        let follower = self.0.engine.follower();
        let asking = async { Ok(follower.query_all(select).await?) };
        match self.in_time(asking).await {
            Some(answer) => answer,
            None => self.find_all(select).await,
        }
    }

    /// The answer, if it comes in time. The follower of the log has one connection: where that one hangs, another is asked.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Option<Result<T, StoreError>> {
        let answer = self.soon(answer).await;
        if answer.is_none() {
            self.0.doubted.store(true, Ordering::Relaxed);
            self.0.doubt.notify_one();
        }
        answer
    }

    /// Runs one writing statement and says how many rows it touched.
    pub(super) async fn execute(&self, statement: &impl StatementBuilder) -> Result<u64, DbErr> {
        let statement: Statement = self.readers().get_database_backend().build(statement);
        let store = self.clone();
        self.write(|db| async move {
            store.faults().strike(Fault::BeforeCommit)?;
            let touched = store.run(&db, statement).await?;
            store.faults().strike(Fault::AfterCommit)?;
            Ok(touched)
        })
        .await
    }

    /// Inserts a row, unless one of its key is there already. Whether it did.
    pub(super) async fn insert_unless_there(&self, insert: &InsertStatement) -> Result<bool, StoreError> {
        match self.execute(insert).await {
            Ok(_) => Ok(true),
            Err(error) => match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
                _ => Err(error.into()),
            },
        }
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
        self.write_lasting(&Lasting::default(), work).await
    }

    /// The same for what may turn out to last.
    pub(super) async fn write_lasting<T, E, F, Fut>(&self, lasting: &Lasting, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
        F: FnOnce(DatabaseConnection) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let began = monotonic_now();
        let turn = self.0.turns.one().await?;
        self.bounded_write((began, lasting), self.write_in(turn, work)).await
    }

    /// The same while nothing else is written here.
    pub(super) async fn write_alone<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
        F: FnOnce(DatabaseConnection) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let turn = self.0.turns.alone().await?;
        self.write_in(turn, work).await
    }
}

impl Store {
    async fn write_in<T, E, F, Fut>(&self, turn: Turn, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
        F: FnOnce(DatabaseConnection) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.0.engine.check()?;
        let inner = Arc::clone(&self.0);
        let task = async move {
            let outcome = match inner.engine.writer().await {
                Ok(writer) => work(writer).await,
                Err(error) => Err(error.into()),
            };
            if outcome.is_ok() {
                inner.turns.moved();
            }
            drop(turn);
            outcome
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(DbErr::Custom(format!("the writing task ended early: {error}")).into()),
        }
    }

    /// One statement, again and again while other transactions are in its way.
    async fn run(&self, db: &DatabaseConnection, statement: Statement) -> Result<u64, DbErr> {
        let mut patience = Patience::new();
        loop {
            let running = async { Ok(db.execute_raw(statement.clone()).await?.rows_affected()) };
            match self.bounded(running).await {
                Err(error) if meaning_of(&error) == Meaning::Contention && patience.pause().await => {}
                outcome => return outcome,
            }
        }
    }
}

/// What opens a database is as deep as everything that it calls: deeper than the compiler wants to look into at once.
fn boxed<'a, T>(
    opening: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(opening)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tempfile::TempDir;

    use super::*;
    use crate::store::DatabaseUrl;

    /// Its one connection is not renewed, so whoever writes on it is waited for.
    #[tokio::test]
    async fn on_sqlite_one_writes_at_a_time_also_after_a_question_without_an_answer() {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("countersign.db").display());
        let config = StoreConfig::new(DatabaseUrl::parse(&url).unwrap());
        let store = Store::open(&config, Timestamp::from_millis(1)).await.unwrap();
        let turn = store.0.turns.one().await.unwrap();
        store.0.doubted.store(true, Ordering::Relaxed);
        store.ping().await.unwrap();
        assert!(store.0.turns.one().now_or_never().is_none());
        drop(turn);
        store.0.turns.one().await.unwrap();
    }
}
