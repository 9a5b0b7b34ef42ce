//! What a verifier shows to the server so that it may listen.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tonic::metadata::AsciiMetadataValue;
use zeroize::Zeroizing;

/// A name and a password, as `authorization: Basic` has them.
pub(super) struct Credentials(Zeroizing<String>);

impl Credentials {
    pub(super) fn password(username: &str, password: &str) -> Self {
        let both = Zeroizing::new(format!("{username}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(both.as_bytes()));
        Self(Zeroizing::new(format!("Basic {}", encoded.as_str())))
    }

    /// Adds them to a call.
    pub(super) fn add_to<T>(&self, request: &mut tonic::Request<T>) {
        // Base64 is always a header's value.
        if let Ok(mut value) = AsciiMetadataValue::try_from(self.0.as_str()) {
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
