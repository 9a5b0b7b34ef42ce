//! From values to the configuration of each part.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tracing::Level;

use super::database::{self, master_keys, store};
use super::tls::{switch, wire};
use super::web::{trusted_proxies, web};
use super::{Problems, Values, values};
use crate::auth::{Audiences, Policy};
use crate::crypto::{HasherConfig, Schedule};
use crate::domain::{Lifetimes, PasswordPolicy, Registration, SessionLimits};
use crate::server::{MasterKeyFiles, ServerConfig, key_schedule};
use crate::store::StoreConfig;
use crate::telemetry::{LogConfig, LogFormat};
use crate::transport::PeerLimitConfig;

/// The service's own name, which is nobody's password.
const SERVICE_NAME: &str = "countersign";
/// What OWASP's cheat sheet asks of Argon2id at least, where one lane is used: memory in KiB, and passes.
const OWASP_ARGON2ID: (u32, u32) = (19_456, 2);

/// What the hasher computes at most for one password: memory in KiB times passes.
const MAX_HASH_WORK_KIB: u64 = 4 << 20;

/// What `countersign serve` runs with.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The server.
    pub server: ServerConfig,
    /// Its log.
    pub log: LogConfig,
    /// What the operator should know, though it stops nothing.
    pub warnings: Vec<String>,
}

/// What a command that works on the database itself runs with.
#[derive(Clone, Debug)]
pub struct DatabaseCommandConfig {
    /// The database.
    pub store: StoreConfig,
    /// Its log.
    pub log: LogConfig,
}

/// What such a command runs with that wraps keys.
#[derive(Clone, Debug)]
pub struct KeyCommandConfig {
    /// The database.
    pub store: StoreConfig,
    /// The master keys.
    pub master_keys: MasterKeyFiles,
    /// Its log.
    pub log: LogConfig,
}

/// What `countersign check` runs with.
#[derive(Clone, Debug)]
pub struct CheckConfig {
    /// The database.
    pub store: StoreConfig,
    /// The master keys, if some were given: without them it is not looked into what they wrap.
    pub master_keys: Option<MasterKeyFiles>,
    /// Its log.
    pub log: LogConfig,
}

/// What `countersign fence` runs with.
#[derive(Clone, Debug)]
pub struct FenceConfig {
    /// The database.
    pub store: StoreConfig,
    /// The master keys.
    pub master_keys: MasterKeyFiles,
    /// How long the new keys live.
    pub schedule: Schedule,
    /// Its log.
    pub log: LogConfig,
}

/// What such a command runs with that makes passwords.
#[derive(Clone, Debug)]
pub struct UserCommandConfig {
    /// The database.
    pub store: StoreConfig,
    /// Password hashing.
    pub hasher: HasherConfig,
    /// New passwords.
    pub passwords: PasswordPolicy,
    /// Its log.
    pub log: LogConfig,
}

impl ServiceConfig {
    /// Reads every setting of the service.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let listen = values.read("listen", problems, values::address);
        let loopback = listen.is_some_and(|address| address.ip().to_canonical().is_loopback());
        let wire = wire(values, problems, listen);
        let store = store(values, problems);
        let master_keys = master_keys(values, problems, store.as_ref());
        let hasher = hasher(values, problems);
        let passwords = passwords(values, problems);
        let policy = policy(values, problems, loopback);
        let peer_limit = peer_limit(values, problems);
        let [reflection, older_api] = ["reflection", "older-api"].map(|name| {
            values.read(name, problems, |text| {
                values::word(text, &[("auto", loopback), ("on", true), ("off", false)])
            })
        });
        let web = web(values, problems);
        let trusted_proxies = trusted_proxies(values, problems);
        let log = log(values, problems);
        let adopt = switch(values, problems, "adopt");
        let (hasher, wire) = (hasher?, wire?);
        let store = store?;
        let mut warnings = warnings(values, &hasher);
        warnings.extend(database::warnings(&store));
        Some(Self {
            listen: listen?,
            server: ServerConfig {
                store,
                adopt: adopt?,
                master_keys: master_keys?,
                hasher,
                passwords: passwords?,
                policy: policy?,
                peer_limit: peer_limit?,
                reflection: reflection?,
                admin_client_certificate: wire.admin_client_certificate,
                tls: wire.tls,
                web: web?,
                trusted_proxies: trusted_proxies?,
                older_api: older_api?,
            },
            log: log?,
            warnings,
        })
    }
}

impl DatabaseCommandConfig {
    /// Reads the settings that every such command takes.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let store = store(values, problems);
        let log = log(values, problems);
        Some(Self { store: store?, log: log? })
    }
}

impl KeyCommandConfig {
    /// Reads the settings that such commands take.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let store = store(values, problems);
        let master_keys = master_keys(values, problems, store.as_ref());
        let log = log(values, problems);
        Some(Self { store: store?, master_keys: master_keys?, log: log? })
    }
}

impl CheckConfig {
    /// Reads its settings.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let store = store(values, problems);
        let master_keys = match values.is_explicit("master-key-file") {
            true => Some(master_keys(values, problems, store.as_ref())?),
            false => None,
        };
        let log = log(values, problems);
        Some(Self { store: store?, master_keys, log: log? })
    }
}

impl FenceConfig {
    /// The settings that it takes beside those of every command that works on the database.
    pub const SETTINGS: [&str; 3] = ["master-key-file", "max-token-lifetime", "session-absolute-limit"];

    /// Reads its settings.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let store = store(values, problems);
        let master_keys = master_keys(values, problems, store.as_ref());
        let [token, session] = ["max-token-lifetime", "session-absolute-limit"]
            .map(|name| values.read(name, problems, values::span));
        let log = log(values, problems);
        let schedule = key_schedule(token?, session?);
        Some(Self { store: store?, master_keys: master_keys?, schedule, log: log? })
    }
}

