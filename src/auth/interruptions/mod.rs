//! What becomes of a use case that is interrupted: its caller goes away at each await, the connection dies at the commit,
//! the process starts again. Nobody is logged out by a fault, no spent token revives, no revocation is lost.

mod cancelled;
mod clock_jumps;
mod faulty;
mod keys_elsewhere;
mod paced_frames;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use countersign_verify::Verifier;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{
    Audiences, Authority, AuthorityParts, CallContext, Caller, Error, IssueCommand, Issued, Keys, KeysParts,
    NewPasswords, NewUser, Opens, Policy, Presented, RefreshCommand, Registrar,
};
use crate::crypto::{HasherConfig, MasterKey, PasswordHasher, Schedule};
use crate::domain::{
    Clock, Entropy, Lifetimes, Origin, PasswordPolicy, Registration, Roles, SessionLimits, Timestamp, User,
};
use crate::store::{DatabaseUrl, Faults, Store, StoreConfig};

const PASSWORD: &str = "correct horse battery";
const NEW_PASSWORD: &str = "another horse battery";

/// An authority on a database of its own, which can be started again on it.
struct House {
    url: DatabaseUrl,
    /// Where its file is, if it has one.
    _folder: Option<TempDir>,
    faults: Faults,
    authority: Authority,
    alice: User,
    hands: Arc<Hands>,
}

/// A clock that a test turns, and randomness that never repeats.
struct Hands {
    now: AtomicI64,
    passed: AtomicU64,
    seed: AtomicU64,
}

impl Hands {
    fn at(now: i64, seed: u64) -> Self {
        Self { now: AtomicI64::new(now), passed: AtomicU64::new(0), seed: AtomicU64::new(seed) }
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::Relaxed))
    }
}

impl Entropy for Hands {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

impl House {
    async fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("countersign.db").display());
        Self { _folder: Some(folder), ..Self::build_on(&url).await }
    }

    /// The same on this empty database.
    async fn build_on(url: &str) -> Self {
        let (url, faults) = (DatabaseUrl::parse(url).unwrap(), Faults::default());
        let hands = Arc::new(Hands::at(1_767_225_600_400, 1));
        let store = open(&url, &faults, &hands).await;
        store.ensure_trust_counter([7; 16]).await.unwrap();
        let authority = authority(store, &hands).await;
        let new = NewUser { username: "alice", password: PASSWORD, roles: Roles::default(), by: None };
        let alice = authority.parts().registrar.register(new, &context()).await.unwrap();
        Self { url, _folder: None, faults, authority, alice, hands }
    }

    /// Closes the database and starts again on it, as another process would.
    async fn restart(&mut self) {
        self.authority.parts().store.close().await.unwrap();
        let store = open(&self.url, &self.faults, &self.hands).await;
        self.authority = authority(store, &self.hands).await;
    }

    async fn sign_in(&self) -> Issued {
        self.try_sign_in(PASSWORD).await.unwrap()
    }

    async fn try_sign_in(&self, password: &str) -> Result<Issued, Error> {
        let command = IssueCommand {
            presented: Presented::Nothing,
            username: "alice".to_owned(),
            password: Zeroizing::new(password.to_owned()),
            lifetime: None,
            audience: String::new(),
            opens: Opens::Renewable,
            context: context(),
        };
        self.authority.issue_token(command).await
    }

    async fn refresh(&self, token: &str, key: u8) -> Result<Issued, Error> {
        self.authority.refresh(refresh_command(token, key)).await
    }

    fn greet(&self, issued: &Issued) -> Result<Caller, Error> {
        self.authority.authenticate_token(&issued.token)
    }

    /// Waits until every write that has begun is through: the next one comes after it.
    async fn settle(&self) {
        self.authority.parts().store.record_counted_events(&[]).await.unwrap();
        self.authority.parts().store.ensure_trust_counter([8; 16]).await.unwrap();
    }
}

fn refresh_command(token: &str, key: u8) -> RefreshCommand {
    RefreshCommand {
        token: Zeroizing::new(token.to_owned()),
        retry_key: Zeroizing::new(vec![key; 16]),
        audience: String::new(),
        context: context(),
    }
}

fn refresh_token(issued: &Issued) -> String {
    issued.refresh_token.as_ref().unwrap().to_string()
}

fn context() -> CallContext {
    CallContext { deadline: None, origin: Origin::unknown() }
}

async fn open(url: &DatabaseUrl, faults: &Faults, hands: &Hands) -> Store {
    let config = StoreConfig { faults: faults.clone(), ..StoreConfig::new(url.clone()) };
    Store::open(&config, hands.now()).await.unwrap()
}

/// The same master key each time.
async fn authority(store: Store, hands: &Arc<Hands>) -> Authority {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (hands.clone(), hands.clone());
    let fixed = Hands::at(0, 99);
    let keys = Keys::open(KeysParts {
        store: store.clone(),
        master_keys: vec![MasterKey::generate(&fixed)],
        schedule: Schedule {
            period: Duration::from_secs(86_400),
            lead: Duration::from_secs(600),
            tail: Duration::from_secs(3660),
            kept: Duration::from_secs(86_400),
        },
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    })
    .await
    .unwrap();
    let hasher = HasherConfig { memory_kib: 64, passes: 1, lanes: 1, hash_memory_mib: None };
    let hasher = PasswordHasher::start(hasher, Arc::clone(&entropy)).unwrap();
    let policy = PasswordPolicy { min_length: 8, service_names: Vec::new() };
    let passwords = NewPasswords { hasher: hasher.clone(), policy };
    let (s, c, e) = (store.clone(), Arc::clone(&clock), Arc::clone(&entropy));
    Authority::new(AuthorityParts {
        store,
        hasher,
        keys,
        verifier: Verifier::new("countersign", "countersign").unwrap(),
        registrar: Registrar { store: s, passwords, clock: c, entropy: e },
        policy: Policy {
            issuer: "countersign".to_owned(),
            audiences: Audiences::parse(["countersign"]).unwrap(),
            lifetimes: Lifetimes { default: Duration::from_secs(600), max: Duration::from_secs(3600) },
            sessions: SessionLimits {
                idle: Duration::from_secs(86_400),
                absolute: Duration::from_secs(86_400),
                per_user: Some(64),
            },
            registration: Registration::Open,
            max_staleness: None,
        },
        clock,
        entropy,
    })
}

/// Runs `future` until it has waited `waits` times, and drops it then. What it said, if it came to its end before.
async fn until_its_caller_goes<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut waited = 0;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(said) => Poll::Ready(Some(said)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}
