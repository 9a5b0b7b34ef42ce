//! Learning that another process has changed something: PostgreSQL says so, other databases are asked often. A word that
//! gets lost costs no more than the time until the next question.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{DbBackend, DbErr};
use tokio::time::{Instant, timeout_at};

use super::Store;
use super::transaction::Transaction;

/// How often the database is asked where nobody says that there is something new.
const ASKED: Duration = Duration::from_millis(120);
/// How often it is asked all the same where somebody does.
const ASKED_BESIDE: Duration = Duration::from_millis(500);
/// How long one connection is listened on. One that leads nowhere by now says nothing, like one on which there is nothing to say.
const LISTENED: Duration = Duration::from_secs(30);
/// The name under which PostgreSQL passes the word on, within one database.
const CHANNEL: &str = "countersign_trust";
const SAY_SO: &str = "SELECT pg_notify('countersign_trust', '')";

/// An attempt to listen.
type Attempt = Pin<Box<dyn Future<Output = Result<PgListener, DbErr>> + Send>>;

/// Waits for what other processes change.
pub struct Changes {
    store: Store,
    listening: Listening,
    asked: Instant,
    since: Instant,
    /// After which question an attempt to listen was begun.
    attempted: Option<Instant>,
}

/// Whether somebody says when something has changed.
enum Listening {
    Not,
    /// It may take long, and the database is asked meanwhile: that is how lost connections are noticed.
    Beginning(Attempt),
    To(PgListener),
}

impl Store {
    /// Begins to wait for what other processes revoke, and for other keys.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "how often somebody asks does not depend on the clock on the wall"
    )]
    pub fn changes(&self) -> Changes {
        let now = Instant::now();
        Changes { store: self.clone(), listening: Listening::Not, asked: now, since: now, attempted: None }
    }
}

impl Changes {
    /// Returns when it is time to look again.
    #[expect(
        clippy::disallowed_methods,
        reason = "how often somebody asks does not depend on the clock on the wall"
    )]
    pub async fn next(&mut self) {
        let pause = if matches!(self.listening, Listening::To(_)) { ASKED_BESIDE } else { ASKED };
        let next_question = self.asked + pause;
        let store = self.store.clone();
        tokio::select! {
            _nothing_was_said = timeout_at(next_question, self.hear()) => {}
            () = store.trust().elsewhere() => {}
        }
        self.asked = Instant::now();
        if self.asked.duration_since(self.since) > LISTENED {
            // It goes back to its pool, which asks it whether it is there.
            self.listening = Listening::Not;
            self.since = self.asked;
        }
    }

    /// Returns when something has been said, or may have been.
    async fn hear(&mut self) {
        // A connection that is lost again and again is not asked for more often than the database.
        if matches!(self.listening, Listening::Not) && self.attempted != Some(self.asked) {
            self.attempted = Some(self.asked);
            self.listen();
        }
        match &mut self.listening {
            Listening::Not => {}
            Listening::Beginning(attempt) => match attempt.await {
                Ok(listener) => {
                    self.listening = Listening::To(listener);
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "the database is asked instead of listened to");
                    self.listening = Listening::Not;
                }
            },
            Listening::To(listener) => {
                match listener.try_recv().await {
                    // Several words that came at once are one.
                    Ok(Some(_)) => while listener.next_buffered().is_some() {},
                    // The connection is gone, and with it what was said since.
                    Ok(None) | Err(_) => self.listening = Listening::Not,
                }
                return;
            }
        }
        // There is another attempt the next time.
        pending::<()>().await;
    }

    /// Begins to listen where that is possible.
    fn listen(&mut self) {
        let Some(pool) = self.store.engine().announcements() else { return };
        let store = self.store.clone();
        let listening = async move {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sea_orm::SqlxError>(listener)
        };
        self.listening = Listening::Beginning(Box::pin(async move {
            store.bounded(async { listening.await.map_err(|error| DbErr::Custom(error.to_string())) }).await
        }));
    }
}

impl Transaction {
    /// Tells other processes when this is committed.
    pub(super) async fn announce(&self) -> Result<(), DbErr> {
        if self.backend() == DbBackend::Postgres {
            self.execute_unprepared(SAY_SO).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use countersign_test_servers::Postgres;
    use futures_util::FutureExt;
    use sea_orm::ConnectionTrait;
    use tokio::time::timeout;

    use super::*;
    use crate::domain::Timestamp;
    use crate::store::{DatabaseUrl, StoreConfig};

    async fn store() -> Option<Store> {
        let url = Postgres::shared()?.create_database();
        let config = StoreConfig::new(DatabaseUrl::parse(&url).unwrap());
        Some(Store::open(&config, Timestamp::from_millis(1)).await.unwrap())
    }

    #[tokio::test]
    async fn the_database_is_asked_while_it_cannot_be_listened_to() {
        let Some(store) = store().await else { return };
        let connections = store.engine().announcements().unwrap();
        let _taken = connections.acquire().await.unwrap();
        let mut changes = store.changes();
        // Whoever waits for one is told after a second that there is none.
        let mut in_vain = pin!(connections.acquire());
        let asked = async {
            for _ in 0..2 {
                changes.next().await;
            }
        };
        tokio::select! {
            biased;
            _ = in_vain.as_mut() => panic!("nobody has asked in all that time"),
            () = asked => {}
        }
    }

    #[tokio::test]
    async fn what_is_said_is_heard_by_who_began_late_to_listen() {
        let Some(store) = store().await else { return };
        let taken = store.engine().announcements().unwrap().acquire().await.unwrap();
        let mut changes = store.changes();
        changes.next().await;
        assert!(matches!(changes.listening, Listening::Beginning(_)));
        drop(taken);
        while !matches!(changes.listening, Listening::To(_)) {
            changes.next().await;
        }
        let mut heard = pin!(changes.hear());
        assert!(heard.as_mut().now_or_never().is_none());
        store.readers().execute_unprepared(SAY_SO).await.unwrap();
        timeout(Duration::from_secs(60), heard).await.unwrap();
    }
}
