//! The library's server on a free port of loopback, with a private database, cheap hashes, a manual clock and seeded
//! randomness.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::auth::{Audiences, Policy};
use countersign::crypto::HasherConfig;
use countersign::domain::{Entropy, Lifetimes, PasswordPolicy, Registration, SessionLimits};
use countersign::server::{MasterKeyFiles, Server, ServerConfig, Surroundings};
use countersign::store::{DatabaseUrl, StoreConfig};
use countersign::transport::{PeerLimitConfig, TrustedProxies};
use countersign::web::WebConfig;
use countersign_test_servers::watch_this_test;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{AdminClient, Client, Database, ManualClock, PASSWORD, SeededEntropy};

pub struct TestServer {
    pub address: SocketAddr,
    pub clock: Arc<ManualClock>,
    pub config: ServerConfig,
    folder: Arc<TempDir>,
    entropy: Arc<dyn Entropy>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl TestServer {
    /// With the settings of a fresh service, but for the price of its hashes.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        Self::launch(Arc::new(folder), config, Arc::new(ManualClock::new()), Arc::new(SeededEntropy::new(7)))
            .await
    }

    /// With randomness of the test's own.
    pub async fn start_on(entropy: Arc<dyn Entropy>) -> Self {
        let folder = TempDir::new().unwrap();
        let config = config(&folder);
        Self::launch(Arc::new(folder), config, Arc::new(ManualClock::new()), entropy).await
    }

    /// Stops this server and starts another on the same files, clock and randomness, with some settings changed.
    pub async fn restart_with(self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let Self { clock, mut config, folder, entropy, shutdown, running, .. } = self;
        shutdown.cancel();
        running.await.unwrap();
        change(&mut config);
        Self::launch(folder, config, clock, entropy).await
    }

    /// A second server on the same files, clock and randomness, as replicas share a database.
    pub async fn replica(&self) -> Self {
        let folder = Arc::clone(&self.folder);
        Self::launch(folder, self.config.clone(), self.clock.clone(), self.entropy.clone()).await
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }

    /// Asks the server to stop, and does not wait.
    pub fn begin_stop(&self) {
        self.shutdown.cancel();
    }

    async fn launch(
        folder: Arc<TempDir>,
        config: ServerConfig,
        clock: Arc<ManualClock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        watch_this_test();
        let surroundings = Surroundings { clock: clock.clone(), entropy: entropy.clone() };
        let server = Server::prepare(config.clone(), surroundings).await.unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.serve(socket, shutdown.clone()));
        Self { address, clock, config, folder, entropy, shutdown, running }
    }

    /// A connection of its own.
    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub async fn client(&self) -> Client {
        Client::new(self.channel().await)
    }

    /// A new user with the role `admin`, signed in.
    pub async fn admin(&self, username: &str) -> AdminClient {
        let channel = self.channel().await;
        let client = Client::new(channel.clone());
        client.create_user(username, PASSWORD).await.unwrap();
        self.execute_sql(&format!("UPDATE users SET roles = 'admin' WHERE name_shown = '{username}'")).await;
        AdminClient::new(channel, &client.sign_in(username, PASSWORD).await)
    }

    /// The database file, for tests that look behind the server's back.
    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("countersign.db")
    }

    /// The database, behind the server's back.
    pub fn database(&self) -> Database {
        Database::of(self.folder.path())
    }

    /// Runs a statement on it. How many rows it touched.
    pub async fn execute_sql(&self, sql: &str) -> u64 {
        self.database().execute(sql).await
    }

    /// The number that a query on it answers.
    pub async fn query_number(&self, sql: &str) -> i64 {
        self.database().query_number(sql).await
    }
}

fn config(folder: &TempDir) -> ServerConfig {
    let url = DatabaseUrl::parse(Database::of(folder.path()).url()).unwrap();
    ServerConfig {
        store: StoreConfig { connections: 6, ..StoreConfig::new(url) },
        // Tests start servers again with other settings.
        adopt: true,
        master_keys: MasterKeyFiles { paths: vec![folder.path().join("countersign.key")], may_be_made: true },
        hasher: HasherConfig { memory_kib: 64, passes: 1, lanes: 1, hash_memory_mib: None },
        passwords: PasswordPolicy { min_length: 8, service_names: vec!["countersign".to_owned()] },
        policy: Policy {
            issuer: "countersign".to_owned(),
            audiences: Audiences::parse(["countersign", "billing"]).unwrap(),
            lifetimes: Lifetimes { default: Duration::from_secs(600), max: Duration::from_secs(3600) },
            sessions: SessionLimits {
                idle: Duration::from_secs(7 * 86_400),
                absolute: Duration::from_secs(30 * 86_400),
                per_user: Some(64),
            },
            registration: Registration::Open,
            max_staleness: Some(Duration::from_secs(30)),
        },
        peer_limit: PeerLimitConfig { calls_per_second: None, spare_loopback: true },
        reflection: true,
        admin_client_certificate: false,
        tls: None,
        web: WebConfig::default(),
        trusted_proxies: TrustedProxies::default(),
        older_api: true,
    }
}
