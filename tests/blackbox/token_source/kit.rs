//! A server with one user, and sources of that user's tokens.

use std::net::SocketAddr;
use std::time::Duration;

use countersign::pb::auth::v1::GreetResponse;
use countersign_client::{ServerEndpoint, Token, TokenError, TokenSource, TokenSourceBuilder};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::wire::Wire;
use crate::harness::{AdminClient, Client, Credentials, PASSWORD, TestServer};

/// How long a test waits for what has to happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Kit {
    pub(super) server: TestServer,
    pub(super) wire: Wire,
    /// A client beside the wire.
    pub(super) client: Client,
    pub(super) admin: AdminClient,
    pub(super) alice: String,
}

/// A builder for a server at `address`.
pub(super) fn builder(address: SocketAddr) -> TokenSourceBuilder {
    TokenSource::builder(ServerEndpoint::parse(&format!("http://{address}")).unwrap()).patience(PATIENCE)
}

impl Kit {
    pub(super) async fn start() -> Self {
        let server = TestServer::start().await;
        let client = server.client().await;
        let admin = server.admin("root").await;
        let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
        let wire = Wire::to(server.address).await;
        Self { server, wire, client, admin, alice }
    }

    /// A source without credentials, over the wire.
    pub(super) fn builder(&self) -> TokenSourceBuilder {
        builder(self.wire.address)
    }

    /// A source that signs in as alice, over the wire.
    pub(super) async fn source(&self) -> TokenSource {
        let source = self.builder().password("alice", PASSWORD).start().await.unwrap();
        source.token().await.unwrap();
        source
    }

    /// Greets, with a token of the source's.
    pub(super) async fn greet(&self, source: &TokenSource) -> Result<GreetResponse, Status> {
        let client = &self.client;
        let greet = |token: Token| async move { client.greet_raw(Credentials::Bearer(token.text())).await };
        source.call(greet).await
    }

    /// The roles that a call is made with.
    pub(super) async fn roles(&self, source: &TokenSource) -> Vec<String> {
        self.greet(source).await.unwrap().caller.unwrap().roles
    }

    /// Makes every token of alice's a revoked one.
    pub(super) async fn set_roles(&self, roles: &[&str]) {
        self.admin.set_roles(&self.alice, roles).await.unwrap();
    }

    /// How many sessions alice has or had.
    pub(super) async fn sessions(&self) -> i64 {
        self.of_alice("COUNT(*)").await
    }

    /// How many refresh tokens alice's sessions have had, the first of each among them.
    pub(super) async fn generations(&self) -> i64 {
        self.of_alice("SUM(generation)").await
    }

    async fn of_alice(&self, what: &str) -> i64 {
        let mine = "user_id = (SELECT id FROM users WHERE name_shown = 'alice')";
        self.server.query_number(&format!("SELECT {what} FROM sessions WHERE {mine}")).await
    }

    /// Waits until a refresh token of alice's has been spent, whoever has heard of it.
    pub(super) async fn spent(&self, generations: i64) {
        let spent = async { while self.generations().await < generations {} };
        tokio::time::timeout(PATIENCE, spent).await.unwrap();
    }

    pub(super) async fn thefts(&self) -> i64 {
        self.server.query_number("SELECT COUNT(*) FROM security_events WHERE kind = 2").await
    }
}

/// The reason of a refusal that went up.
pub(super) fn reason(status: &Status) -> String {
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    status.get_details_error_info().unwrap().reason
}

/// The reason of a refusal of the source's own.
pub(super) fn refused(error: TokenError) -> String {
    assert!(matches!(error, TokenError::Refused(_)), "{error:?}");
    reason(&error.into())
}
