//! Ending sessions of a server that runs in a process of its own, as users would run it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{IssueTokenRequest, RevokeTokenRequest};
use countersign_client::{ServerEndpoint, Verifier};
use tempfile::TempDir;

use crate::service::{Service, Tokens, channel};
use crate::users::{self, PASSWORD};

const REVOCATIONS: usize = 200;
const USERS: usize = 4;

/// A server process; it is killed when this is dropped.
struct Server {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

pub async fn run() {
    let server = start();
    let mut client = AuthServiceClient::new(channel(&server.address).await);
    let mut sessions = Vec::new();
    for number in 0..=REVOCATIONS {
        // Of one user who ends 128 sessions all tokens are revoked in their place.
        let username = if number == 0 { "orders".to_owned() } else { format!("user-{}", number % USERS) };
        let message = IssueTokenRequest { username, password: PASSWORD.into(), ..Default::default() };
        sessions.push(client.issue_token(message).await.unwrap().into_inner().token);
    }
    let tokens = Arc::new(Tokens::default());
    tokens.all.lock().unwrap().push(sessions.remove(0));
    let mut services = Vec::new();
    for number in 1..=3 {
        let verifier = Verifier::builder(ServerEndpoint::parse(&server.address).unwrap(), "countersign")
            .password("orders", PASSWORD)
            .unwrap()
            .instance(format!("orders-{number}"))
            .connect()
            .await
            .unwrap();
        services.push(Service::start(verifier, Arc::clone(&tokens)));
    }

    let mut spans = Vec::new();
    for token in sessions {
        tokens.all.lock().unwrap().push(token.clone());
        services.iter().for_each(Service::begin);
        until(|| services.iter().all(Service::has_accepted)).await;
        let began = Instant::now();
        client.revoke_token(RevokeTokenRequest { token, wait_for_verifiers: None }).await.unwrap();
        until(|| services.iter().all(Service::has_refused)).await;
        let last = services.iter().filter_map(Service::last_accepted).max().unwrap();
        spans.push(last.saturating_duration_since(began));
        // It is not good any more; the first one is.
        tokens.all.lock().unwrap().pop();
        let seen: Vec<u64> = services.iter().map(Service::checks).collect();
        until(|| services.iter().zip(&seen).all(|(service, seen)| service.checks() > seen + 1)).await;
    }
    spans.sort();
    let at = |share: usize| spans[(spans.len() * share / 100).min(spans.len() - 1)].as_secs_f64() * 1000.0;
    println!(
        "P9 {REVOCATIONS} sessions ended under three services that check 2,000 tokens a second each: the last acceptance \
         anywhere came {:.1} ms after the call began at the median, {:.1} ms at p99, {:.1} ms at most",
        at(50),
        at(99),
        at(100),
    );
}

async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn start() -> Server {
    let folder = TempDir::new().unwrap();
    users::create(folder.path(), "orders", "verifier");
    for number in 0..USERS {
        users::create(folder.path(), &format!("user-{number}"), "buyer");
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .current_dir(folder.path())
        .args(["--listen", "127.0.0.1:0", "--max-sessions-per-user", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let word = line.split_whitespace().find(|word| word.contains("127.0.0.1:")).unwrap();
    Server { child, address: format!("http://{}", word.trim_end_matches(['.', ';'])), _folder: folder }
}
