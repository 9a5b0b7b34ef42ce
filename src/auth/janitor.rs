//! What is done now and then, beside the calls: following the trust log, writing counts down, freeing space. Nothing that
//! is decided depends on the freeing; it may stop at any moment, or never run.

use super::{Authority, Error};
use crate::domain::{SteadyTime, TrustPosition};
use crate::store::{Followed, PurgeCursor};

/// The janitor; there is one a process.
pub struct Janitor {
    authority: Authority,
    sessions: PurgeCursor,
    users: PurgeCursor,
    /// The present moment of what is forgotten.
    time: SteadyTime,
}

impl Janitor {
    /// A janitor who begins at the beginning.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        let time = SteadyTime::begin(&*authority.parts().clock);
        Self { authority, sessions: PurgeCursor::default(), users: PurgeCursor::default(), time }
    }

    /// Frees some space: a bounded step through every table.
    pub async fn clean(&mut self) -> Result<(), Error> {
        let parts = self.authority.parts();
        let now = self.time.tick(&*parts.clock);
        parts.store.trust().forget(now);
        self.sessions = parts.store.purge_sessions(self.sessions, now).await?;
        self.users = parts.store.purge_users(self.users, now).await?;
        Ok(parts.store.purge_outdated(now).await?)
    }
}

/// A server that starts begins an incarnation, and its log goes on where it was; an older copy of the database falls short.
fn tell_of_another_log(known: TrustPosition, found: TrustPosition) {
    if found.sequence < known.sequence {
        tracing::error!(
            known = known.sequence,
            found = found.sequence,
            "the log of revocations is shorter than it was: was an older copy of the database put in place under the running \
             server? What was revoked after that copy was made is good again, until `countersign key revoke --all`"
        );
    } else if found.incarnation != known.incarnation {
        tracing::info!("another server has started on this database; verifiers get a snapshot");
    }
}

impl Authority {
    /// Takes up what other processes have revoked.
    pub async fn follow_trust_log(&self) -> Result<(), Error> {
        let parts = self.parts();
        let now = parts.clock.now();
        let known = parts.store.trust().position();
        if parts.store.follow_trust_log(now).await? == Followed::Elsewhere {
            let mut fresh = [0; 16];
            parts.entropy.fill(&mut fresh);
            parts.store.enter_incarnation(fresh, now).await?;
            tell_of_another_log(known, parts.store.trust().position());
        }
        // Tokens of keys that are not known here would be refused. The log is followed all the same.
        for read in [parts.keys.catch_up().await, parts.keys.let_go_of_revoked().await] {
            if let Err(error) = read {
                tracing::debug!(%error, "the keys were not read");
            }
        }
        Ok(())
    }

    /// Reads the keys again, and gives the ring what its schedule wants.
    pub async fn reload_keys(&self) -> Result<(), Error> {
        Ok(self.parts().keys.reload().await?)
    }

    /// Writes down the sign-in failures that were counted since the last time.
    pub async fn record_sign_in_failures(&self) -> Result<(), Error> {
        let events = self.failures().unwritten(self.parts().clock.now());
        self.parts().store.record_counted_events(&events).await?;
        self.failures().note_written(&events);
        Ok(())
    }
}
