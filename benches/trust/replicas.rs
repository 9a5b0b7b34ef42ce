//! Two replicas on one database: how long after a call that ends a session, or makes a key, the other one feels it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::trust_service_client::TrustServiceClient;
use countersign::pb::auth::v1::{
    GetKeySetRequest, GreetRequest, IssueTokenRequest, RevokeTokenRequest, RotateKeyRequest,
};
use countersign_test_servers::{MariaDb, Postgres};
use tempfile::TempDir;
use tonic::Request;
use tonic::transport::Channel;

use crate::in_process::{Ahead, InProcess};
use crate::rotations::sign_in;
use crate::service::channel;
use crate::users::{self, PASSWORD};

const REVOCATIONS: usize = 300;
/// Of one user who ends 128 sessions all tokens are revoked in their place.
const USERS: usize = 4;
const ROTATIONS: usize = 30;
/// Between two of them, so that they fall anywhere between two readings of the log.
const APART: Duration = Duration::from_millis(37);

pub async fn run() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("countersign.db");
    measure("SQLite", folder.path(), &format!("sqlite://{}", file.display())).await;
    if let Some(postgres) = Postgres::start_with(&[]) {
        let folder = TempDir::new().unwrap();
        measure("PostgreSQL", folder.path(), &postgres.create_database()).await;
    }
    if let Some(mariadb) = MariaDb::shared() {
        let folder = TempDir::new().unwrap();
        measure("MariaDB", folder.path(), &mariadb.create_database()).await;
    }
}

async fn measure(database: &str, folder: &Path, url: &str) {
    let clock = Arc::new(Ahead::new());
    let here = InProcess::start(folder, url, &clock).await;
    let there = InProcess::start(folder, url, &clock).await;
    users::create_in(folder, url, "root", "admin");
    for number in 0..USERS {
        users::create_in(folder, url, &format!("user-{number}"), "buyer");
    }
    let channels = (channel(&here.address).await, channel(&there.address).await);
    let revoked = revocations(&channels).await;
    let rotated = rotations(&channels, &clock).await;
    println!(
        "{database}: {REVOCATIONS} sessions that were ended at one replica were refused by the other {} after the call \
         began; {ROTATIONS} new keys were there {}",
        shares(revoked),
        shares(rotated)
    );
    here.stop().await;
    there.stop().await;
}

async fn revocations((here, there): &(Channel, Channel)) -> Vec<Duration> {
    let (mut here, mut there) = (AuthServiceClient::new(here.clone()), AuthServiceClient::new(there.clone()));
    let mut spans = Vec::new();
    for number in 0..REVOCATIONS {
        let username = format!("user-{}", number % USERS);
        let message = IssueTokenRequest { username, password: PASSWORD.into(), ..Default::default() };
        let token = here.issue_token(message).await.unwrap().into_inner().token;
        there.greet(bearing(&token, GreetRequest {})).await.unwrap();
        tokio::time::sleep(APART).await;
        let began = Instant::now();
        here.revoke_token(RevokeTokenRequest { token: token.clone(), wait_for_verifiers: None })
            .await
            .unwrap();
        while there.greet(bearing(&token, GreetRequest {})).await.is_ok() {}
        spans.push(began.elapsed());
    }
    spans
}

async fn rotations((here, there): &(Channel, Channel), clock: &Ahead) -> Vec<Duration> {
    let mut auth = AuthServiceClient::new(here.clone());
    let mut admin = AdminServiceClient::new(here.clone());
    let mut there = TrustServiceClient::new(there.clone());
    let mut spans = Vec::new();
    for _ in 0..ROTATIONS {
        // A key is published for ten minutes before it signs.
        clock.advance(Duration::from_secs(600));
        let token = sign_in(&mut auth).await;
        let before = key_ids(&mut there).await;
        tokio::time::sleep(APART).await;
        let began = Instant::now();
        admin.rotate_key(bearing(&token, RotateKeyRequest {})).await.unwrap();
        while key_ids(&mut there).await == before {}
        spans.push(began.elapsed());
    }
    spans
}

async fn key_ids(trust: &mut TrustServiceClient<Channel>) -> Vec<String> {
    let answer = trust.get_key_set(GetKeySetRequest::default()).await.unwrap().into_inner();
    answer.keys.into_iter().map(|key| key.key_id).collect()
}

fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn shares(mut spans: Vec<Duration>) -> String {
    spans.sort();
    let at = |share: usize| spans[(spans.len() * share / 100).min(spans.len() - 1)].as_secs_f64() * 1000.0;
    format!("{:.1} ms (median), {:.1} ms (p99), {:.1} ms (at most)", at(50), at(99), at(100))
}
