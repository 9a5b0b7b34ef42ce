//! The calls that a source makes: sign in, refresh, sign out. One attempt each; what failed is the caller's to decide.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::saved_session::is_refresh_token;
use super::{SavedSession, clock};
use crate::pb;
use crate::pb::auth_service_client::AuthServiceClient;

/// How long an attempt may take: hashing a password may queue.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer that is read. Two tokens are less than 4 KiB.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// A user's name and password. Wiped when dropped, never shown.
pub(super) struct Password {
    pub(super) username: String,
    pub(super) password: Zeroizing<String>,
}

/// The server, and what is asked of it each time.
pub(super) struct AuthServer {
    pub(super) channel: Channel,
    /// Empty is the server's own.
    pub(super) audience: String,
    /// `None` is the server's default.
    pub(super) lifetime: Option<Duration>,
}

/// What the server issued.
pub(super) struct Grant {
    pub(super) token: Zeroizing<String>,
    /// Before the call was made. The token was issued later, but for what the server cuts off its seconds.
    pub(super) asked_at: Instant,
    pub(super) lifetime: Duration,
    /// What the session is carried on with.
    pub(super) refresh_token: Zeroizing<String>,
}

impl Grant {
    /// A whole answer, or none: what has no refresh token must not take the place of a session that has one.
    fn read(
        asked_at: Instant,
        token: String,
        duration: Option<prost_types::Duration>,
        refresh_token: String,
    ) -> Result<Self, Status> {
        let refresh_token = Zeroizing::new(refresh_token);
        let token = read_token(token)?;
        if !is_refresh_token(&refresh_token) {
            return Err(Status::internal("the server's answer lacks a refresh token"));
        }
        Ok(Self { token, asked_at, lifetime: read_lifetime(duration)?, refresh_token })
    }
}

impl AuthServer {
    /// Opens a session.
    pub(super) async fn sign_in(&self, password: &Password) -> Result<Grant, Status> {
        let asked_at = clock::now();
        let message = pb::IssueTokenRequest {
            username: password.username.clone(),
            password: password.password.as_str().to_owned(),
            lifetime: self.wanted_lifetime(),
            audience: self.audience.clone(),
        };
        let answer = attempt(message, async |request| self.client().issue_token(request).await).await?;
        Grant::read(asked_at, answer.token, answer.duration, answer.refresh_token)
    }

    /// Spends a refresh token, with its retry key. The access token is for the audience unless a lifetime is wanted: a
    /// refresh knows no lifetimes, so its token is [exchanged](Self::exchange), which takes one of the server's own.
    pub(super) async fn refresh(&self, session: &SavedSession) -> Result<Grant, Status> {
        let asked_at = clock::now();
        let audience = if self.lifetime.is_none() { self.audience.clone() } else { String::new() };
        let message = pb::RefreshTokenRequest {
            refresh_token: session.refresh_token().to_owned(),
            retry_key: session.retry_key().to_vec(),
            audience,
        };
        let answer = attempt(message, async |request| self.client().refresh_token(request).await).await?;
        Grant::read(asked_at, answer.token, answer.duration, answer.refresh_token)
    }

    /// The access token of a refresh, as it was asked for. One for another audience never outlives the one that it was
    /// had for, so that is prolonged first.
    pub(super) async fn exchange(&self, grant: Grant) -> Result<Grant, Status> {
        let Some(lifetime) = self.lifetime else { return Ok(grant) };
        let must_prolong = !self.audience.is_empty() && lifetime > grant.lifetime;
        let grant = if must_prolong { self.exchange_for("", grant).await? } else { grant };
        self.exchange_for(&self.audience, grant).await
    }

    async fn exchange_for(&self, audience: &str, grant: Grant) -> Result<Grant, Status> {
        let asked_at = clock::now();
        let header = Zeroizing::new(format!("Bearer {}", *grant.token));
        let header = header.parse().map_err(|_| Status::internal("the server's token cannot be sent"))?;
        let message = pb::IssueTokenRequest {
            lifetime: self.wanted_lifetime(),
            audience: audience.to_owned(),
            ..Default::default()
        };
        let answer = attempt(message, async |mut request: Request<_>| {
            request.metadata_mut().insert("authorization", header);
            self.client().issue_token(request).await
        });
        let answer = answer.await?;
        let lifetime = read_lifetime(answer.duration)?;
        Ok(Grant { token: read_token(answer.token)?, asked_at, lifetime, ..grant })
    }

    /// Ends the session.
    pub(super) async fn sign_out(&self, session: &SavedSession) -> Result<(), Status> {
        let message =
            pb::RevokeTokenRequest { token: session.refresh_token().to_owned(), ..Default::default() };
        attempt(message, async |request| self.client().revoke_token(request).await).await.map(|_| ())
    }

    fn client(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    fn wanted_lifetime(&self) -> Option<prost_types::Duration> {
        // What is longer than the wire can say is longer than any server grants.
        self.lifetime.map(|lifetime| {
            lifetime.try_into().unwrap_or(prost_types::Duration { seconds: i64::from(u32::MAX), nanos: 0 })
        })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password({}, …)", self.username)
    }
}

/// Makes a call that does not hang, even if its answer has begun.
async fn attempt<M, T, F: Future<Output = Result<Response<T>, Status>>>(
    message: M,
    call: impl FnOnce(Request<M>) -> F,
) -> Result<T, Status> {
    let mut request = Request::new(message);
    request.set_timeout(ATTEMPT_TIMEOUT);
    match timeout(ATTEMPT_TIMEOUT, call(request)).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("the server took too long")),
    }
}

/// Whether it is good is for others to say; whatever a header cannot carry is no token.
fn read_token(token: String) -> Result<Zeroizing<String>, Status> {
    let token = Zeroizing::new(token);
    let is_token = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    if is_token { Ok(token) } else { Err(Status::internal("the server's answer lacks a token")) }
}

/// No token lives longer, whatever the server says.
const LONGEST_LIFETIME: Duration = Duration::from_secs(366 * 86_400);

fn read_lifetime(duration: Option<prost_types::Duration>) -> Result<Duration, Status> {
    let lifetime = duration.and_then(|duration| Duration::try_from(duration).ok());
    // A server that means years means nothing, and spans that long cannot be reckoned with.
    lifetime
        .map(|lifetime| lifetime.min(LONGEST_LIFETIME))
        .ok_or_else(|| Status::internal("the server's answer lacks a duration"))
}
