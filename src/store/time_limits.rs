//! For how long whoever asks the database waits for it: a call's time as a rule, and more for what touches very many rows.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::time::timeout;

use super::Store;
use super::patience::monotonic_now;

/// After which time the caller of a write is told that the database does not answer, on a server: with what else a call
/// does, below the two and a half seconds that callers give. The write goes on.
const WRITE_PATIENCE: Duration = Duration::from_secs(2);
/// The same where its turn came late because many were before it.
const LEAST_WRITE_PATIENCE: Duration = Duration::from_millis(500);
/// After which time another connection is asked where the log is, for revocations are to be felt within a second, and those that
/// there are come into doubt.
pub(super) const SOON: Duration = Duration::from_millis(300);
/// How long a transaction may take that touches very many rows: less than verifiers wait for news, by default. What it locks others do
/// without.
pub(super) const LASTING: Duration = Duration::from_secs(20);
/// The same, for the server to keep.
pub(super) const LASTING_ON_POSTGRES: &str = "SET LOCAL statement_timeout = '20s'";

/// Whether a transaction was found to touch very many rows. Known to it and to those who wait for it: until it is, a database
/// that does not answer is told from one that is busy.
#[derive(Clone, Default)]
pub(super) struct Lasting(Arc<OnceLock<Instant>>);

impl Lasting {
    /// It does, from now on or since an earlier attempt.
    pub(super) fn begin(&self) {
        self.0.get_or_init(monotonic_now);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.get().is_some()
    }

    /// What it has left, if it has begun.
    fn left(&self) -> Option<Duration> {
        self.0.get().map(|began| LASTING.saturating_sub(began.elapsed()))
    }
}

impl Store {
    /// The answer, if a server gives one before long.
    pub(super) async fn soon<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        match self.engine().patience() {
            None => Some(answer.await),
            Some(_) => timeout(SOON, answer).await.ok(),
        }
    }

    /// Waits for an answer for as long as a server has. One that neither answers nor hangs up is out of reach.
    pub(super) async fn bounded<T, E: From<DbErr>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.bounded_or_lasting(&Lasting::default(), answer).await
    }

    /// The same for what may turn out to last.
    pub(super) async fn bounded_or_lasting<T, E: From<DbErr>>(
        &self,
        lasting: &Lasting,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self.engine().patience() {
            None => answer.await,
            Some(patience) => within(patience, lasting, answer).await,
        }
    }

    /// Waits for a write that began to wait for its turn at this moment, and has it. Each of its steps has its time, and all of
    /// them together have more than a caller.
    pub(super) async fn bounded_write<T, E: From<DbErr>>(
        &self,
        (began, lasting): (Instant, &Lasting),
        writing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.engine().patience().is_none() {
            return writing.await;
        }
        let left = WRITE_PATIENCE.saturating_sub(monotonic_now().duration_since(began));
        within(left.max(LEAST_WRITE_PATIENCE), lasting, writing).await
    }
}

async fn within<T, E: From<DbErr>>(
    patience: Duration,
    lasting: &Lasting,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut answer = std::pin::pin!(answer);
    if let Ok(answer) = timeout(patience, answer.as_mut()).await {
        return answer;
    }
    if let Some(left) = lasting.left()
        && let Ok(answer) = timeout(left, answer).await
    {
        return answer;
    }
    Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into())
}
