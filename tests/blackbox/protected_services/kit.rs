//! A server, a verifier that listens to it, the two example services behind the verifier's layer, and their clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign::auth::Audiences;
use countersign::domain::Clock as _;
use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign_client::{AccessTable, AuthLayer, Clock, ServerEndpoint, Verifier, VerifierBuilder};
use countersign_examples::pb::notes_service_client::NotesServiceClient;
use countersign_examples::pb::notes_service_server::{NotesServiceServer, SERVICE_NAME};
use countersign_examples::{Board, Notes, pages};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Client, Credentials, ManualClock, PASSWORD, TestServer};

/// For whom tokens are that the services accept.
pub(super) const AUDIENCE: &str = "notes";

pub(super) struct Kit {
    pub(super) server: TestServer,
    pub(super) client: Client,
    pub(super) verifier: Verifier,
}

/// The server's time of day; the time that only goes forward stands still, or leaps with every look at it.
struct VerifierClock {
    wall: Arc<ManualClock>,
    leap: u64,
    looks: AtomicU64,
}

impl Clock for VerifierClock {
    fn wall_millis(&self) -> i64 {
        self.wall.now().as_millis()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.looks.fetch_add(1, Ordering::SeqCst) * self.leap)
    }
}

impl Kit {
    /// With the users `notes`, a verifier; `alice`; and `eve`, an editor.
    pub(super) async fn start() -> Self {
        let audiences = Audiences::parse(["countersign", AUDIENCE]).unwrap();
        let server = TestServer::start_with(|config| config.policy.audiences = audiences).await;
        let (client, admin) = (server.client().await, server.admin("root").await);
        for (username, roles) in [("notes", &["verifier"][..]), ("alice", &[]), ("eve", &["editor"])] {
            let user = client.create_user(username, PASSWORD).await.unwrap();
            admin.set_roles(&user.user_id, roles).await.unwrap();
        }
        let verifier = builder(&server, 0).connect().await.unwrap();
        Self { server, client, verifier }
    }

    /// A further verifier, on whose clock half a minute passes whenever it is looked at: to it, whatever was heard is old.
    pub(super) fn stale_verifier(&self) -> VerifierBuilder {
        builder(&self.server, 31)
    }

    /// A token of a new session, for the services.
    pub(super) async fn token(&self, username: &str) -> String {
        let wanted = pb::IssueTokenRequest { audience: AUDIENCE.to_owned(), ..Default::default() };
        self.client.issue(Credentials::Basic(username, PASSWORD), wanted).await.unwrap().token
    }

    /// Ends a token's session, and waits until the verifiers know.
    pub(super) async fn sign_out(&self, token: &str) {
        let wait = prost_types::Duration { seconds: 10, nanos: 0 };
        let message = pb::RevokeTokenRequest { token: token.to_owned(), wait_for_verifiers: Some(wait) };
        let mut service = AuthServiceClient::new(self.server.channel().await);
        assert_eq!(service.revoke_token(message).await.unwrap().into_inner().verifiers_pending, 0);
    }

    /// Starts the tonic service. Where it is.
    pub(super) async fn serve_notes(&self) -> SocketAddr {
        let rules = AccessTable::parse(countersign_examples::pb::DESCRIPTOR_SET, &[SERVICE_NAME]).unwrap();
        let auth = AuthLayer::with_rules(self.verifier.clone(), rules).unwrap();
        let notes = NotesServiceServer::new(Notes::new(Board::new(), self.verifier.clone()));
        let (_, health) = tonic_health::server::health_reporter();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let services = Server::builder().layer(auth).add_service(notes).add_service(health);
        tokio::spawn(services.serve_with_incoming(TcpIncoming::from(socket)));
        address
    }

    /// Starts the tonic service, and connects to it.
    pub(super) async fn notes(&self) -> NotesServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.serve_notes().await)).unwrap();
        NotesServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// Starts the axum service behind a layer. Where it is.
    pub(super) async fn pages(&self, auth: AuthLayer) -> SocketAddr {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let service = pages(Board::new()).layer(auth);
        tokio::spawn(async move { axum::serve(socket, service).await });
        address
    }
}

fn builder(server: &TestServer, leap: u64) -> VerifierBuilder {
    let clock = VerifierClock { wall: Arc::clone(&server.clock), leap, looks: AtomicU64::new(0) };
    let server = ServerEndpoint::parse(&format!("http://{}", server.address)).unwrap();
    Verifier::builder(server, AUDIENCE).password("notes", PASSWORD).unwrap().clock(Arc::new(clock))
}

/// Code and reason of a refusal by a service.
pub(super) fn refusal(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "auth.v1");
    (status.code(), info.reason.clone())
}

pub(super) fn refused(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// An answer over HTTP, taken apart.
pub(super) struct Page {
    pub(super) head: String,
    pub(super) body: String,
}

impl Page {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The reason in a refusal's JSON.
    pub(super) fn reason(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["details"][0]["reason"].as_str().unwrap().to_owned()
    }
}

/// Sends a request over a connection of its own; `authorization` empty is none.
pub(super) async fn ask(address: SocketAddr, method: &str, authorization: &str, body: &str) -> Page {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let authorization = match authorization {
        "" => String::new(),
        value => format!("authorization: {value}\r\n"),
    };
    let request = format!(
        "{method} /notes HTTP/1.1\r\nhost: notes\r\nconnection: close\r\n{authorization}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Page { head: head.to_ascii_lowercase(), body: body.to_owned() }
}
