//! Users by id, where many ask at once. A question costs the driver and the database far more than another row in its
//! answer, so whoever comes while enough of them are under way shares the next one with all who wait.
//!
//! ```text
//! call ── waits ── a question may begin ──▶ it is for all who wait ── answered, or late ──▶ the next one may begin
//! ```
//!
//! Nothing is remembered. The question that answers a call begins after the call has come, so what was committed by then, here
//! or at another replica, is in its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::entity::users::{Column, Entity};
use super::row::{Row, bytes};
use super::users::{DELETED, USER_COLUMNS, read_user};
use super::{Store, StoreError};
use crate::domain::{User, UserId};

/// How many questions are under way at once: while the database works on one, the answer to the other is read. More of them
/// would each be for fewer calls, and take connections from other reads.
const AT_ONCE: usize = 2;
/// How many calls one question is for at most.
const LARGEST: usize = 256;
/// After which time a question that has no answer keeps nobody waiting any more. It may be on a connection that leads nowhere
/// while others work; how many there are bounds how many such questions there can be.
const LATE: Duration = Duration::from_millis(200);

/// Who waits for a user, and how many may ask.
pub(super) struct UserLookups {
    waiting: Mutex<Vec<Waiting>>,
    rights: Arc<Semaphore>,
}

struct Waiting {
    id: UserId,
    answer: oneshot::Sender<Result<Option<User>, StoreError>>,
}

impl Default for UserLookups {
    fn default() -> Self {
        Self { waiting: Mutex::default(), rights: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Store {
    /// The user of this id.
    pub async fn lookup_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.user_lookups().waiting().push(Waiting { id, answer });
        self.look_users_up();
        self.bounded(async { answered.await.unwrap_or_else(|_| Err(ended_early())) }).await
    }

    /// Begins questions for those who wait, unless enough of them are under way.
    fn look_users_up(&self) {
        while let Some(right) = self.user_lookups().right() {
            let Some(waiting) = self.user_lookups().next() else {
                drop(right);
                // Who came between those two found no right.
                if self.user_lookups().waiting().is_empty() {
                    return;
                }
                continue;
            };
            let store = self.clone();
            tokio::spawn(async move {
                // A task of its own: it goes on when it is late.
                let asking = tokio::spawn(store.clone().ask_for(waiting));
                let _late = timeout(LATE, asking).await;
                drop(right);
                store.look_users_up();
            });
        }
    }

    /// Answers all of them. Where the database fails, each half is asked for by itself: a row that it cannot read, or a
    /// connection that was lost, is to concern as few as can be.
    async fn ask_for(self, waiting: Vec<Waiting>) {
        let mut questions = vec![waiting];
        while let Some(mut waiting) = questions.pop() {
            waiting.retain(|one| !one.answer.is_closed());
            if waiting.is_empty() {
                continue;
            }
            let found = self.users_of(waiting.iter().map(|one| one.id).collect()).await;
            if waiting.len() > 1 && found.as_ref().is_err_and(may_concern_some_alone) {
                questions.push(waiting.split_off(waiting.len() / 2));
                questions.push(waiting);
                continue;
            }
            let found = found.map_err(StoreError::from);
            for Waiting { id, answer } in waiting {
                let of_this = match &found {
                    Ok(found) => found.get(&id).cloned().transpose(),
                    Err(error) => Err(error.clone()),
                };
                let _gone = answer.send(of_this);
            }
        }
    }

    /// Those of these users that there are, of whom one at least is asked for. A damaged row concerns whoever wants that user.
    async fn users_of(
        &self,
        mut ids: Vec<UserId>,
    ) -> Result<HashMap<UserId, Result<User, StoreError>>, DbErr> {
        ids.sort_unstable();
        ids.dedup();
        // Each length is a statement of its own, which every connection prepares once.
        ids.resize(ids.len().next_power_of_two(), ids[0]);
        let select = Entity::find()
            .select_only()
            .columns(USER_COLUMNS)
            .filter(Column::Id.is_in(ids.into_iter().map(|id| bytes(id.as_uuid()))))
            .filter(Column::State.ne(DELETED))
            .into_query();
        let readers = self.readers();
        let rows = self.bounded::<_, DbErr>(async { readers.query_all(&select).await }).await?;
        let by_id = rows.iter().filter_map(|row| {
            let row = Row::new(row, &USER_COLUMNS, 0);
            Some((UserId::from_uuid(row.id(Column::Id).ok()?), read_user(&row)))
        });
        Ok(by_id.collect())
    }
}

impl UserLookups {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to ask, if not enough have it.
    fn right(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.rights).try_acquire_owned().ok()
    }

    /// Who is asked for next. Those who have given up are not.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting();
        waiting.retain(|one| !one.answer.is_closed());
        let together = waiting.len().min(LARGEST);
        (together > 0).then(|| waiting.drain(..together).collect())
    }
}

