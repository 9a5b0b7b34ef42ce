//! A transaction that may revoke: its changes, the entries in the trust log and their publication in memory are one thing.
//!
//! ```text
//! work ── entries in the log, the counter last ── commit ── publish ── answer
//!   │ refuses                                        │ fails: nobody knows whether it happened
//!   └▶ rolled back                                   └▶ the log is read again, and tells
//! ```

use std::pin::Pin;

use countersign_verify::{Revocation, Revoked};
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Order, Query, SelectStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, StatementBuilder,
};

use super::entity::{trust_counter, users};
use super::error::Failure;
use super::faults::Fault;
use super::patience::Patience;
use super::row::bytes;
use super::time_limits::{LASTING, LASTING_ON_POSTGRES, Lasting};
use super::trust_state::TrustState;
use super::{Store, StoreError};
use crate::domain::{Timestamp, UserId};

/// What a transaction does: it borrows the transaction, so it is boxed.
pub(super) type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A transaction that writes.
pub(super) struct Transaction {
    db: DatabaseTransaction,
    /// When it happens.
    pub(super) now: Timestamp,
    /// By what its commit is recognised in the trust log.
    pub(super) mark: Option<i64>,
    /// By what the one before is, once the log is appended to.
    pub(super) mark_before: Option<i64>,
    /// What it revokes, and when that may be forgotten.
    pub(super) revoked: Vec<(Revoked, Timestamp)>,
    /// Whether it changes something else that other processes have to know.
    pub(super) has_news: bool,
    lasting: Lasting,
}

impl Store {
    /// Runs `work` in a transaction of its own, at `now`; once more if another transaction was in the way. If it refuses,
    /// nothing has happened. What it revokes is felt by every check of a token before this returns, and also if its caller
    /// is gone.
    pub(super) async fn transact<T, E, F>(&self, now: Timestamp, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure,
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, E> + Send + Sync + 'static,
    {
        let (store, lasting) = (self.clone(), Lasting::default());
        let known_here = lasting.clone();
        let writing = self.write_lasting(&lasting, move |db| async move {
            let mut patience = Patience::new();
            loop {
                let outcome = store.attempt(&db, (now, &known_here), &work).await;
                if known_here.has_begun() {
                    patience.last(LASTING);
                }
                let contended = outcome.as_ref().is_err_and(Failure::is_contention);
                if !contended || !patience.pause().await {
                    return outcome;
                }
            }
        });
        let (value, last) = writing.await?;
        // Who is told that something is done must find it done: what another process has revoked before, too. And what
        // has been revoked here must be within what is known, or nobody would wait until verifiers know it.
        self.know_log_to(last).await?;
        Ok(value)
    }

    /// What came of it, and where the log is then.
    async fn attempt<T, E, F>(
        &self,
        db: &DatabaseConnection,
        (now, lasting): (Timestamp, &Lasting),
        work: &F,
    ) -> Result<(T, i64), E>
    where
        T: Send + 'static,
        E: Failure,
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, E> + Send + Sync + 'static,
    {
        let db = self.bounded(self.engine().begin(db)).await?;
        let (mark, known_to_it) = (self.marks().next(), lasting.clone());
        let mut transaction = Transaction { mark, lasting: known_to_it, ..Transaction::begun(db, now) };
        let done = self.bounded_or_lasting(lasting, transaction.run(self.trust(), work)).await;
        let (position, revocations, value) = match done {
            Ok(done) => done,
            Err(refusal) => {
                if self.bounded(transaction.db.rollback()).await.is_err() {
                    self.engine().give_up_writer().await;
                }
                return Err(refusal);
            }
        };
        let marks = (transaction.mark_before, transaction.mark);
        if let Err(error) = self.commit(transaction, lasting).await {
            self.engine().give_up_writer().await;
            // If this fails too, whoever follows the log finds it.
            let _still_unknown = self.follow_trust_log().await;
            return Err(error.into());
        }
        if !self.trust().publish(&revocations, marks) {
            self.trust().tell_elsewhere();
            return Err(StoreError::another_log().into());
        }
        Ok((value, revocations.last().map_or(position, |last| last.sequence)))
    }

    async fn commit(&self, transaction: Transaction, lasting: &Lasting) -> Result<(), DbErr> {
        self.faults().strike(Fault::BeforeCommit)?;
        self.bounded_or_lasting(lasting, transaction.db.commit()).await?;
        self.faults().strike(Fault::AfterCommit)
    }
}

impl Transaction {
    /// One that has begun.
    pub(super) fn begun(db: DatabaseTransaction, now: Timestamp) -> Self {
        let lasting = Lasting::default();
        Self { db, now, mark: None, mark_before: None, revoked: Vec::new(), has_news: false, lasting }
    }

