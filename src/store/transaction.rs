//! A transaction that may revoke: its changes, the entries in the trust log and their publication in memory are one thing.
//!
//! ```text
//! work ── entries in the log, the counter last ── commit ── publish ── answer
//!   │ refuses                                        │ fails: nobody knows whether it happened
//!   └▶ rolled back                                   └▶ the log is read again, and tells
//! ```

use std::pin::Pin;

use countersign_verify::Revoked;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, StatementBuilder, sea_query::SelectStatement,
};

use super::faults::Fault;
use super::{Store, StoreError, sqlite};
use crate::domain::Timestamp;

/// What a transaction does: it borrows the transaction, so it is boxed.
pub(super) type Work<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A transaction that holds the write lock.
pub(super) struct Transaction {
    db: DatabaseTransaction,
    /// When it happens.
    pub(super) now: Timestamp,
    /// What it revokes, and when that may be forgotten.
    pub(super) revoked: Vec<(Revoked, Timestamp)>,
}

impl Store {
    /// Runs `work` in a transaction of its own, at `now`. If it refuses, nothing has happened. What it revokes is felt by
    /// every check of a token before this returns, and also if its caller is gone.
    pub(super) async fn transact<T, E, F>(&self, now: Timestamp, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbErr> + From<StoreError> + Send + 'static,
        F: for<'a> FnOnce(&'a mut Transaction) -> Work<'a, T, E> + Send + 'static,
    {
        let store = self.clone();
        self.write(move |db| async move {
            let db = sqlite::begin_immediate(&db).await?;
            let mut transaction = Transaction { db, now, revoked: Vec::new() };
            let outcome = match transaction.position().await {
                Ok(position) => work(&mut transaction).await.map(|value| (position, value)),
                Err(error) => Err(error.into()),
            };
            let (position, value) = match outcome {
                Ok(done) => done,
                Err(refusal) => {
                    if transaction.db.rollback().await.is_err() {
                        store.give_up_writer().await;
                    }
                    return Err(refusal);
                }
            };
            let last = match store.finish(transaction).await {
                Ok(last) => last.unwrap_or(position),
                Err(error) => {
                    store.give_up_writer().await;
                    // If this fails too, whoever follows the log finds it.
                    let _still_unknown = store.follow_trust_log(now).await;
                    return Err(error.into());
                }
            };
            // Who is told that something is done must find it done: what another process has revoked before, too. And what
            // has been revoked here must be within what is known, or nobody would wait until verifiers know it.
            store.follow_trust_log_to(last, now).await?;
            Ok(value)
        })
        .await
    }

    /// The place in the log of the last thing that was revoked.
    async fn finish(&self, mut transaction: Transaction) -> Result<Option<i64>, DbErr> {
        let revocations = transaction.append_to_log().await?;
        self.faults().strike(Fault::BeforeCommit)?;
        transaction.db.commit().await?;
        self.faults().strike(Fault::AfterCommit)?;
        self.trust().publish(&revocations);
        Ok(revocations.last().map(|last| last.sequence))
    }
}

impl Transaction {
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
