//! The master key: it wraps the signing keys, and lives in a file beside the database instead of in it.

use std::fmt;

use zeroize::Zeroizing;

use super::SecretKey;
use super::paserk::{self, PaserkError};
use crate::domain::Entropy;

/// How its text starts.
const HEADER: &str = "k4.local.";
/// How the text of its id starts.
const ID_HEADER: &str = "k4.lid.";

/// A symmetric key of 32 bytes. Wiped when dropped.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Reads `k4.local.…`.
    pub fn parse(text: &str) -> Result<Self, PaserkError> {
        paserk::decode(HEADER, text).map(Self)
    }

    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    /// Writes `k4.local.…`.
    #[must_use]
    pub fn to_paserk(&self) -> Zeroizing<String> {
        paserk::encode(HEADER, &*self.0)
    }

    /// The key's id, `k4.lid.…`, by which rows name it. It gives nothing away.
    #[must_use]
    pub fn id(&self) -> String {
        paserk::id(ID_HEADER, &self.to_paserk())
    }

    /// Wraps a signing key, as `k4.secret-wrap.pie.…`.
    pub fn wrap(&self, key: &SecretKey, entropy: &dyn Entropy) -> String {
        paserk::wrap(&self.0, &key.to_keypair(), entropy)
    }

    /// Unwraps a signing key that this key wrapped.
    pub fn unwrap(&self, wrapped: &str) -> Result<SecretKey, PaserkError> {
        SecretKey::from_keypair(&*paserk::unwrap(&self.0, wrapped)?)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}
