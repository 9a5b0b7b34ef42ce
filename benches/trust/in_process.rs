//! Servers in this process, on a clock that the bench turns.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use countersign::auth::{Audiences, Policy};
use countersign::crypto::HasherConfig;
use countersign::domain::{self, Lifetimes, PasswordPolicy, Registration, SessionLimits};
use countersign::server::{MasterKeyFiles, Server, ServerConfig, Surroundings};
use countersign::store::{DatabaseUrl, StoreConfig};
use countersign::transport::PeerLimitConfig;
use countersign_client::Clock;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The system's clocks, the one on the wall some time ahead.
pub struct Ahead {
    system: Surroundings,
    millis: AtomicI64,
    began: std::time::Instant,
}

impl Ahead {
    pub fn new() -> Self {
        let system = Surroundings::system();
        Self { system, millis: AtomicI64::new(0), began: std::time::Instant::now() }
    }

    pub fn advance(&self, span: Duration) {
        self.millis.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
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

pub struct InProcess {
    pub address: String,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl InProcess {
    /// A server on a database; its master key is in the folder, and is made if it is not.
    pub async fn start(folder: &Path, url: &str, clock: &Arc<Ahead>) -> Self {
        let entropy = Arc::clone(&clock.system.entropy);
        let surroundings = Surroundings { clock: clock.clone(), entropy };
        let server = Server::prepare(config(folder, url), surroundings).await.unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", socket.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.serve(socket, shutdown.clone()));
        Self { address, shutdown, running }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }
}

fn config(folder: &Path, url: &str) -> ServerConfig {
    ServerConfig {
        store: StoreConfig::new(DatabaseUrl::parse(url).unwrap()),
        adopt: false,
        master_keys: MasterKeyFiles { paths: vec![folder.join("countersign.key")], may_be_made: true },
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
