//! The database is gone: stopped, frozen, or behind a network that swallows everything. Calls that need it say so within the
//! time that their callers give them, tokens are checked on, and when it is back so is the service, without a restart.

use std::time::Duration;

use countersign::pb::auth::v1 as pb;
use countersign_test_servers::{Postgres, Signal};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{
    Binary, Client, Credentials, PASSWORD, Proxy, Refused, Tokens, basic_header, on_postgres, raw_unary,
    refused,
};

/// How long readiness may take to change, and a replica to feel what another one did, before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time that callers give.
const DEADLINE: (&str, &str) = ("grpc-timeout", "2500m");
/// Calls of each kind at once, more than there are connections in a pool.
const AT_ONCE: usize = 4;

/// A service whose database is behind a proxy, and a user of it with two sessions.
struct Scene {
    postgres: Postgres,
    database: String,
    proxy: Proxy,
    server: Binary,
    client: Client,
    tokens: Tokens,
}

impl Scene {
    /// Nothing where there is no PostgreSQL.
    async fn set() -> Option<Self> {
        if !on_postgres() {
            return None;
        }
        let postgres = Postgres::start_with(&[])?;
        let database = postgres.create_database().rsplit_once('/').unwrap().1.to_owned();
        let proxy = Proxy::to(([127, 0, 0, 1], postgres.port()).into()).await;
        let server = start(&proxy, &database);
        let client = server.client().await;
        client.create_user("alice", PASSWORD).await.unwrap();
        let tokens = client.open("alice", PASSWORD).await;
        Some(Self { postgres, database, proxy, server, client, tokens })
    }

    /// One call of each kind that needs the database.
    async fn ask(&self, round: usize) -> Vec<(&'static str, Result<(), Status>)> {
        let bearer = format!("Bearer {}", self.tokens.token);
        let basic = basic_header("alice", PASSWORD);
        let new = pb::CreateUserRequest { username: format!("bob{round}"), password: PASSWORD.into() };
        let spend = pb::RefreshTokenRequest {
            refresh_token: self.tokens.refresh_token.clone(),
            retry_key: vec![1; 16],
            audience: String::new(),
        };
        let change = pb::ChangePasswordRequest {
            current_password: PASSWORD.into(),
            new_password: PASSWORD.into(),
            wait_for_verifiers: None,
        };
        let end = pb::RevokeTokenRequest { token: self.tokens.token.clone(), wait_for_verifiers: None };
        let answers = tokio::join!(
            self.call("CreateUser", "", new),
            self.call("IssueToken", &basic, pb::IssueTokenRequest::default()),
            self.call("IssueToken", &bearer, pb::IssueTokenRequest::default()),
            self.call("RefreshToken", "", spend),
            self.call("ChangePassword", &bearer, change),
            self.call("RevokeToken", "", end),
            self.call("ListSessions", &bearer, pb::ListSessionsRequest::default()),
            self.call("Greet", &basic, pb::GreetRequest {}),
        );
        <[_; 8]>::from(answers).into()
    }

    async fn call<M: prost::Message>(
        &self,
        method: &'static str,
        authorization: &str,
        message: M,
    ) -> (&'static str, Result<(), Status>) {
        let path = format!("/auth.v1.AuthService/{method}");
        let headers = [("authorization", authorization), DEADLINE];
        let headers = if authorization.is_empty() { &headers[1..] } else { &headers[..] };
        (method, raw_unary(self.server.address, &path, headers, &message).await.map(drop))
    }

    /// Waits until it is ready, or is not.
    async fn until(&self, status: ServingStatus) {
        let mut health = HealthClient::new(self.server.channel().await);
        let message = HealthCheckRequest { service: String::new() };
        let mut watch = health.watch(message).await.unwrap().into_inner();
        let watching = async { while watch.message().await.unwrap().unwrap().status() != status {} };
        let told = timeout(PATIENCE, watching).await;
        told.unwrap_or_else(|_| panic!("readiness never became {status:?}"));
    }

    /// What an outage must look like while it lasts.
    async fn check_outage(&self) {
        for round in 0..2 {
            let asked = (0..AT_ONCE).map(|number| self.ask(round * AT_ONCE + number));
            let answers = futures_util::future::join_all(asked).await;
            for (method, answer) in answers.into_iter().flatten() {
                let status = answer.expect_err(method);
                let expected = Refused::new(Code::Unavailable, "STORE_UNAVAILABLE");
                assert_eq!(refused(&status), expected, "{method}: {status:?}");
                assert_eq!(status.message(), "the database cannot be reached", "{method}");
            }
            self.client.greet(Credentials::Bearer(&self.tokens.token)).await.unwrap();
        }
        self.until(ServingStatus::NotServing).await;
        self.client.greet(Credentials::Bearer(&self.tokens.token)).await.unwrap();
        let mut health = HealthClient::new(self.server.channel().await);
        let liveness = HealthCheckRequest { service: "liveness".to_owned() };
        assert_eq!(health.check(liveness).await.unwrap().into_inner().status(), ServingStatus::Serving);
    }

