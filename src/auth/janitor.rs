//! What is done now and then, beside the calls: following the trust log, writing counts down, freeing space. Nothing that
//! is decided depends on the freeing; it may stop at any moment, or never run.

use std::time::Duration;

use super::{Authority, Error};
use crate::domain::{SteadyTime, Timestamp, TrustPosition};
use crate::store::{Followed, PurgeCursor, StoreError};

/// What one replica does for all.
const DUTY: &str = "janitor";
/// How often that is asked for: long before it would be another's.
const ASKED_EVERY: Duration = Duration::from_secs(3);
/// For how long after its start a process forgets nothing: the clock of a machine that has just started may be wrong, until
/// it hears the time from somewhere.
const SETTLING: Duration = Duration::from_secs(600);
/// By how much the clock may be ahead of the database server's before nothing is forgotten by it.
const MOST_AHEAD: Duration = Duration::from_secs(2);

/// The janitor; there is one a process, and of all that share a database server one frees its space.
pub struct Janitor {
    authority: Authority,
    sessions: PurgeCursor,
    users: PurgeCursor,
    /// The moment of its start, by the time that has passed.
    began: Duration,
    /// The present moment of what is forgotten, once the clock has settled.
    time: Option<SteadyTime>,
    /// The name under which it takes on what one does for all.
    id: [u8; 16],
    /// When it asked for that the last time, and what it may do since.
    asked: Option<(Timestamp, Scope)>,
}

impl Janitor {
    /// A janitor who begins at the beginning.
    #[must_use]
    pub fn new(authority: Authority) -> Self {
        let began = authority.parts().clock.elapsed();
        let mut id = [0; 16];
        authority.parts().entropy.fill(&mut id);
        let (sessions, users) = (PurgeCursor::default(), PurgeCursor::default());
        Self { authority, sessions, users, began, time: None, id, asked: None }
    }

    /// Frees some space: a bounded step through every table.
    pub async fn clean(&mut self) -> Result<(), Error> {
        let parts = self.authority.parts();
        if parts.clock.elapsed().saturating_sub(self.began) < SETTLING {
            return Ok(());
        }
        let time = self.time.get_or_insert_with(|| SteadyTime::begin(&*parts.clock));
        let now = time.tick(&*parts.clock);
        let scope = match self.asked {
            Some((asked, scope)) if now.since(asked) < ASKED_EVERY => scope,
            _ => self.ask_for_scope(now).await?,
        };
        if scope == Scope::Nothing {
            return Ok(());
        }
        let parts = self.authority.parts();
        parts.store.trust().forget(now);
        if scope == Scope::Here {
            return Ok(());
        }
        self.sessions = parts.store.purge_sessions(self.sessions, now).await?;
        self.users = parts.store.purge_users(self.users, now).await?;
        Ok(parts.store.purge_outdated(now).await?)
    }

    async fn ask_for_scope(&mut self, now: Timestamp) -> Result<Scope, Error> {
        let parts = self.authority.parts();
        let there = parts.store.time_of_server().await?;
        let scope = if there.is_some_and(|there| now > there.plus(MOST_AHEAD)) {
            Scope::Nothing
        } else if parts.store.take_duty(DUTY, self.id, now).await? {
            Scope::Everywhere
        } else {
            Scope::Here
        };
        self.asked = Some((now, scope));
        Ok(scope)
    }
}

/// Where the janitor may free space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Nothing: its clock is ahead of the one by which all replicas go.
    Nothing,
    /// Forget what this process remembers.
    Here,
    /// Free everybody's space, too.
    Everywhere,
}

/// A server that starts begins an incarnation, and its log goes on where it was.
fn tell_of_another_log(known: TrustPosition, found: TrustPosition, has_all: bool) {
    if !has_all {
        tracing::error!(
            known = known.sequence,
            found = found.sequence,
            "the log of revocations lacks what was in it: was an older copy of the database put in place under the running \
             server, or a standby promoted that had not got everything? What was revoked and is lacking is good again, until \
             `countersign fence`"
        );
    } else if found.incarnation != known.incarnation {
        tracing::info!("another server has started on this database; verifiers get a snapshot");
    }
}

impl Authority {
    /// Takes up what other processes have revoked until this is called.
    pub async fn follow_trust_log(&self) -> Result<(), Error> {
        Ok(self.log_reading().read(|| self.read_trust_log()).await?)
    }

    async fn read_trust_log(&self) -> Result<(), StoreError> {
        let parts = self.parts();
        let known = parts.store.trust().position();
        if parts.store.follow_trust_log().await? != Followed::ToTheEnd {
            let mut fresh = [0; 16];
            parts.entropy.fill(&mut fresh);
            let has_all = parts.store.enter_incarnation(fresh).await?;
            tell_of_another_log(known, parts.store.trust().position(), has_all);
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