    /// Writes what it revokes into the log, tells other processes, and commits.
    pub(super) async fn finish(mut self) -> Result<(), DbErr> {
        self.log_and_announce().await?;
        self.db.commit().await
    }

    /// Writes what it revokes into the log, and tells other processes of it when that is committed.
    async fn log_and_announce(&mut self) -> Result<Vec<Revocation>, DbErr> {
        // Before others have to wait for the counter.
        if self.has_news || !self.revoked.is_empty() {
            self.announce().await?;
        }
        self.append_to_log().await
    }

    /// All that comes before the commit. Nothing is written into a log that lacks something which is known: it must be entered
    /// before, or what is revoked would get numbers that are taken for known. Where the log is comes with it, as of what `work` has
    /// decided by.
    async fn run<T, E, F>(&mut self, trust: &TrustState, work: &F) -> Result<(i64, Vec<Revocation>, T), E>
    where
        E: Failure,
        F: for<'a> Fn(&'a mut Transaction) -> Work<'a, T, E>,
    {
        let value = work(self).await?;
        let known = trust.known();
        let log = self.lookup_log(known).await?;
        if log.is_some_and(|found| !found.has(known)) {
            trust.tell_elsewhere();
            return Err(StoreError::another_log().into());
        }
        let position = log.map_or(0, |found| found.end.position.sequence);
        Ok((position, self.log_and_announce().await?, value))
    }

    /// Waits until nobody else does anything about these users, and keeps others from it until the end. Whatever is read of
    /// them and of their sessions afterwards stays true. SQLite has one writer: nobody else does anything at all.
    pub(super) async fn lock(&self, users: impl IntoIterator<Item = UserId>) -> Result<(), DbErr> {
        if self.backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let ids: Vec<_> = users.into_iter().map(|id| bytes(id.as_uuid())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        // In one order everywhere, so that two do not wait for each other.
        let select = Query::select()
            .column(users::Column::Id)
            .from(users::Entity)
            .and_where(Expr::col(users::Column::Id).is_in(ids))
            .order_by(users::Column::Id, Order::Asc)
            .lock(LockType::Update)
            .to_owned();
        self.find_all(&select).await?;
        Ok(())
    }

    /// Waits until nobody else decides about all users, and keeps others from it until the end. Users are locked before.
    pub(super) async fn lock_everything(&self) -> Result<(), DbErr> {
        let select = Query::select()
            .column(trust_counter::Column::Id)
            .from(trust_counter::Entity)
            .lock(LockType::Update)
            .to_owned();
        self.find(&select).await?;
        Ok(())
    }

    /// Takes up to [`LASTING`] from now on, because it touches very many rows: rather one answer that is late than none that says
    /// that it has happened. For a lock it waits no longer than others. Whoever holds what all others need must not.
    pub(super) async fn take_its_time(&self) -> Result<(), DbErr> {
        if self.backend() == DbBackend::Postgres {
            self.execute_unprepared(LASTING_ON_POSTGRES).await?;
        }
        self.lasting.begin();
        Ok(())
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.db.get_database_backend()
    }

    /// Runs a statement of a constant text.
    pub(super) async fn execute_unprepared(&self, sql: &'static str) -> Result<(), DbErr> {
        self.db.execute_unprepared(sql).await?;
        Ok(())
    }

    /// Runs a writing statement. How many rows it touched.
    pub(super) async fn execute(&self, statement: &impl StatementBuilder) -> Result<u64, DbErr> {
        Ok(self.db.execute(statement).await?.rows_affected())
    }

    /// The row that a query finds.
    pub(super) async fn find(&self, select: &SelectStatement) -> Result<Option<QueryResult>, DbErr> {
        self.db.query_one(select).await
    }

    /// All rows that a query finds.
    pub(super) async fn find_all(&self, select: &SelectStatement) -> Result<Vec<QueryResult>, DbErr> {
        self.db.query_all(select).await
    }
}
