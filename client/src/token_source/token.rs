//! An access token in the hand of a caller, and how long it is still good.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use zeroize::Zeroizing;

use super::clock;

/// An access token; cheap to clone. It is wiped when the last clone is dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Token(Arc<Issued>);

struct Issued {
    text: Zeroizing<String>,
    /// `Bearer <text>`, in bytes that are wiped too.
    authorization: MetadataValue<Ascii>,
    /// By this machine's monotonic clock: the server's clock is never compared.
    expires: Instant,
    /// Which one of its source's it is.
    round: u64,
}

impl Token {
    /// What a server issued; `None` if it cannot be sent in a header.
    pub(super) fn new(text: Zeroizing<String>, expires: Instant, round: u64) -> Option<Self> {
        let header = Zeroizing::new(format!("Bearer {}", *text).into_bytes());
        let mut authorization = MetadataValue::try_from(Bytes::from_owner(header)).ok()?;
        authorization.set_sensitive(true);
        Some(Self(Arc::new(Issued { text, authorization, expires, round })))
    }

    /// One that nobody has issued, good for ten minutes.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str) -> Self {
        let expires = clock::now() + Duration::from_secs(600);
        Self::new(Zeroizing::new(text.to_owned()), expires, 1).unwrap()
    }

    /// The token itself, `v4.public.…`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The value of `authorization`: `Bearer <token>`, marked as sensitive.
    #[must_use]
    pub fn authorization(&self) -> MetadataValue<Ascii> {
        self.0.authorization.clone()
    }

    /// A call's message with this token as its credentials.
    #[must_use]
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization());
        request
    }

    /// How long it is still handed out, zero when its time is over: its lifetime less a few seconds for its way to the
    /// service that checks it. It can be revoked before. A machine that was suspended may believe in it for longer than
    /// the server does.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.0.expires.saturating_duration_since(clock::now())
    }

    pub(super) fn is_good(&self, now: Instant) -> bool {
        now < self.0.expires
    }

    pub(super) fn round(&self) -> u64 {
        self.0.round
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(…, expires in {:?})", self.expires_in())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, lifetime: Duration) -> Option<Token> {
        Token::new(Zeroizing::new(text.to_owned()), clock::now() + lifetime, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_knows_how_long_it_is_good() {
        let token = token("v4.public.secret", Duration::from_secs(600)).unwrap();
        assert_eq!(token.expires_in(), Duration::from_secs(600));
        tokio::time::advance(Duration::from_secs(599)).await;
        assert!(token.is_good(clock::now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!token.is_good(clock::now()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(token.expires_in(), Duration::ZERO);
    }

    #[test]
    fn a_token_is_sent_and_never_shown() {
        let token = token("v4.public.secret", Duration::from_secs(600)).unwrap();
        let request = token.request(());
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer v4.public.secret");
        for shown in [format!("{token:?}"), format!("{request:?}")] {
            assert!(!shown.contains("v4.public"), "{shown}");
        }
    }

    #[test]
    fn what_would_break_a_header_is_no_token() {
        assert!(token("v4.public.x\r\nx-admin: yes", Duration::from_secs(600)).is_none());
    }
}
