//! What a verifier knows, and the decision on a token by it. Owns the lock around the knowledge, and tells whoever waits
//! for changes. Where the knowledge comes from is not known here.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use countersign_verify as verify;
use countersign_verify::{
    Applied, Defect, KeyId, TokenError, TrustError, TrustFrame, TrustPosition, TrustView, paseto,
};
use tokio::sync::watch;

use super::token_cache::TokenCache;
use super::{Clock, VerifierStatus};
use crate::{Caller, Refusal};

/// How many revocations are forgotten at a time: checks of tokens wait meanwhile.
const FORGET_STEP: usize = 256;

/// What is known, and the rules by which it is asked.
pub(super) struct Knowledge {
    rules: verify::Verifier,
    max_staleness: Duration,
    clock: Arc<dyn Clock>,
    /// What both clocks said at the beginning.
    began: (i64, Duration),
    view: RwLock<TrustView>,
    tokens: TokenCache,
    changes: watch::Sender<u64>,
}

/// A token that is good by all that is known.
pub(super) struct Judged {
    pub(super) caller: Caller,
    /// How old that is, if it is too old.
    pub(super) stale: Option<Duration>,
}

impl Knowledge {
    pub(super) fn new(rules: verify::Verifier, max_staleness: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            rules,
            max_staleness,
            began: (clock.wall_millis(), clock.monotonic()),
            clock,
            view: RwLock::default(),
            tokens: TokenCache::new(),
            changes: watch::Sender::new(0),
        }
    }

    /// Whom a token speaks for. A token seen before costs a look-up, another one a signature check, and that only if its
    /// footer names a key of the set.
    pub(super) fn judge(&self, token: &str) -> Result<Judged, Refusal> {
        if let Some(caller) = self.tokens.find(token) {
            let stale = self.look_again(&caller)?;
            return Ok(Judged { caller, stale });
        }
        let caller = self.read_token(token)?;
        let stale = self.look_again(&caller)?;
        self.tokens.remember(token, caller.clone());
        Ok(Judged { caller, stale })
    }

    /// What can change about a token that was good. How old the knowledge is by which it still is, if it is too old.
    pub(super) fn look_again(&self, caller: &Caller) -> Result<Option<Duration>, Refusal> {
        let (now_millis, now) = (self.clock.wall_millis(), self.clock.monotonic());
        let (claims, key_id) = (caller.claims(), caller.key_id());
        let view = self.view();
        let Some(staleness) = view.staleness(now) else {
            return Err(Refusal::TrustStale { staleness: None });
        };
        if claims.is_expired(now_millis) {
            return Err(Refusal::TokenExpired);
        }
        if view.has_revoked(claims, key_id) || !view.trusts(key_id, now_millis) {
            return Err(Refusal::TokenRevoked);
        }
        Ok((staleness > self.max_staleness).then_some(staleness))
    }

    /// In how long a caller that is good now expires.
    pub(super) fn expires_in(&self, caller: &Caller) -> Duration {
        let millis = caller.claims().expires_at.saturating_mul(1000).saturating_sub(self.clock.wall_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// In how long what is known gets too old if nothing more comes.
    pub(super) fn stale_in(&self) -> Duration {
        let staleness = self.view().staleness(self.clock.monotonic()).unwrap_or(Duration::MAX);
        self.max_staleness.saturating_sub(staleness).saturating_add(Duration::from_millis(1))
    }

    /// Takes one frame, and tells those who wait if a check may come out otherwise.
    pub(super) fn apply(&self, frame: TrustFrame) -> Result<Applied, TrustError> {
        let now = self.clock.monotonic();
        let mut view = self.view_mut();
        let was_stale = self.is_stale(&view, now);
        let applied = view.apply(frame, now)?;
        drop(view);
        match applied {
            Applied::Keys | Applied::Revocations => self.tell_change(),
            Applied::Freshness if was_stale => self.tell_change(),
            Applied::Freshness | Applied::Answer | Applied::Nothing => {}
        }
        Ok(applied)
    }

    /// Begins another stream. From where to resume.
    pub(super) fn begin_stream(&self) -> Option<TrustPosition> {
        self.view_mut().begin_stream()
    }

    /// Remembers a nonce that is about to be sent.
    pub(super) fn expect_nonce(&self, nonce: u64) {
        let now = self.clock.monotonic();
        self.view_mut().expect_nonce(nonce, now);
    }

    /// Forgets what no token that is still alive can meet, a little at a time. A clock that jumps ahead and is set right again
    /// must not have made anything forgotten: the time that has passed counts, if that is less.
    pub(super) fn forget(&self) {
        let (wall, monotonic) = self.began;
        let passed = self.clock.monotonic().saturating_sub(monotonic).as_millis();
        let now_millis =
            self.clock.wall_millis().min(wall.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)));
        while self.view_mut().forget(now_millis, FORGET_STEP) {}
    }

    /// Knows nothing any more, so that nothing is accepted: from now on nobody tells what is revoked.
    pub(super) fn lose(&self) {
        *self.view_mut() = TrustView::default();
        self.tell_change();
    }

    /// What the clock says that only goes forward.
    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Up to where everything is known.
    pub(super) fn position(&self) -> Option<TrustPosition> {
        self.view().position()
    }

    /// The key of the set that a token names.
    pub(super) fn key_named_by(&self, token: &str) -> Option<KeyId> {
        let parts = paseto::split(token).ok()?;
        self.view().keys().find(parts.footer()).map(|key| key.id().clone())
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// What is known, for people.
    pub(super) fn status(&self) -> VerifierStatus {
        let view = self.view();
        VerifierStatus {
            staleness: view.staleness(self.clock.monotonic()),
            position: view.position(),
            keys: view.keys().keys().map(|key| key.id().clone()).collect(),
            revocations: view.revocation_count(),
            ..VerifierStatus::default()
        }
    }

    /// While what is known is too old, a key that nobody knows may be a new one: its token is not called invalid then.
    fn read_token(&self, token: &str) -> Result<Caller, Refusal> {
        let now = self.clock.monotonic();
        let view = self.view();
        let (keys, staleness, stale) = (view.keys(), view.staleness(now), self.is_stale(&view, now));
        drop(view);
        if staleness.is_none() {
            return Err(Refusal::TrustStale { staleness });
        }
        match self.rules.verify(&keys, token, self.clock.wall_millis()) {
            Ok(verified) => Ok(Caller::new(verified)),
            Err(TokenError::Invalid(Defect::UnknownKey)) if stale => Err(Refusal::TrustStale { staleness }),
            // Its holder may refresh, and would not know of an invalid one.
            Err(TokenError::Invalid(Defect::UnknownKey)) if self.view().names_revoked_key(token) => {
                Err(Refusal::TokenRevoked)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn is_stale(&self, view: &TrustView, now: Duration) -> bool {
        view.staleness(now).is_none_or(|staleness| staleness > self.max_staleness)
    }

    fn tell_change(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// A panic elsewhere leaves the view as a whole frame left it: frames are checked before they change anything.
    fn view(&self) -> RwLockReadGuard<'_, TrustView> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn view_mut(&self) -> RwLockWriteGuard<'_, TrustView> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use countersign_verify::{Incarnation, Revocation, Revoked, Verifier};
    use uuid::Uuid;

    use super::*;

    /// A clock whose hands are turned apart.
    #[derive(Default)]
    struct TwoHands {
        wall: AtomicI64,
        monotonic: AtomicI64,
    }

    impl Clock for TwoHands {
        fn wall_millis(&self) -> i64 {
            self.wall.load(Ordering::SeqCst)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.monotonic.load(Ordering::SeqCst).unsigned_abs())
        }
    }

    #[test]
    fn a_clock_that_jumps_ahead_makes_nothing_forgotten() {
        let clock = Arc::new(TwoHands::default());
        let rules = Verifier::new("countersign", "orders").unwrap();
        let knowledge = Knowledge::new(rules, Duration::from_secs(30), clock.clone());
        knowledge.begin_stream();
        knowledge.apply(TrustFrame::KeySet(Vec::new())).unwrap();
        let revoked = Revoked::Session { user_id: Uuid::nil(), session_id: Uuid::nil() };
        let revocations = vec![Revocation { sequence: 1, revoked, forget_at: 1000 }];
        let complete = Some(TrustPosition { incarnation: Incarnation([1; 16]), sequence: 1 });
        knowledge.apply(TrustFrame::Snapshot { revocations, complete }).unwrap();
        clock.wall.store(9_000_000, Ordering::SeqCst);
        clock.monotonic.store(999, Ordering::SeqCst);
        knowledge.forget();
        assert_eq!(knowledge.status().revocations, 1);
        clock.monotonic.store(1000, Ordering::SeqCst);
        knowledge.forget();
        assert_eq!(knowledge.status().revocations, 0);
    }
}