    /// What it must look like when it is over.
    async fn check_return(&self) {
        self.until(ServingStatus::Serving).await;
        let credentials = Credentials::Basic("alice", PASSWORD);
        for _ in 0..AT_ONCE {
            self.client.greet(credentials.clone()).await.unwrap();
            let opened = self.client.open("alice", PASSWORD).await;
            self.client.revoke_token(&opened.token).await.unwrap();
        }
        self.client.greet(Credentials::Bearer(&self.tokens.token)).await.unwrap();
        // What was refused has not happened.
        assert!(self.postgres.psql(&self.database, "SELECT count(*) FROM users") == "1");
    }

    fn mend(&self) {
        self.proxy.mend(([127, 0, 0, 1], self.postgres.port()).into());
    }
}

fn start(proxy: &Proxy, database: &str) -> Binary {
    let url = format!("postgres://countersign@{}/{database}", proxy.address);
    Binary::start(&["--database-url", &url, "--database-connections", "6"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_is_unavailable_until_it_is_started() {
    let Some(scene) = Scene::set().await else { return };
    for signal in [Signal::Fast, Signal::Immediate] {
        scene.postgres.stop(signal);
        scene.check_outage().await;
        scene.postgres.start();
        scene.check_return().await;
    }
    let (_, log, _) = scene.server.stop();
    let told: Vec<_> = log.lines().filter(|line| line.contains("not ready")).collect();
    assert!(told.len() == 2 && told.iter().all(|line| line.contains(r#""cause":""#)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_neither_answers_nor_hangs_up_is_unavailable_until_it_goes_on() {
    let Some(scene) = Scene::set().await else { return };
    for _ in 0..2 {
        scene.postgres.freeze();
        scene.check_outage().await;
        scene.postgres.thaw();
        scene.check_return().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_behind_a_network_that_swallows_everything_is_unavailable_until_there_is_another_way() {
    let Some(scene) = Scene::set().await else { return };
    for _ in 0..2 {
        scene.proxy.lose_everything();
        scene.check_outage().await;
        // The connections of before lead nowhere for good.
        scene.mend();
        scene.check_return().await;
    }
}

/// Whatever a call is doing at that moment, what it waits for adds up to less than its caller's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_on_their_way_when_the_database_freezes_end_in_time() {
    let Some(mut scene) = Scene::set().await else { return };
    for round in 0..6 {
        scene.tokens = loop {
            // What is still on its way from the round before may overtake it.
            let opening = scene.client.issue(Credentials::Basic("alice", PASSWORD), Default::default());
            if let Ok(opened) = opening.await {
                break opened;
            }
        };
        let asking =
            futures_util::future::join_all((0..AT_ONCE).map(|number| scene.ask(100 * round + number)));
        let freezing = async {
            // A little later each time. The password may be just being changed, to the same one.
            for _ in 0..round * 3 {
                let _proven_or_overtaken = scene.client.greet(Credentials::Basic("alice", PASSWORD)).await;
            }
            scene.postgres.freeze();
        };
        let (answers, ()) = tokio::join!(asking, freezing);
        scene.postgres.thaw();
        for (method, answer) in answers.into_iter().flatten() {
            let reason = answer.err().map(|status| refused(&status).reason);
            let in_time = !matches!(reason.as_deref(), Some("DEADLINE_EXCEEDED" | "INTERNAL"));
            assert!(in_time, "round {round}: {method}: {reason:?}");
        }
        scene.until(ServingStatus::Serving).await;
    }
}

/// Nobody tells the service that its connections are lost, and the database answers on new ones all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_lead_nowhere_are_replaced() {
    let Some(scene) = Scene::set().await else { return };
    let proxy = Proxy::to(([127, 0, 0, 1], scene.postgres.port()).into()).await;
    let replica = start(&proxy, &scene.database);
    let client = replica.client().await;
    let mut session = client.open("alice", PASSWORD).await;
    for round in 0..3 {
        proxy.lose_connections();
        // Ended at the other replica, felt here.
        scene.client.revoke_token(&session.token).await.unwrap();
        let feeling = async {
            while client.greet(Credentials::Bearer(&session.token)).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, feeling).await.unwrap_or_else(|_| panic!("round {round}: never felt"));
        let working = async {
            loop {
                // A write that is lost with its connection is one that nobody knows of.
                match client.issue(Credentials::Basic("alice", PASSWORD), Default::default()).await {
                    Ok(opened) => return opened,
                    Err(refusal) => {
                        assert_eq!(refusal, Refused::new(Code::Unavailable, "STORE_UNAVAILABLE"));
                    }
                }
            }
        };
        session = timeout(PATIENCE, working).await.unwrap_or_else(|_| panic!("round {round}: never back"));
        // Where it listens, too: the server has kept the connection of before.
        let listening = async {
            let listeners = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'";
            while scene.postgres.psql(&scene.database, listeners) != (round + 3).to_string() {
                // Something has to happen that could be heard.
                let opened = scene.client.open("alice", PASSWORD).await;
                scene.client.revoke_token(&opened.token).await.unwrap();
            }
        };
        timeout(PATIENCE, listening).await.unwrap_or_else(|_| panic!("round {round}: it is deaf"));
    }
}
