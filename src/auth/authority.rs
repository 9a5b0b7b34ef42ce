//! What the use cases stand on, built once at the start and shared by all calls.

use std::sync::Arc;
use std::time::Duration;

use countersign_verify::Verifier;

use super::shared_leases::SharedLeases;
use super::shared_reading::SharedReading;
use super::sign_in_failures::SignInFailures;
use super::token_cache::TokenCache;
use super::verifiers::Verifiers;
use super::{Audiences, CallContext, Caller, Keys, Registrar};
use crate::crypto::PasswordHasher;
use crate::domain::{Act, Clock, Entropy, EventId, Lifetimes, Registration, SessionLimits};
use crate::store::{Store, StoreError};

/// How much longer than it says a token may live: clocks differ.
const GRACE: Duration = Duration::from_secs(60);

/// A cheap handle to everything that decides. Its use cases are `impl` blocks in the files named after them.
#[derive(Clone)]
pub struct Authority(Arc<Inner>);

/// The parts of an [`Authority`].
pub struct AuthorityParts {
    /// Users and sessions.
    pub store: Store,
    /// Passwords.
    pub hasher: PasswordHasher,
    /// Signs and verifies tokens, and makes refresh tokens, reset codes and page tokens.
    pub keys: Keys,
    /// Checks tokens against the issuer and Countersign's own audience.
    pub verifier: Verifier,
    /// Makes users.
    pub registrar: Registrar,
    /// What was configured.
    pub policy: Policy,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub entropy: Arc<dyn Entropy>,
}

/// What was configured for the use cases.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Who signs: the claim `iss`.
    pub issuer: String,
    /// For whom tokens may be.
    pub audiences: Audiences,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// How long sessions last, and how many a user may have.
    pub sessions: SessionLimits,
    /// Who may register users.
    pub registration: Registration,
    /// For how long tokens are checked after the trust log was read for the last time; `None` is for as long as they live.
    pub max_staleness: Option<Duration>,
}

struct Inner {
    parts: AuthorityParts,
    tokens: TokenCache,
    failures: SignInFailures,
    verifiers: Verifiers,
    shared_leases: SharedLeases,
    log_reading: SharedReading<StoreError>,
}

impl Authority {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: AuthorityParts) -> Self {
        let longest_token = parts.policy.lifetimes.max + GRACE;
        let shared_leases = SharedLeases::new(&*parts.entropy);
        Self(Arc::new(Inner {
            parts,
            tokens: TokenCache::new(),
            failures: SignInFailures::default(),
            verifiers: Verifiers::new(longest_token),
            shared_leases,
            log_reading: SharedReading::default(),
        }))
    }

    /// Where the time comes from.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts().clock)
    }

    /// What was configured.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.parts().policy
    }

    /// Whether what others have revoked is known well enough to let tokens in.
    #[must_use]
    pub fn knows_what_is_revoked(&self) -> bool {
        let parts = self.parts();
        parts.policy.max_staleness.is_none_or(|most| parts.store.trust().age() <= most)
    }

    /// For how long a session may rest before it ends.
    #[must_use]
    pub fn session_idle_limit(&self) -> Duration {
        self.parts().policy.sessions.idle
    }

    pub(super) fn parts(&self) -> &AuthorityParts {
        &self.0.parts
    }

    pub(super) fn tokens(&self) -> &TokenCache {
        &self.0.tokens
    }

    pub(super) fn failures(&self) -> &SignInFailures {
        &self.0.failures
    }

    pub(super) fn verifiers(&self) -> &Verifiers {
        &self.0.verifiers
    }

    pub(super) fn shared_leases(&self) -> &SharedLeases {
        &self.0.shared_leases
    }

    /// Of the log of revocations.
    pub(super) fn log_reading(&self) -> &SharedReading<StoreError> {
        &self.0.log_reading
    }

    /// What `caller` does now; without one, what nobody's permission is needed for.
    pub(super) fn act(&self, caller: Option<&Caller>, context: &CallContext) -> Act {
        let now = self.parts().clock.now();
        let event_id = EventId::generate(now, &*self.parts().entropy);
        Act { actor: caller.map(Caller::actor), origin: context.origin.clone(), now, event_id }
    }
}
