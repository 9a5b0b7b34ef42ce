//! A server, a proxy before it, and a verifier behind that, with clocks that the test turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::domain::Clock as _;
use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::trust_service_client::TrustServiceClient;
use countersign_client::{Clock, Refusal, ServerEndpoint, Verifier, VerifierBuilder};
use tokio::time::timeout;

use crate::harness::{AdminClient, Client, Credentials, ManualClock, PASSWORD, Proxy, TestServer};

/// How long something may take to happen, before its test gives up on it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// For whom the verifier accepts tokens.
pub(super) const AUDIENCE: &str = "billing";

/// The server's time of day, and a stopwatch of its own for how old knowledge is.
pub(super) struct Clocks {
    wall: Arc<ManualClock>,
    stopwatch: AtomicU64,
    /// What every look at the stopwatch adds.
    haste: AtomicU64,
}

impl Clocks {
    pub(super) fn of(server: &TestServer) -> Arc<Self> {
        let wall = Arc::clone(&server.clock);
        Arc::new(Self { wall, stopwatch: AtomicU64::new(0), haste: AtomicU64::new(0) })
    }

    /// The stopwatch goes on; the time of day does not, so that no token expires.
    pub(super) fn turn(&self, by: Duration) {
        self.stopwatch.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// From now on so much time passes between any two looks: whatever is sent comes back too late.
    pub(super) fn race(&self, by: Duration) {
        self.haste.store(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Clocks {
    fn wall_millis(&self) -> i64 {
        self.wall.now().as_millis()
    }

    fn monotonic(&self) -> Duration {
        let haste = self.haste.load(Ordering::SeqCst);
        Duration::from_millis(self.stopwatch.fetch_add(haste, Ordering::SeqCst) + haste)
    }
}

pub(super) struct Scene {
    pub(super) server: TestServer,
    pub(super) proxy: Proxy,
    pub(super) clocks: Arc<Clocks>,
    pub(super) client: Client,
    pub(super) admin: AdminClient,
    pub(super) alice: String,
}

/// A server with an admin, a user `orders` who may watch, and a user `alice`.
pub(super) async fn scene() -> Scene {
    let server = TestServer::start().await;
    let (client, admin) = (server.client().await, server.admin("root").await);
    let orders = client.create_user("orders", PASSWORD).await.unwrap();
    admin.set_roles(&orders.user_id, &["verifier"]).await.unwrap();
    let alice = client.create_user("alice", PASSWORD).await.unwrap().user_id;
    let (proxy, clocks) = (Proxy::to(server.address).await, Clocks::of(&server));
    Scene { server, proxy, clocks, client, admin, alice }
}

impl Scene {
    /// A verifier behind the proxy, to be told what else it should be.
    pub(super) fn builder(&self) -> VerifierBuilder {
        let address = ServerEndpoint::parse(&format!("http://{}", self.proxy.address)).unwrap();
        let builder = Verifier::builder(address, AUDIENCE).instance("orders-1").clock(self.clocks.clone());
        builder.password("orders", PASSWORD).unwrap()
    }

    pub(super) async fn verifier(&self) -> Verifier {
        timeout(PATIENCE, self.builder().connect()).await.unwrap().unwrap()
    }

    /// A token of alice's for the verifier's service, in a session of its own.
    pub(super) async fn token(&self) -> String {
        let message = pb::IssueTokenRequest { audience: AUDIENCE.to_owned(), ..Default::default() };
        self.client.issue(Credentials::Basic("alice", PASSWORD), message).await.unwrap().token
    }

    /// Ends the session of a token.
    pub(super) async fn revoke(&self, token: &str) {
        self.client.revoke_token(token).await.unwrap();
    }

    /// Ends the session of a token, and waits until all verifiers know it. How many do not.
    pub(super) async fn revoke_and_wait(&self, token: &str) -> i32 {
        let wait_for_verifiers = Some(prost_types::Duration { seconds: 10, nanos: 0 });
        let message = pb::RevokeTokenRequest { token: token.to_owned(), wait_for_verifiers };
        let mut service = pb::auth_service_client::AuthServiceClient::new(self.server.channel().await);
        service.revoke_token(message).await.unwrap().into_inner().verifiers_pending
    }

    /// Whether the server takes a token for good.
    pub(super) async fn server_accepts(&self, token: &str) -> bool {
        let message = pb::VerifyTokenRequest { token: token.to_owned(), audience: AUDIENCE.to_owned() };
        let request = Credentials::Basic("orders", PASSWORD).attach(message);
        let mut service = TrustServiceClient::new(self.server.channel().await);
        service.verify_token(request).await.unwrap().into_inner().active
    }

    /// The ids of the keys that the server publishes.
    pub(super) async fn published_keys(&self) -> Vec<String> {
        let mut service = TrustServiceClient::new(self.server.channel().await);
        let answer = service.get_key_set(pb::GetKeySetRequest {}).await.unwrap().into_inner();
        let mut ids: Vec<_> = answer.keys.into_iter().map(|key| key.key_id).collect();
        ids.sort();
        ids
    }

    /// Waits until the verifier trusts exactly the keys that the server publishes.
    pub(super) async fn until_keys_known(&self, verifier: &Verifier) {
        let published = self.published_keys().await;
        until(verifier, |verifier| {
            verifier.status().keys.iter().map(|id| id.as_str()).eq(published.iter().map(String::as_str))
        })
        .await;
    }

    /// Waits until the verifier knows what the server has committed until now, and knows that it is so.
    pub(super) async fn until_caught_up(&self, verifier: &Verifier) {
        let committed = self.server.query_number("SELECT sequence FROM trust_counter").await;
        until(verifier, |verifier| {
            verifier.status().position.is_some_and(|position| position.sequence >= committed)
                && !is_stale(verifier)
        })
        .await;
    }

    /// The admin, signed in now.
    pub(super) async fn admin(&self) -> AdminClient {
        AdminClient::new(self.server.channel().await, &self.client.sign_in("root", PASSWORD).await)
    }

    /// The verifiers that hold a lease.
    pub(super) async fn listed(&self) -> Vec<pb::Verifier> {
        let token = self.client.sign_in("root", PASSWORD).await;
        let mut service = AdminServiceClient::new(self.server.channel().await);
        let request = Credentials::Bearer(&token).attach(pb::ListVerifiersRequest {});
        service.list_verifiers(request).await.unwrap().into_inner().verifiers
    }

    /// Stops the server and starts it again, behind the same proxy.
    pub(super) async fn restart(self) -> Self {
        let Self { server, proxy, clocks, alice, .. } = self;
        let server = server.restart_with(|_| {}).await;
        proxy.mend(server.address);
        let client = server.client().await;
        let admin = AdminClient::new(server.channel().await, &client.sign_in("root", PASSWORD).await);
        Self { server, proxy, clocks, client, admin, alice }
    }
}

/// Whether what it knows is older than the 30 s of the default.
pub(super) fn is_stale(verifier: &Verifier) -> bool {
    verifier.status().staleness.is_none_or(|staleness| staleness > Duration::from_secs(30))
}

/// Waits until something is so that the verifier tells about by its changes.
pub(super) async fn until(verifier: &Verifier, mut is_so: impl FnMut(&Verifier) -> bool) {
    let mut changes = verifier.changes();
    let waiting = async {
        while !is_so(verifier) {
            changes.changed().await.unwrap();
        }
    };
    let waited = timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{verifier:?}");
}

/// Waits until a token is refused.
pub(super) async fn until_refused(verifier: &Verifier, token: &str) -> Refusal {
    until(verifier, |verifier| verifier.verify(token).is_err()).await;
    verifier.verify(token).unwrap_err()
}
