//! A verifier in the hand of a test: the clocks, the keys and what is revoked are turned here, and nothing is connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign_verify as verify;
use countersign_verify::{
    Claims, Incarnation, PublicKey, Revocation, Revoked, TrustFrame, TrustPosition, TrustedKey, footer_for,
    paseto,
};
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::sync::watch;
use uuid::Uuid;

use super::handle::Shared;
use super::knowledge::Knowledge;
use super::progress::Progress;
use super::{Clock, Verifier, WhenStale};

/// For whom its tokens are.
pub(crate) const AUDIENCE: &str = "orders";
/// 2026-11-23T21:08:20Z, where the clock stands at first, in seconds.
const START: i64 = 1_795_468_100;

/// A clock that a test turns: both of its hands at once.
pub(crate) struct HandClock(AtomicI64);

/// A verifier that knows everything, and all that it takes to make it know more.
pub(crate) struct TestTrust {
    pub(crate) verifier: Verifier,
    knowledge: Arc<Knowledge>,
    clock: Arc<HandClock>,
    sequence: AtomicI64,
    nonce: AtomicU64,
}

impl Clock for HandClock {
    fn wall_millis(&self) -> i64 {
        START * 1000 + self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

impl TestTrust {
    /// Fresh, with the keys 1 and 2, and `max_staleness` 30 s.
    pub(crate) fn new(when_stale: WhenStale) -> Self {
        let trust = Self::unknowing(when_stale);
        trust.trust_keys(&[1, 2]);
        trust.send(TrustFrame::Snapshot { revocations: Vec::new(), complete: Some(trust.position()) });
        trust.beat();
        trust
    }

    /// Before anything has come.
    pub(crate) fn unknowing(when_stale: WhenStale) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(0)));
        let rules = verify::Verifier::new("countersign", AUDIENCE).unwrap();
        let knowledge =
            Arc::new(Knowledge::new(rules, Duration::from_secs(30), Arc::clone(&clock) as Arc<dyn Clock>));
        knowledge.begin_stream();
        let verifier = Verifier::new(Shared {
            knowledge: Arc::clone(&knowledge),
            progress: Arc::new(Progress::new()),
            when_stale,
            asker: None,
            closing: watch::Sender::new(false),
        });
        Self { verifier, knowledge, clock, sequence: AtomicI64::new(0), nonce: AtomicU64::new(0) }
    }

    /// What a token says that is issued now and lives for ten minutes, to a user with the role `service`.
    pub(crate) fn claims(&self) -> Claims {
        let now = self.clock.wall_millis() / 1000;
        Claims {
            issuer: "countersign".into(),
            audience: AUDIENCE.into(),
            subject: Uuid::from_u128(1),
            issued_at: now,
            not_before: now,
            expires_at: now + 600,
            token_id: Uuid::from_u128(2),
            session_id: Uuid::from_u128(3),
            epoch: 1,
            auth_time: now,
            name: "alice".into(),
            roles: vec!["service".into()],
            amr: vec!["pwd".into()],
        }
    }

    /// A token signed with key 1.
    pub(crate) fn token(&self, claims: &Claims) -> String {
        self.token_by(1, claims)
    }

    /// A token signed with the key of this number.
    pub(crate) fn token_by(&self, key: u8, claims: &Claims) -> String {
        let (payload, footer) = (claims.to_json(), footer_for(public_key(key).id()));
        let signed = paseto::signing_input(&payload, footer.as_bytes());
        paseto::assemble(&payload, &signer(key).sign(&signed).to_bytes(), footer.as_bytes())
    }

    /// Both clocks go on.
    pub(crate) fn turn(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// A heartbeat comes, for a nonce that was sent just now.
    pub(crate) fn beat(&self) {
        let nonce = self.nonce.fetch_add(1, Ordering::SeqCst);
        self.knowledge.expect_nonce(nonce);
        self.send(TrustFrame::Heartbeat { position: self.position(), age: Duration::ZERO, nonce });
    }

    /// A session's tokens are revoked.
    pub(crate) fn revoke_session(&self, session_id: Uuid) {
        self.revoke(Revoked::Session { user_id: Uuid::from_u128(1), session_id });
    }

    /// Something is revoked.
    pub(crate) fn revoke(&self, revoked: Revoked) {
        let sequence = self.sequence.fetch_add(1, Ordering::SeqCst) + 1;
        let revocations = vec![Revocation { sequence, revoked, forget_at: i64::MAX }];
        self.send(TrustFrame::Revocations { sequence, revocations });
    }

    /// These keys are trusted, and no others.
    pub(crate) fn trust_keys(&self, keys: &[u8]) {
        let trusted = |key: &u8| TrustedKey { key: public_key(*key), verify_until: None };
        self.send(TrustFrame::KeySet(keys.iter().map(trusted).collect()));
    }

    fn position(&self) -> TrustPosition {
        TrustPosition { incarnation: Incarnation([7; 16]), sequence: self.sequence.load(Ordering::SeqCst) }
    }

    fn send(&self, frame: TrustFrame) {
        self.knowledge.apply(frame).unwrap();
    }
}

fn signer(key: u8) -> SigningKey {
    SigningKey::from_bytes(&[key; 32])
}

fn public_key(key: u8) -> PublicKey {
    PublicKey::from_bytes(signer(key).verifying_key().as_bytes()).unwrap()
}
