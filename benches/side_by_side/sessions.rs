//! Sessions: how many refreshes and sign-outs a second the service commits. Each is durable before it is answered, so the
//! disk decides; there is nothing to put beside it.

use std::time::{Duration, Instant};

use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{IssueTokenRequest, RefreshTokenRequest, RevokeTokenRequest};
use tokio::task::JoinSet;

use crate::server::Measured;

/// Sessions that are refreshed at once.
const SESSIONS: usize = 32;

/// Refreshes in chains, a session a worker, for about `span`: calls a second, and CPU time a call in microseconds.
pub async fn refresh(server: &Measured, sign_in: &IssueTokenRequest, span: Duration) -> (f64, f64) {
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS {
        let mut client = AuthServiceClient::new(server.connect().await);
        tokens.push((client.issue_token(sign_in.clone()).await.unwrap().into_inner().refresh_token, client));
    }
    let (cpu, began) = (server.cpu_micros(), Instant::now());
    let mut workers = JoinSet::new();
    for (worker, (mut token, mut client)) in tokens.into_iter().enumerate() {
        workers.spawn(async move {
            let mut calls = 0_u64;
            while began.elapsed() < span {
                let retry_key = [calls.to_le_bytes(), (worker as u64).to_le_bytes()].concat();
                let message =
                    RefreshTokenRequest { refresh_token: token, retry_key, audience: String::new() };
                token = client.refresh_token(message).await.unwrap().into_inner().refresh_token;
                calls += 1;
            }
            calls
        });
    }
    let calls: u64 = workers.join_all().await.into_iter().sum();
    rates(calls, began.elapsed(), server.cpu_micros() - cpu)
}

/// Ends sessions that were opened before, one call each: calls a second, and CPU time a call in microseconds.
pub async fn sign_out(server: &Measured, sign_in: &IssueTokenRequest, count: usize) -> (f64, f64) {
    let mut tokens = Vec::new();
    for _ in 0..count {
        let mut client = AuthServiceClient::new(server.connect().await);
        tokens.push((client.issue_token(sign_in.clone()).await.unwrap().into_inner().token, client));
    }
    let (cpu, began) = (server.cpu_micros(), Instant::now());
    let mut workers = JoinSet::new();
    for (token, mut client) in tokens {
        workers.spawn(async move {
            client.revoke_token(RevokeTokenRequest { token, wait_for_verifiers: None }).await.unwrap();
        });
    }
    workers.join_all().await;
    rates(count as u64, began.elapsed(), server.cpu_micros() - cpu)
}

fn rates(calls: u64, took: Duration, cpu: f64) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 calls")]
    let calls = calls as f64;
    (calls / took.as_secs_f64(), cpu / calls)
}