/// Where no connection was to be had, or none that answers, nobody fares better alone.
fn may_concern_some_alone(error: &DbErr) -> bool {
    !matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_))
}

fn ended_early() -> StoreError {
    StoreError::unexpected("the task that looked users up ended early")
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_util::FutureExt;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::Timestamp;
    use crate::store::patience::monotonic_now;
    use crate::store::{DatabaseUrl, StoreConfig, sqlite};

    type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Option<User>, StoreError>> + Send + 'a>>;

    async fn store(folder: &TempDir) -> Store {
        let url = format!("sqlite://{}", folder.path().join("countersign.db").display());
        let config = StoreConfig::new(DatabaseUrl::parse(&url).unwrap());
        Store::open(&config, Timestamp::from_millis(1)).await.unwrap()
    }

    /// Those who ask for users of whom there is none, and are not answered at once.
    fn ask(store: &Store, count: u128) -> Vec<Lookup<'_>> {
        let ids = (0..count).map(|number| UserId::from_uuid(uuid::Uuid::from_u128(number)));
        ids.map(|id| {
            let mut lookup: Lookup<'_> = Box::pin(store.lookup_user(id));
            assert!(lookup.as_mut().now_or_never().is_none());
            lookup
        })
        .collect()
    }

    async fn answered(lookups: Vec<Lookup<'_>>) {
        for lookup in lookups {
            assert!(lookup.await.unwrap().is_none());
        }
    }

    fn waiting(store: &Store) -> usize {
        store.user_lookups().waiting().len()
    }

    async fn all_rights(store: &Store) -> OwnedSemaphorePermit {
        let rights = Arc::clone(&store.user_lookups().rights);
        rights.acquire_many_owned(u32::try_from(AT_ONCE).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn those_who_come_while_enough_questions_are_under_way_share_the_next() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        // The questions have begun, and nothing of them has run yet.
        let first = ask(&store, 2);
        assert_eq!((waiting(&store), store.user_lookups().rights.available_permits()), (0, 0));
        let later = ask(&store, 600);
        drop(ask(&store, 1));
        assert_eq!(waiting(&store), 601);
        answered(first).await;
        answered(later).await;
        let _all_over = all_rights(&store).await;
        assert_eq!(waiting(&store), 0);
    }

    #[tokio::test]
    async fn a_question_is_for_so_many_at_most_and_not_for_those_who_are_gone() {
        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let under_way = all_rights(&store).await;
        let early = ask(&store, 300);
        drop(ask(&store, 1));
        let question = store.user_lookups().next().unwrap();
        assert_eq!((question.len(), waiting(&store)), (LARGEST, 300 - LARGEST));
        store.clone().ask_for(question).await;
        drop(under_way);
        // The next to come asks, for itself and for those that are left.
        answered(ask(&store, 1)).await;
        answered(early).await;
    }

    #[tokio::test]
    async fn a_question_without_an_answer_keeps_nobody_waiting_for_long() {
        use sea_orm::TransactionTrait;

        let folder = TempDir::new().unwrap();
        let store = store(&folder).await;
        let mut connections = Vec::new();
        for _ in 0..sqlite::reader_count() {
            connections.push(store.readers().begin().await.unwrap());
        }
        let began = monotonic_now();
        let stuck = ask(&store, 3);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let still_waiting = waiting(&store);
        assert!(still_waiting == 1 || began.elapsed() >= LATE);
        // Until they are late.
        while waiting(&store) > 0 {
            tokio::task::yield_now().await;
        }
        drop(connections);
        for lookup in stuck {
            let _in_time_or_not = lookup.await;
        }
    }
}
