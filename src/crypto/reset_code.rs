//! Reset codes in the clear: with one, and within its time, whoever holds it sets a user's password.
//!
//! ```text
//! csp_ base64url( user id 16 | secret 32 | mac 16 )      90 characters, one spelling
//! ```

use std::fmt;

use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::paserk;
use super::server_key::{MAC_BYTES, Purpose, ServerKey};
use crate::domain::{Entropy, TokenHash, UserId};

const PREFIX: &str = "csp_";
const SECRET_BYTES: usize = 32;
const SIGNED_BYTES: usize = 16 + SECRET_BYTES;
const CODE_BYTES: usize = SIGNED_BYTES + MAC_BYTES;

/// A reset code: wiped when dropped, never shown, stored as a hash alone.
pub struct ResetCode {
    user: UserId,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl ResetCode {
    /// A random code for a user.
    #[must_use]
    pub fn generate(user: UserId, entropy: &dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        entropy.fill(secret.as_mut());
        Self { user, secret }
    }

    /// Reads a code that `key` has made; `None` is every other text.
    #[must_use]
    pub fn parse(text: &str, key: &ServerKey) -> Option<Self> {
        let bytes = paserk::decode::<CODE_BYTES>(text, PREFIX).ok()?;
        let (signed, mac) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        if !bool::from(key.mac(Purpose::ResetMac, &[signed]).ct_eq(mac)) {
            return None;
        }
        let (user, rest) = signed.split_first_chunk::<16>()?;
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        secret.copy_from_slice(rest);
        Some(Self { user: UserId::from_uuid(Uuid::from_bytes(*user)), secret })
    }

    /// The text that is handed over.
    #[must_use]
    pub fn to_text(&self, key: &ServerKey) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        bytes[..16].copy_from_slice(self.user.as_uuid().as_bytes());
        bytes[16..SIGNED_BYTES].copy_from_slice(self.secret.as_slice());
        let mac = key.mac(Purpose::ResetMac, &[&bytes[..SIGNED_BYTES]]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        paserk::encode(PREFIX, bytes.as_slice())
    }

    /// Whose password it sets.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// What the database keeps of it.
    #[must_use]
    pub fn hash(&self, key: &ServerKey) -> TokenHash {
        let user = self.user.as_uuid();
        TokenHash::from_bytes(*key.keyed(Purpose::ResetHash, &[user.as_bytes(), self.secret.as_slice()]))
    }
}

impl fmt::Debug for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResetCode({})", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    #[test]
    fn a_code_is_read_back_by_the_key_that_made_it_alone() {
        let entropy = SeededEntropy::new(1);
        let (key, other) = (ServerKey::generate(&entropy), ServerKey::generate(&entropy));
        let user = UserId::from_uuid(Uuid::from_u128(7));
        let code = ResetCode::generate(user, &entropy);
        let text = code.to_text(&key);
        assert_eq!((text.len(), text.starts_with("csp_")), (90, true));
        let read = ResetCode::parse(&text, &key).unwrap();
        assert_eq!((read.user(), read.hash(&key)), (user, code.hash(&key)));
        assert!(ResetCode::parse(&text, &other).is_none());
        for at in 4..text.len() {
            let mut changed = text.to_string();
            changed.replace_range(at..=at, if &text[at..=at] == "A" { "B" } else { "A" });
            assert!(ResetCode::parse(&changed, &key).is_none(), "{at}");
        }
        assert!(ResetCode::parse(&text[4..], &key).is_none());
        assert_eq!(format!("{code:?}"), format!("ResetCode({user})"));
    }
}
