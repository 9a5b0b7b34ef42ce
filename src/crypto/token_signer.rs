//! Signs tokens: claims to text, under one key.

use countersign_verify::{Claims, KeyId, footer_for, paseto};

use super::SecretKey;

/// A signing key with its footer, made once.
#[derive(Debug)]
pub struct TokenSigner {
    key: SecretKey,
    footer: String,
}

impl TokenSigner {
    /// Signs under `key`.
    #[must_use]
    pub fn new(key: SecretKey) -> Self {
        let footer = footer_for(key.public().id());
        Self { key, footer }
    }

    /// The token of these claims, `v4.public.…`.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let payload = claims.to_json();
        let signature = self.key.sign(&paseto::signing_input(&payload, self.footer.as_bytes()));
        paseto::assemble(&payload, &signature, self.footer.as_bytes())
    }

    /// The key's id.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        self.key.public().id()
    }
}
