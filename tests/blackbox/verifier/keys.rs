//! Keys rotate and are revoked while verifiers check tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign_client::{Refusal, Verifier};
use tokio::sync::watch;

use super::scene::{AUDIENCE, Scene, scene, until_refused};
use crate::harness::{Credentials, PASSWORD, Watcher, hello};

/// How long a key is published before it signs.
const LEAD: Duration = Duration::from_secs(600);

/// A token that outlives several rotations.
async fn long_token(scene: &Scene) -> String {
    let lifetime = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    let message = pb::IssueTokenRequest { audience: AUDIENCE.to_owned(), lifetime, ..Default::default() };
    scene.client.issue(Credentials::Basic("alice", PASSWORD), message).await.unwrap().token
}

/// Checks all tokens again and again while a test goes on.
struct Checker {
    tokens: watch::Sender<Vec<String>>,
    checks: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    running: Option<tokio::task::JoinHandle<Vec<Refusal>>>,
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

impl Checker {
    fn start(verifier: Verifier) -> Self {
        let (tokens, checked) = watch::channel(Vec::<String>::new());
        let (checks, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (Arc::clone(&checks), Arc::clone(&stop));
        let running = tokio::task::spawn_blocking(move || {
            let mut refusals = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let tokens = checked.borrow().clone();
                refusals.extend(tokens.iter().filter_map(|token| verifier.verify(token).err()));
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
            }
            refusals
        });
        Self { tokens, checks, stop, running: Some(running) }
    }

    /// Waits until all tokens have been checked once more.
    async fn checked_again(&self) {
        let before = self.checks.load(Ordering::SeqCst);
        while self.checks.load(Ordering::SeqCst) < before + 2 {
            tokio::task::yield_now().await;
        }
    }

    async fn end(mut self) -> Vec<Refusal> {
        self.stop.store(true, Ordering::SeqCst);
        self.running.take().unwrap().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_rotations_in_a_row_refuse_no_good_token() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let checker = Checker::start(verifier.clone());
    let mut signers = Vec::new();
    for _ in 0..20 {
        let token = long_token(&scene).await;
        signers.push(verifier.verify(&token).unwrap().key_id().clone());
        checker.tokens.send_modify(|tokens| {
            // An hour is six rotations; the oldest expire with the last of them.
            tokens.drain(..tokens.len().saturating_sub(4));
            tokens.push(token);
        });
        checker.checked_again().await;
        scene.admin().await.rotate_key().await.unwrap();
        scene.until_keys_known(&verifier).await;
        scene.server.clock.advance(LEAD);
    }
    assert_eq!(checker.end().await, []);
    signers.dedup();
    assert_eq!(signers.len(), 20, "each token was signed with a key of its own");
}

#[tokio::test]
async fn a_rotation_is_told_at_once_and_not_at_some_later_heartbeat() {
    let scene = scene().await;
    let token = scene.client.sign_in("orders", PASSWORD).await;
    let channel = scene.server.channel().await;
    let mut watcher = Watcher::begin(channel, Credentials::Bearer(&token), hello("orders-1")).await.unwrap();
    watcher.told().await;
    // A key takes over, and one more is published, when the next token is signed.
    scene.admin().await.rotate_key().await.unwrap();
    watcher.told().await;
    scene.server.clock.advance(LEAD);
    scene.token().await;
    // One heartbeat may have been on its way.
    let told = [watcher.told().await, watcher.told().await];
    assert!(told.iter().any(|told| !told.key_sets.is_empty()), "{told:?}");
}

#[tokio::test]
async fn a_revoked_key_takes_its_tokens_with_it_and_the_next_one_is_known_already() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let token = scene.token().await;
    let key = verifier.verify(&token).unwrap().key_id().clone();
    scene.admin.revoke_key(key.as_str()).await.unwrap();
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
    // The next key was published before: nobody has to wait for it.
    verifier.verify(&scene.token().await).unwrap();
}

#[tokio::test]
async fn when_all_keys_are_revoked_nothing_of_before_is_good_and_all_that_comes_is() {
    let scene = scene().await;
    let verifier = scene.verifier().await;
    let token = scene.token().await;
    verifier.verify(&token).unwrap();
    scene.admin.revoke_key("").await.unwrap();
    assert_eq!(until_refused(&verifier, &token).await, Refusal::TokenRevoked);
    scene.until_keys_known(&verifier).await;
    verifier.verify(&scene.token().await).unwrap();
}
