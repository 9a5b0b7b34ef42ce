//! One private signing key, Ed25519 as PASETO v4 keeps it: the seed and its public half. Where it is stored and when it
//! may sign is the keyring's business.

use std::fmt;

use countersign_verify::PublicKey;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::paserk::{self, PaserkError};
use crate::domain::Entropy;

const PREFIX: &str = "k4.secret.";
const SEED_BYTES: usize = 32;
pub(super) const SECRET_BYTES: usize = 64;

/// A private key: wiped when dropped, never shown.
pub struct SecretKey {
    signing: SigningKey,
    public: PublicKey,
}

impl SecretKey {
    /// A random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        entropy.fill(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// Reads the text `k4.secret.…`. The public half must be the seed's: a key that signs with one half and is known by
    /// the other gives its seed away.
    pub fn parse(text: &str) -> Result<Self, PaserkError> {
        Self::from_bytes(&*paserk::decode(text, PREFIX)?).ok_or(PaserkError { kind: PREFIX })
    }

    /// The text `k4.secret.…`.
    #[must_use]
    pub fn to_paserk(&self) -> Zeroizing<String> {
        paserk::encode(PREFIX, self.to_bytes().as_slice())
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Seed and public half; `None` if they do not belong together.
    pub(super) fn from_bytes(bytes: &[u8; SECRET_BYTES]) -> Option<Self> {
        let (seed, public) = bytes.split_first_chunk::<SEED_BYTES>()?;
        let key = Self::from_seed(seed);
        (key.public.as_bytes() == public).then_some(key)
    }

    /// Seed and public half.
    pub(super) fn to_bytes(&self) -> Zeroizing<[u8; SECRET_BYTES]> {
        Zeroizing::new(self.signing.to_keypair_bytes())
    }

    /// The parts, for the signer.
    pub(super) fn into_parts(self) -> (SigningKey, PublicKey) {
        (self.signing, self.public)
    }

    fn from_seed(seed: &[u8; SEED_BYTES]) -> Self {
        let signing = SigningKey::from_bytes(seed);
        // RFC 8032, 5.1.5: the scalar is a multiple of 8 between 2^254 and 2^255, and no multiple of 8 times the group's
        // order lies there, so the point is never one of small order.
        let public = PublicKey::from_bytes(signing.verifying_key().as_bytes())
            .expect("the public half of an Ed25519 seed is a key");
        Self { signing, public }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.id())
    }
}
