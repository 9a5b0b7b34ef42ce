//! Learning that another process has changed something: PostgreSQL says so, other databases are asked often. A word that
//! gets lost costs no more than the time until the next question.

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

/// Waits for what other processes change.
pub struct Changes {
    store: Store,
    listener: Option<PgListener>,
    asked: Instant,
    listening_since: Instant,
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
        Changes { store: self.clone(), listener: None, asked: now, listening_since: now }
    }
}

impl Changes {
    /// Returns when it is time to look again.
    #[expect(
        clippy::disallowed_methods,
        reason = "how often somebody asks does not depend on the clock on the wall"
    )]
    pub async fn next(&mut self) {
        self.listen().await;
        let pause = if self.listener.is_some() { ASKED_BESIDE } else { ASKED };
        let next_question = self.asked + pause;
        match &mut self.listener {
            None => tokio::time::sleep_until(next_question).await,
            Some(listener) => match timeout_at(next_question, listener.try_recv()).await {
                // Several words that came at once are one.
                Ok(Ok(Some(_))) => while listener.next_buffered().is_some() {},
                // The connection is gone, and with it what was said since.
                Ok(Ok(None) | Err(_)) => self.listener = None,
                Err(_) => {}
            },
        }
        self.asked = Instant::now();
        if self.asked.duration_since(self.listening_since) > LISTENED {
            // It goes back to its pool, which asks it whether it is there.
            self.listener = None;
            self.listening_since = self.asked;
        }
    }

    /// Begins to listen where that is possible. Where it fails, there is another attempt the next time.
    async fn listen(&mut self) {
        if self.listener.is_some() {
            return;
        }
        let Some(pool) = self.store.engine().announcements() else { return };
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok::<_, sea_orm::SqlxError>(listener)
        };
        let listened =
            self.store.bounded(async { listening.await.map_err(|error| DbErr::Custom(error.to_string())) });
        match listened.await {
            Ok(listener) => self.listener = Some(listener),
            Err(error) => tracing::debug!(%error, "the database is asked instead of listened to"),
        }
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
