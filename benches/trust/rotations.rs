//! Rotations of a server in this process: a key has to be published for ten minutes before it signs, which pass here when
//! the bench turns the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countersign::auth::{Audiences, Policy, Registration};
use countersign::crypto::HasherConfig;
use countersign::domain::{self, Lifetimes, PasswordPolicy, SessionLimits};
use countersign::pb::auth::v1::admin_service_client::AdminServiceClient;
use countersign::pb::auth::v1::auth_service_client::AuthServiceClient;
use countersign::pb::auth::v1::{IssueTokenRequest, RotateKeyRequest};
use countersign::server::{MasterKeyFiles, Server, ServerConfig, Surroundings};
use countersign::store::{DatabaseUrl, StoreConfig};
use countersign::transport::PeerLimitConfig;
use countersign_client::{Clock, ServerEndpoint, Verifier};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::transport::Channel;

use crate::service::{Service, Tokens, channel};
use crate::users::{self, PASSWORD};

const ROTATIONS: usize = 20;
/// How long the services check between two rotations.
const SPAN: Duration = Duration::from_millis(500);

/// The system's clocks, the one on the wall some time ahead.
struct Ahead {
    system: Surroundings,
    millis: AtomicI64,
    began: std::time::Instant,
}

impl domain::Clock for Ahead {
    fn now(&self) -> domain::Timestamp {
        let now = self.system.clock.now().as_millis();
        domain::Timestamp::from_millis(now + self.millis.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Clock for Ahead {
    fn wall_millis(&self) -> i64 {
        domain::Clock::now(self).as_millis()
    }

    fn monotonic(&self) -> Duration {
        self.began.elapsed()
    }
}

pub async fn run() {
    let folder = TempDir::new().unwrap();
    users::create(folder.path(), "root", "admin,verifier");
    let system = Surroundings::system();
    let entropy = Arc::clone(&system.entropy);
    let clock = Arc::new(Ahead { system, millis: AtomicI64::new(0), began: std::time::Instant::now() });
    let surroundings = Surroundings { clock: clock.clone(), entropy };
    let server = Server::prepare(config(&folder), surroundings).await.unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(server.serve(socket, shutdown.clone()));
    let mut auth = AuthServiceClient::new(channel(&address).await);
    let mut admin = AdminServiceClient::new(channel(&address).await);
    let tokens = Arc::new(Tokens::default());
    tokens.add(sign_in(&mut auth).await);
    let mut services = Vec::new();
    for number in 1..=3 {
        let verifier = Verifier::builder(ServerEndpoint::parse(&address).unwrap(), "countersign")
            .password("root", PASSWORD)
            .unwrap()
            .instance(format!("orders-{number}"))
            .clock(clock.clone())
            .connect()
            .await
            .unwrap();
        services.push(Service::start(verifier, Arc::clone(&tokens)));
    }
    for _ in 0..ROTATIONS {
        clock.millis.fetch_add(600_000, Ordering::SeqCst);
        let mut request = Request::new(RotateKeyRequest {});
        let token = sign_in(&mut auth).await;
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        admin.rotate_key(request).await.unwrap();
        let fresh = sign_in(&mut auth).await;
        tokens.add(fresh);
        tokio::time::sleep(SPAN).await;
    }
    let (checks, refusals) = services
        .iter()
        .fold((0, 0), |(checks, refusals), one| (checks + one.checks(), refusals + one.refusals()));
    println!(
        "{ROTATIONS} rotations under three services: {checks} checks of good tokens, {refusals} refused"
    );
    drop(services);
    shutdown.cancel();
    running.await.unwrap();
}

async fn sign_in(auth: &mut AuthServiceClient<Channel>) -> String {
    let lifetime = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    let message = IssueTokenRequest {
        username: "root".into(),
        password: PASSWORD.into(),
        lifetime,
        ..Default::default()
    };
    auth.issue_token(message).await.unwrap().into_inner().token
}

fn config(folder: &TempDir) -> ServerConfig {
    let file = folder.path().join("countersign.db");
    ServerConfig {
        store: StoreConfig::new(DatabaseUrl::parse(&format!("sqlite://{}", file.display())).unwrap()),
        adopt: false,
        master_keys: MasterKeyFiles { paths: vec![folder.path().join("countersign.key")], may_be_made: true },
        hasher: HasherConfig { memory_kib: 19_456, passes: 2, lanes: 1, hash_memory_mib: None },
        passwords: PasswordPolicy { min_length: 8, service_names: Vec::new() },
        policy: Policy {
            issuer: "countersign".to_owned(),
            audiences: Audiences::parse(["countersign"]).unwrap(),
            lifetimes: Lifetimes { default: Duration::from_secs(600), max: Duration::from_secs(3600) },
            sessions: SessionLimits {
                idle: Duration::from_secs(7 * 86_400),
                absolute: Duration::from_secs(30 * 86_400),
                per_user: None,
            },
            registration: Registration::Closed,
            max_staleness: None,
        },
        peer_limit: PeerLimitConfig { calls_per_second: None, spare_loopback: true },
        reflection: false,
        admin_client_certificate: false,
        tls: None,
        web: countersign::web::WebConfig::default(),
        trusted_proxies: countersign::transport::TrustedProxies::default(),
        older_api: false,
    }
}