impl UserCommandConfig {
    /// Reads the settings that such commands take.
    #[must_use]
    pub fn read(values: &Values, problems: &mut Problems) -> Option<Self> {
        let store = store(values, problems);
        let hasher = hasher(values, problems);
        let passwords = passwords(values, problems);
        let log = log(values, problems);
        Some(Self { store: store?, hasher: hasher?, passwords: passwords?, log: log? })
    }
}

fn hasher(values: &Values, problems: &mut Problems) -> Option<HasherConfig> {
    let lanes = values.read("argon2-lanes", problems, |text| values::number(text, 1, 16));
    // RFC 9106, section 3.1: at least eight KiB a lane.
    let least_memory = 8 * lanes.unwrap_or(1);
    let memory =
        values.read("argon2-memory-kib", problems, |text| values::number(text, least_memory, 1 << 20));
    let passes = values.read("argon2-passes", problems, |text| match values::number(text, 1, 32) {
        Ok(passes) if u64::from(passes) * u64::from(memory.unwrap_or(0)) > MAX_HASH_WORK_KIB => {
            Err("times --argon2-memory-kib must be at most 4194304: four seconds of a core a hash are enough"
                .to_owned())
        }
        passes => passes,
    });
    let least_budget = memory.unwrap_or(0).div_ceil(1024).max(1);
    let budget = match values.is_explicit("hash-memory-mib") {
        false => None,
        true => Some(
            values.read("hash-memory-mib", problems, |text| values::number(text, least_budget, 1 << 20))?,
        ),
    };
    Some(HasherConfig { memory_kib: memory?, passes: passes?, lanes: lanes?, hash_memory_mib: budget })
}

fn passwords(values: &Values, problems: &mut Problems) -> Option<PasswordPolicy> {
    let min_length = values.read("password-min-length", problems, |text| values::number(text, 8, 128))?;
    let issuer = values.read("issuer", problems, values::visible)?;
    Some(PasswordPolicy {
        min_length: usize::try_from(min_length).unwrap_or(usize::MAX),
        service_names: vec![SERVICE_NAME.to_owned(), issuer],
    })
}

fn policy(values: &Values, problems: &mut Problems, loopback: bool) -> Option<Policy> {
    // Its problem, if it has one, is noted where the password policy reads it.
    let issuer = values.read("issuer", &mut Problems::default(), values::visible);
    let audiences = values.read("audiences", problems, |text| {
        Audiences::parse(values::list(text)).map_err(|error| error.to_string())
    });
    let default = values.read("token-lifetime", problems, values::span);
    let max = values.read("max-token-lifetime", problems, |text| match values::span(text) {
        Ok(max) if default.is_some_and(|default| default > max) => {
            Err("must not be less than the default lifetime, --token-lifetime".to_owned())
        }
        max => max,
    });
    let sessions = sessions(values, problems, max);
    let auto = if loopback { Registration::Open } else { Registration::Closed };
    let registration = values.read("registration", problems, |text| {
        values::word(text, &[("auto", auto), ("open", Registration::Open), ("closed", Registration::Closed)])
    });
    let max_staleness = values.read("trust-max-staleness", problems, values::staleness);
    Some(Policy {
        issuer: issuer?,
        audiences: audiences?,
        lifetimes: Lifetimes { default: default?, max: max? },
        sessions: sessions?,
        registration: registration?,
        max_staleness: max_staleness?,
    })
}

fn sessions(
    values: &Values,
    problems: &mut Problems,
    longest_token: Option<Duration>,
) -> Option<SessionLimits> {
    let idle = values.read("session-idle-limit", problems, |text| match values::span(text) {
        Ok(idle) if longest_token.is_some_and(|longest| longest > idle) => {
            Err("must not be less than --max-token-lifetime: a session would end before its tokens"
                .to_owned())
        }
        idle => idle,
    });
    let absolute = values.read("session-absolute-limit", problems, values::span);
    let per_user = values.read("max-sessions-per-user", problems, |text| values::number(text, 0, 1_000_000));
    Some(SessionLimits {
        idle: idle?,
        absolute: absolute?,
        per_user: per_user.map(|most| (most > 0).then_some(most))?,
    })
}

fn peer_limit(values: &Values, problems: &mut Problems) -> Option<PeerLimitConfig> {
    let rate = values.read("peer-rate", problems, |text| values::number(text, 0, 1_000_000))?;
    Some(PeerLimitConfig {
        calls_per_second: NonZeroU32::new(rate),
        spare_loopback: !values.is_explicit("peer-rate"),
    })
}

fn log(values: &Values, problems: &mut Problems) -> Option<LogConfig> {
    let level = values.read("log-level", problems, |text| {
        values::word(
            text,
            &[
                ("error", Level::ERROR),
                ("warn", Level::WARN),
                ("info", Level::INFO),
                ("debug", Level::DEBUG),
                ("trace", Level::TRACE),
            ],
        )
    });
    let format = values.read("log-format", problems, |text| {
        values::word(text, &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)])
    });
    Some(LogConfig { level: level?, format: format? })
}

fn warnings(values: &Values, hasher: &HasherConfig) -> Vec<String> {
    let mut warnings: Vec<String> = values
        .unknown_variables
        .iter()
        .map(|name| format!("the environment variable {name} is not a setting"))
        .collect();
    let (memory, passes) = OWASP_ARGON2ID;
    if hasher.memory_kib < memory || hasher.passes < passes {
        warnings.push(format!(
            "password hashes are cheaper than OWASP asks for: argon2-memory-kib {memory} and argon2-passes {passes} at least"
        ));
    }
    warnings
}
