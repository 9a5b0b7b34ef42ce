//! From a configuration to a running server.

use std::sync::Arc;
use std::time::Duration;

use countersign_verify::{UnsetError, Verifier};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::background::Background;
use super::{ClusterError, MasterKeyFiles, StartKeysError, Surroundings, cluster, keys};
use crate::auth::{Authority, AuthorityParts, Keys, NewPasswords, Policy, Registrar};
use crate::crypto::{HasherConfig, HasherError, PasswordHasher};
use crate::domain::PasswordPolicy;
use crate::grpc::{
    Door, DoorParts, Health, Methods, MethodsConfig, MethodsError, RequestIds, Services, ServicesError,
};
use crate::rest::{Rest, SchemaError};
use crate::store::{OpenError, Store, StoreConfig, StoreError};
use crate::transport::{
    Dispatch, Drain, Listener, PeerLimit, PeerLimitConfig, Tls, TlsConfig, TlsError, TrustedProxies,
};
use crate::web::{Front, WebConfig};

/// How long running calls may take to finish after a stop was asked for. With what comes after, the process is gone
/// within 10 s.
const DRAIN_PATIENCE: Duration = Duration::from_secs(8);
/// How long writing down the last sign-in failures may take.
const RECORD_PATIENCE: Duration = Duration::from_millis(400);
/// How long the database may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Everything that can be configured, sorted by the part that it is for.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The database.
    pub store: StoreConfig,
    /// Whether what all replicas share becomes what this one was given.
    pub adopt: bool,
    /// The master keys.
    pub master_keys: MasterKeyFiles,
    /// Password hashing.
    pub hasher: HasherConfig,
    /// New passwords.
    pub passwords: PasswordPolicy,
    /// The use cases.
    pub policy: Policy,
    /// Calls a peer.
    pub peer_limit: PeerLimitConfig,
    /// Whether the reflection services are there.
    pub reflection: bool,
    /// Whether AdminService asks for a client certificate, beside what its access rules ask.
    pub admin_client_certificate: bool,
    /// TLS, unless plaintext is spoken.
    pub tls: Option<TlsConfig>,
    /// What comes without native gRPC.
    pub web: WebConfig,
    /// The proxies that are believed about whose request they bring.
    pub trusted_proxies: TrustedProxies,
    /// Whether the paths of the older API are there.
    pub older_api: bool,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settings that all replicas share.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its keys or the master key.
    #[error(transparent)]
    Keys(#[from] StartKeysError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Password hashing.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// Token checks.
    #[error(transparent)]
    Verifier(#[from] UnsetError),
    /// Access rules.
    #[error(transparent)]
    Methods(#[from] MethodsError),
    /// Reflection.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// Paths over HTTP.
    #[error(transparent)]
    Rest(#[from] SchemaError),
}

/// A server with everything ready but its socket.
pub struct Server {
    store: Store,
    authority: Authority,
    health: Health,
    peer_limit: Arc<PeerLimit>,
    draining: CancellationToken,
    tls: Option<Tls>,
    handler: Dispatch<Door, Front<Door>>,
    proxies: TrustedProxies,
}

impl Server {
    /// Opens the database, the keys and everything else that can fail.
    pub async fn prepare(config: ServerConfig, surroundings: Surroundings) -> Result<Self, StartError> {
        // Before anything is made that a start which fails would leave behind.
        let tls =
            config.tls.clone().map(|tls| Tls::load(tls, Arc::clone(&surroundings.clock))).transpose()?;
        let store = Store::open(&config.store, surroundings.clock.now()).await?;
        store.ensure_trust_counter(drawn(&surroundings)).await?;
        cluster::join(&store, &config.policy, config.adopt, surroundings.clock.now()).await?;
        let keys = keys::open(&store, &config.master_keys, &config.policy, &surroundings).await?;
        let authority = build_authority(&config, &store, keys, &surroundings)?;
        let health = Health::start().await;
        let peer_limit = Arc::new(PeerLimit::new(config.peer_limit));
        let draining = CancellationToken::new();
        let door = Door::new(DoorParts {
            peer_limit: Arc::clone(&peer_limit),
            methods: Methods::of_api(MethodsConfig {
                reflection: config.reflection,
                admin_client_certificate: config.admin_client_certificate,
            })?,
            services: Services::new(authority.clone(), &health, config.reflection)?,
            authority: authority.clone(),
            request_ids: RequestIds::new(&*surroundings.entropy),
            draining: draining.clone(),
        });
        let rest = Rest::new(door.clone(), config.policy.registration, config.older_api)?;
        let front = Front::new(door.clone(), rest, config.web);
        let (handler, proxies) = (Dispatch::new(door, front), config.trusted_proxies);
        // At last: all other replicas take part in it, and a start that fails is none.
        store.begin_incarnation(drawn(&surroundings)).await?;
        Ok(Self { store, authority, health, peer_limit, draining, tls, handler, proxies })
    }

    /// What it shows to its clients, if it speaks TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Serves until `shutdown`, then lets running calls finish.
    pub async fn serve(self, socket: TcpListener, shutdown: CancellationToken) {
        let Self { store, authority, health, peer_limit, draining, tls, handler, proxies } = self;
        let mut background =
            Background::start(store.clone(), authority.clone(), health.clone(), Arc::clone(&peer_limit));
        let mut listener = Listener::new(socket).believing(proxies);
        if let Some(tls) = tls {
            background.watch(tls.clone());
            listener = listener.with_tls(tls, peer_limit);
        }
        let served = listener.serve(handler, shutdown.clone(), Drain { patience: DRAIN_PATIENCE });
        let leave = async {
            shutdown.cancelled().await;
            tracing::info!("stopping: running calls may finish, for 8 s at most");
            authority.end_waits_for_verifiers();
            background.stop().await;
            health.set_ready(false).await;
            draining.cancel();
        };
        tokio::join!(served, leave);
        // Whoever waits at another replica need not do so for longer than the verifiers themselves go on.
        if store.is_shared() {
            let _told = tokio::time::timeout(RECORD_PATIENCE, authority.share_leases()).await;
        }
        let recorded = tokio::time::timeout(RECORD_PATIENCE, authority.record_sign_in_failures()).await;
        if !matches!(recorded, Ok(Ok(()))) {
            tracing::warn!("the last sign-in failures were not written down");
        }
        if !matches!(tokio::time::timeout(CLOSE_PATIENCE, store.close()).await, Ok(Ok(()))) {
            tracing::warn!("the database did not close in time; its journal will be read at the next start");
        }
        tracing::info!("stopped");
    }
}

/// What is drawn for an incarnation of the trust log.
fn drawn(surroundings: &Surroundings) -> [u8; 16] {
    let mut incarnation = [0; 16];
    surroundings.entropy.fill(&mut incarnation);
    incarnation
}

fn build_authority(
    config: &ServerConfig,
    store: &Store,
    keys: Keys,
    surroundings: &Surroundings,
) -> Result<Authority, StartError> {
    let Surroundings { clock, entropy } = surroundings.clone();
    let hasher = PasswordHasher::start(config.hasher, Arc::clone(&entropy))?;
    let registrar = Registrar {
        store: store.clone(),
        passwords: NewPasswords { hasher: hasher.clone(), policy: config.passwords.clone() },
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    Ok(Authority::new(AuthorityParts {
        store: store.clone(),
        hasher,
        keys,
        verifier: Verifier::new(config.policy.issuer.clone(), config.policy.audiences.own().to_owned())?,
        registrar,
        policy: config.policy.clone(),
        clock,
        entropy,
    }))
}
