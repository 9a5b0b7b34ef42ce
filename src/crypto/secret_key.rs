//! An Ed25519 key that signs. It exists in the clear only in memory.

use std::fmt;

use countersign_verify::PublicKey;
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use super::paserk::{self, PaserkError};
use crate::domain::Entropy;

/// How the clear form starts. It is read and written by tools alone, never stored.
const HEADER: &str = "k4.secret.";

/// A signing key, parsed once. Wiped when dropped.
pub struct SecretKey {
    signing: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(&mut *seed);
        Self::from_signing(SigningKey::from_bytes(&seed)).expect("a generated key is a key")
    }

    /// Reads `k4.secret.…`: the seed and the public key, which must belong together.
    pub fn from_paserk(text: &str) -> Result<Self, PaserkError> {
        Self::from_keypair(&*paserk::decode::<64>(HEADER, text)?)
    }

    /// Writes `k4.secret.…`.
    #[must_use]
    pub fn to_paserk(&self) -> Zeroizing<String> {
        paserk::encode(HEADER, &*self.to_keypair())
    }

    /// The key's public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn from_keypair(bytes: &[u8; 64]) -> Result<Self, PaserkError> {
        Self::from_signing(SigningKey::from_keypair_bytes(bytes).map_err(|_| PaserkError)?)
    }

    pub(super) fn to_keypair(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.signing.to_keypair_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    fn from_signing(signing: SigningKey) -> Result<Self, PaserkError> {
        let public = PublicKey::from_bytes(signing.verifying_key().as_bytes()).map_err(|_| PaserkError)?;
        Ok(Self { signing, public })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.id())
    }
}
