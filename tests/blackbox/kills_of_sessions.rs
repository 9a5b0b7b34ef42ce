//! `kill -9` while sessions are refreshed and ended: a client that repeats what was not answered is never logged out, and
//! what was acknowledged as ended stays so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign::pb::auth::v1::IssueTokenRequest;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::harness::{Binary, Client, Credentials, PASSWORD, Refused, SeededEntropy};
use crate::kills::kills;

const CLIENTS: usize = 4;
/// Tokens that outlive a long run: a revoked one that has expired is an expired one.
const LASTING: [&str; 4] = ["--token-lifetime", "24h", "--max-token-lifetime", "24h"];

/// A client of one session, as API.md asks of it: one retry key a refresh token, kept until the answer is there.
#[derive(Clone)]
struct Keeper {
    name: String,
    refresh_token: String,
    retry_key: Vec<u8>,
    /// Tokens whose revocation was acknowledged.
    ended: Vec<String>,
}

/// Says when there were enough acknowledgements for the kill.
struct Trigger {
    left: AtomicUsize,
    reached: Notify,
}

impl Trigger {
    fn acknowledge(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.reached.notify_one();
        }
    }
}

impl Keeper {
    async fn start(client: &Client, number: usize, entropy: &SeededEntropy) -> Self {
        let name = format!("keeper{number}");
        client.create_user(&name, PASSWORD).await.unwrap();
        let opened = client.open(&name, PASSWORD).await;
        Self { name, refresh_token: opened.refresh_token, retry_key: key(entropy), ended: Vec::new() }
    }

    /// Refreshes, and opens and ends a session beside it, until the service is gone.
    async fn work(mut self, client: Client, trigger: Arc<Trigger>, entropy: Arc<SeededEntropy>) -> Self {
        while let Ok(refreshed) = client.try_refresh(&self.refresh_token, &self.retry_key).await {
            self.refresh_token = refreshed.refresh_token;
            self.retry_key = key(&entropy);
            trigger.acknowledge();
            let credentials = Credentials::Basic(&self.name, PASSWORD);
            let Ok(token) = client.try_issue(credentials).await else { break };
            let Ok(()) = client.try_revoke(&token).await else { break };
            self.ended.push(token);
            trigger.acknowledge();
        }
        self
    }
}

fn key(entropy: &SeededEntropy) -> Vec<u8> {
    [entropy.next().to_le_bytes(), entropy.next().to_le_bytes()].concat()
}

/// How many of the tokens that were ended last are tried after each kill. All of them are at the end.
const TRIED: usize = 100;

async fn check(client: &Client, keeper: &mut Keeper, entropy: &SeededEntropy) {
    let again = client.refresh(&keeper.refresh_token, &keeper.retry_key).await;
    let again = again.unwrap_or_else(|refused| panic!("{} was logged out: {refused:?}", keeper.name));
    client.greet(Credentials::Bearer(&again.token)).await.unwrap();
    let repeated = client.refresh(&keeper.refresh_token, &keeper.retry_key).await.unwrap();
    assert_eq!(repeated.refresh_token, again.refresh_token);
    keeper.refresh_token = again.refresh_token;
    keeper.retry_key = key(entropy);
    check_ended(client, keeper, TRIED).await;
}

async fn check_ended(client: &Client, keeper: &Keeper, last: usize) {
    for token in keeper.ended.iter().rev().take(last) {
        let refused = client.greet(Credentials::Bearer(token)).await.unwrap_err();
        assert_eq!(refused, Refused::unauthenticated("TOKEN_REVOKED"), "{}", keeper.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_log_nobody_out_and_revive_nothing() {
    let entropy = Arc::new(SeededEntropy::new(23));
    let rounds = kills();
    let mut folder = TempDir::new().unwrap();
    let mut keepers: Vec<Keeper> = Vec::new();
    for _ in 0..rounds {
        let server = Binary::start_in(folder, &LASTING);
        let client = server.client().await;
        if keepers.is_empty() {
            for number in 0..CLIENTS {
                keepers.push(Keeper::start(&client, number, &entropy).await);
            }
        }
        for keeper in &mut keepers {
            check(&client, keeper, &entropy).await;
        }
        let kill_after = 1 + usize::try_from(entropy.next() % 24).unwrap();
        let trigger = Arc::new(Trigger { left: AtomicUsize::new(kill_after), reached: Notify::new() });
        let mut workers = JoinSet::new();
        for keeper in keepers.drain(..) {
            let client = server.client().await;
            workers.spawn(keeper.work(client, Arc::clone(&trigger), Arc::clone(&entropy)));
        }
        trigger.reached.notified().await;
        server.signal(Signal::KILL);
        keepers = workers.join_all().await;
        (_, _, folder) = server.wait();
    }
    let server = Binary::start_in(folder, &LASTING);
    let client = server.client().await;
    for keeper in &mut keepers {
        check(&client, keeper, &entropy).await;
        check_ended(&client, keeper, usize::MAX).await;
        client.issue(Credentials::Basic(&keeper.name, PASSWORD), IssueTokenRequest::default()).await.unwrap();
    }
    let ended: usize = keepers.iter().map(|keeper| keeper.ended.len()).sum();
    assert!(ended >= rounds, "{ended} sessions were ended");
    server.stop();
}
