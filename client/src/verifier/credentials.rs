//! What a verifier shows to the server so that it may listen.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};
use zeroize::Zeroizing;

use crate::{Token, TokenSource};

/// What calls are made with.
pub(super) enum Credentials {
    /// A name and a password, as `authorization: Basic` has them.
    Password(Zeroizing<String>),
    /// Tokens of a session.
    Tokens(TokenSource),
}

impl Credentials {
    pub(super) fn password(username: &str, password: &str) -> Self {
        let both = Zeroizing::new(format!("{username}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(both.as_bytes()));
        Self::Password(Zeroizing::new(format!("Basic {}", encoded.as_str())))
    }

    /// Adds them to a call. Where they are tokens, another one than `rejected`, and which one; it fails if there is none.
    pub(super) async fn add_to<T>(
        &self,
        request: &mut Request<T>,
        rejected: Option<&Token>,
    ) -> Result<Option<Token>, Status> {
        let (mut value, token) = match self {
            Self::Password(basic) => {
                let value = AsciiMetadataValue::try_from(basic.as_str());
                (value.map_err(|_| Status::internal("base64 is not ASCII"))?, None)
            }
            Self::Tokens(source) => {
                let token = match rejected {
                    Some(rejected) => source.replace(rejected).await?,
                    None => source.token().await?,
                };
                (token.authorization(), Some(token))
            }
        };
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
        Ok(token)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
