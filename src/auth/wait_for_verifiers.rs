//! Waiting until all verifiers have applied what was revoked, and showing how far each of them is.

use std::time::{Duration, Instant};

use super::verifier_lease::{ShownVerifier, monotonic_now};
use super::verifier_waits::{Holder, Waiter};
use super::verifiers::{Missing, Waiting};
use super::{Authority, CallContext, Caller, Error};
use crate::domain::{Network, Timestamp, TrustPosition};

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(10);
/// What is left of the call's own time for its answer.
const FOR_THE_ANSWER: Duration = Duration::from_millis(100);
/// How many names an answer has at most: each may be 256 bytes long, and clients take 4 MiB.
const MOST_NAMES: usize = 1_000;
/// The role that learns their names.
const ADMIN: [&str; 1] = ["admin"];

/// The verifiers that have not acknowledged in time.
#[derive(Clone, Debug, Default)]
pub struct PendingVerifiers {
    /// How many.
    pub count: usize,
    /// Their names, if the caller may know them. Of verifiers whose places others have taken only the number is left.
    pub names: Vec<String>,
}

/// The verifiers at a moment.
#[derive(Clone, Debug)]
pub struct ShownVerifiers {
    /// Each of them, by name.
    pub verifiers: Vec<ShownVerifier>,
    /// Up to where the log is known here.
    pub position: TrustPosition,
    /// The moment.
    pub now: Timestamp,
}

/// How long to wait; a span that has been checked before anything is revoked.
#[derive(Clone, Copy, Debug)]
pub struct VerifierWait(Option<Duration>);

impl VerifierWait {
    /// Checks what a caller wishes.
    pub fn parse(wanted: Option<Duration>) -> Result<Self, Error> {
        match wanted {
            Some(span) if span > LONGEST => Err(Error::field("wait_for_verifiers", "must be at most 10 s")),
            span => Ok(Self(span.filter(|span| !span.is_zero()))),
        }
    }
}

impl Authority {
    /// Waits until every verifier has applied what has been revoked until now, or has ceased to accept tokens by what it
    /// knew before. For after a use case that revokes: the call's own deadline ends the wait, and not the answer.
    pub async fn wait_for_verifiers(
        &self,
        wait: VerifierWait,
        (caller, holder): (Option<&Caller>, Option<Holder>),
        context: &CallContext,
    ) -> PendingVerifiers {
        let Some(span) = wait.0 else { return PendingVerifiers::default() };
        // If the log is another one by now, what verifiers have applied of the old one says nothing. Without an answer the wait
        // is for what is known.
        let _known_so_far = self.follow_trust_log().await;
        let position = self.parts().store.trust().position();
        let wanted = monotonic_now() + span;
        let of_call = context.deadline.and_then(|deadline| deadline.checked_sub(FOR_THE_ANSWER));
        let deadline = of_call.map_or(wanted, |deadline| deadline.min(wanted));
        let network = context.origin.address.map(Network::of);
        let holder = holder.or(caller.map(|caller| Holder::User(caller.user_id())));
        let may_know = caller.is_some_and(|caller| caller.has_any_role(&ADMIN));
        let waiter = Waiter { network, holder };
        let elsewhere_too = self.parts().store.is_shared();
        let (here, elsewhere) = match self.verifiers().begin_wait(position, waiter, elsewhere_too) {
            Ok(mut waiting) => {
                let elsewhere = self.wait_everywhere(&mut waiting, (position, deadline), elsewhere_too).await;
                (waiting.missing(may_know), elsewhere)
            }
            Err(lacking) if elsewhere_too => {
                (self.verifiers().describe(&lacking, may_know), self.look_elsewhere_at_last(position).await)
            }
            Err(lacking) => (self.verifiers().describe(&lacking, may_know), Missing::default()),
        };
        pending(here, elsewhere, may_know)
    }

    /// Waits for the verifiers here, then for those of other replicas; and once more if one has come from there to here
    /// meanwhile. Who is missing elsewhere.
    async fn wait_everywhere(
        &self,
        waiting: &mut Waiting<'_>,
        (position, deadline): (TrustPosition, Instant),
        elsewhere_too: bool,
    ) -> Missing {
        loop {
            let all_here = waiting.here(deadline).await;
            if !elsewhere_too {
                return Missing::default();
            }
            if !all_here {
                return self.look_elsewhere_at_last(position).await;
            }
            let missing = self.wait_elsewhere(position, deadline).await;
            if missing.count > 0 || waiting.is_over() {
                return missing;
            }
        }
    }

    /// Answers whoever waits with what is known so far, and everybody from now on: what was revoked is revoked, and a server
    /// that goes away must not take that answer with it.
    pub fn end_waits_for_verifiers(&self) {
        self.verifiers().close();
    }

    /// The verifiers.
    #[must_use]
    pub fn list_verifiers(&self) -> ShownVerifiers {
        let parts = self.parts();
        ShownVerifiers {
            verifiers: self.verifiers().list(monotonic_now()),
            position: parts.store.trust().position(),
            now: parts.clock.now(),
        }
    }
}

/// What is said of those that are missing.
fn pending(here: Missing, elsewhere: Missing, may_know: bool) -> PendingVerifiers {
    let mut names = here.names;
    if may_know {
        names.extend(elsewhere.names);
    }
    names.sort();
    names.truncate(MOST_NAMES);
    PendingVerifiers { count: here.count + elsewhere.count, names }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_as_many_named_as_fit_into_an_answer() {
        let missing = |count: usize, name: &str| {
            let names = (0..count).map(|number| format!("{name}-{number:04}")).collect();
            Missing { count, names }
        };
        let told = pending(missing(600, "stock"), missing(MOST_NAMES, "orders"), true);
        assert_eq!((told.count, told.names.len()), (1_600, 1_000));
        assert!(told.names.is_sorted() && told.names.iter().all(|name| name.starts_with("orders")));
        let told = pending(missing(1, "stock"), missing(2, "orders"), false);
        assert_eq!((told.count, told.names), (3, vec!["stock-0000".to_owned()]));
    }
}
