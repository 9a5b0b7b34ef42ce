//! How a verifier is made: what must be said, what may be, and what cannot be.

use std::sync::Arc;
use std::time::Duration;

use countersign_verify as verify;
use tokio::sync::watch;

use super::asker::{self, Asker};
use super::clock::SystemClock;
use super::connection::{Connection, Introduction, Tokens};
use super::credentials::Credentials;
use super::handle::Shared;
use super::instance;
use super::knowledge::Knowledge;
use super::progress::Progress;
use super::randomness::Randomness;
use super::{Clock, Verifier, WhenStale};
use crate::pb::trust_service_client::TrustServiceClient;
use crate::{EndpointError, ServerEndpoint, TokenSource};

const DEFAULT_ISSUER: &str = "countersign";
const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(30);
const MIN_MAX_STALENESS: Duration = Duration::from_secs(2);
const MAX_MAX_STALENESS: Duration = Duration::from_secs(600);

/// What a [`Verifier`] is to be. Made by [`Verifier::builder`]; [`start`](Self::start) or [`connect`](Self::connect) ends it.
#[must_use]
pub struct VerifierBuilder {
    server: ServerEndpoint,
    issuer: String,
    audience: String,
    credentials: Option<Credentials>,
    instance: Option<String>,
    max_staleness: Duration,
    when_stale: WhenStale,
    clock: Arc<dyn Clock>,
}

/// Why there is no verifier.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifierError {
    /// A check against no audience would accept what is meant for others.
    #[error("a verifier needs an audience and an issuer: tokens for others are not to be accepted")]
    AudienceMissing,
    /// The server tells revocations to callers with the role `verifier` only.
    #[error("a verifier needs credentials of a user with the role `verifier`")]
    CredentialsMissing,
    /// `Basic` credentials end the name at the first colon.
    #[error("a username has no colon")]
    UsernameMalformed,
    /// It stands in lists that people read.
    #[error("a verifier's instance name has 1 to 64 printable characters")]
    InstanceMalformed,
    /// Others wait this long for a verifier that is out of reach.
    #[error("max_staleness is 2 s to 10 min")]
    MaxStalenessOutOfRange,
    /// How to connect.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The server does not want this caller, or does not know the call. In its own words.
    #[error("the server refused: {0}")]
    Refused(String),
}

impl VerifierBuilder {
    pub(super) fn new(server: ServerEndpoint, audience: String) -> Self {
        Self {
            server,
            issuer: DEFAULT_ISSUER.into(),
            audience,
            credentials: None,
            instance: None,
            max_staleness: DEFAULT_MAX_STALENESS,
            when_stale: WhenStale::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Who issues the tokens: the server's `--issuer`. `countersign` if it is not said.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), ..self }
    }

    /// A user with the role `verifier`, and its password.
    ///
    /// # Errors
    ///
    /// The name has a colon.
    pub fn password(self, username: &str, password: &str) -> Result<Self, VerifierError> {
        if username.contains(':') {
            return Err(VerifierError::UsernameMalformed);
        }
        Ok(Self { credentials: Some(Credentials::password(username, password)), ..self })
    }

    /// Tokens of a user with the role `verifier`, for the server's own audience, in the place of a password.
    pub fn tokens(self, source: TokenSource) -> Self {
        Self { credentials: Some(Credentials::Tokens(source)), ..self }
    }

    /// The name under which the server lists this verifier, for people; by default program, machine and process id.
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: Some(instance.into()), ..self }
    }

    /// For how long tokens are accepted by what is known when nothing comes any more: 2 s to 10 min, by default 30 s. A
    /// revocation is felt within this time at the latest, and who revokes may wait for it.
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        Self { max_staleness, ..self }
    }

    /// What happens after that; by default tokens are refused.
    pub fn when_stale(self, when_stale: WhenStale) -> Self {
        Self { when_stale, ..self }
    }

    /// Other clocks than the system's, for tests.
    #[doc(hidden)]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Starts to listen to the server, on the Tokio runtime that this is called on. Until everything has been known once,
    /// the verifier accepts nothing; [`Verifier::ready`] waits for it. The server need not be there yet.
    ///
    /// # Errors
    ///
    /// Something was said that cannot be, or was not said that must be.
    pub fn start(self) -> Result<Verifier, VerifierError> {
        let rules = verify::Verifier::new(self.issuer, self.audience.as_str())
            .map_err(|verify::UnsetError| VerifierError::AudienceMissing)?;
        let credentials = Arc::new(self.credentials.ok_or(VerifierError::CredentialsMissing)?);
        let instance = self.instance.unwrap_or_else(instance::default_name);
        if !instance::is_name(&instance) {
            return Err(VerifierError::InstanceMalformed);
        }
        if !(MIN_MAX_STALENESS..=MAX_MAX_STALENESS).contains(&self.max_staleness) {
            return Err(VerifierError::MaxStalenessOutOfRange);
        }
        let channel = self.server.connect_lazy()?;
        let (randomness, run_id) = Randomness::begin();
        let knowledge = Arc::new(Knowledge::new(rules, self.max_staleness, Arc::clone(&self.clock)));
        let progress = Arc::new(Progress::new());
        let connection = Connection {
            knowledge: Arc::clone(&knowledge),
            progress: Arc::clone(&progress),
            clock: self.clock,
            server: self.server,
            credentials: Arc::clone(&credentials),
            introduction: Introduction {
                instance,
                run_id,
                max_staleness: self.max_staleness,
                accepts_signed: self.when_stale == WhenStale::AcceptSigned,
            },
            randomness,
            tokens: Tokens::default(),
        };
        let (closing, closed) = watch::channel(false);
        tokio::spawn(connection.run(closed));
        let may_ask = self.when_stale == WhenStale::AskServer;
        let client = TrustServiceClient::new(channel).max_decoding_message_size(asker::MAX_MESSAGE_BYTES);
        let asker = may_ask.then_some(Asker { client, credentials, audience: self.audience });
        let when_stale = self.when_stale;
        Ok(Verifier::new(Shared { knowledge, progress, when_stale, asker, closing }))
    }

    /// Starts, and waits until everything has been known once.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); the server refuses the caller. It waits for as long as the server cannot be reached.
    pub async fn connect(self) -> Result<Verifier, VerifierError> {
        let verifier = self.start()?;
        verifier.until_ready_or_refused().await.map_err(VerifierError::Refused)?;
        Ok(verifier)
    }
}
