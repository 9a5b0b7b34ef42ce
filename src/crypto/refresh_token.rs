//! Refresh tokens in the clear. Owns their text, their hash, and how a successor is made; which of them is good is
//! `domain`'s decision, on hashes.
//!
//! ```text
//! csr_ base64url( session id 16 | generation 8 | secret 32 | mac 16 )      100 characters, one spelling
//! ```
//!
//! The MAC covers all before it, so a token that was not made here is known without asking the database. The first secret
//! of a session is random; each other one is derived from the server key, the session, the generation, the secret before
//! it and a fresh salt. So it can be made again for the one who presents its predecessor, and needs to be stored nowhere:
//! whoever reads the database finds hashes and salts, from which nothing follows, not even with the server key.

use std::fmt;

use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::paserk;
use super::server_key::{MAC_BYTES, Purpose, ServerKey};
use crate::domain::{Entropy, Generation, Salt, SessionId, TokenHash};

const PREFIX: &str = "csr_";
const SECRET_BYTES: usize = 32;
const SIGNED_BYTES: usize = 16 + 8 + SECRET_BYTES;
const TOKEN_BYTES: usize = SIGNED_BYTES + MAC_BYTES;

/// A refresh token: wiped when dropped, never shown, stored as a hash alone.
pub struct RefreshToken {
    session: SessionId,
    generation: Generation,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

impl RefreshToken {
    /// The first token of a session.
    #[must_use]
    pub fn generate(session: SessionId, entropy: &dyn Entropy) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        entropy.fill(secret.as_mut());
        Self { session, generation: Generation::FIRST, secret }
    }

    /// Reads a token that `key` has made; `None` is every other text.
    #[must_use]
    pub fn parse(text: &str, key: &ServerKey) -> Option<Self> {
        let bytes = paserk::decode::<TOKEN_BYTES>(text, PREFIX).ok()?;
        let (signed, mac) = bytes.split_first_chunk::<SIGNED_BYTES>()?;
        if !bool::from(key.mac(Purpose::RefreshMac, &[signed]).ct_eq(mac)) {
            return None;
        }
        let (session, rest) = signed.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        secret.copy_from_slice(rest);
        Some(Self {
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            generation: Generation::from_number(u64::from_be_bytes(*generation)),
            secret,
        })
    }

    /// Whether a text is meant to be a refresh token: which of the kinds of tokens somebody sent.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The text that its holder keeps.
    #[must_use]
    pub fn to_text(&self, key: &ServerKey) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes[..16].copy_from_slice(self.session.as_uuid().as_bytes());
        bytes[16..24].copy_from_slice(&self.generation.number().to_be_bytes());
        bytes[24..SIGNED_BYTES].copy_from_slice(self.secret.as_slice());
        let mac = key.mac(Purpose::RefreshMac, &[&bytes[..SIGNED_BYTES]]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        paserk::encode(PREFIX, bytes.as_slice())
    }

    /// The session that it carries on.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// Which of the session's tokens it is.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// What the database keeps of it.
    #[must_use]
    pub fn hash(&self, key: &ServerKey) -> TokenHash {
        TokenHash::from_bytes(*self.keyed(Purpose::RefreshHash, self.generation, key, &[]))
    }

    /// The token that comes after it, for this salt; the same salt gives the same token.
    #[must_use]
    pub fn successor(&self, salt: &Salt, key: &ServerKey) -> Self {
        let generation = self.generation.next();
        let secret = self.keyed(Purpose::RefreshSuccessor, generation, key, salt.as_bytes());
        Self { session: self.session, generation, secret }
    }

    fn keyed(
        &self,
        purpose: Purpose,
        generation: Generation,
        key: &ServerKey,
        salt: &[u8],
    ) -> Zeroizing<[u8; 32]> {
        let generation = generation.number().to_be_bytes();
        key.keyed(purpose, &[self.session.as_uuid().as_bytes(), &generation, self.secret.as_slice(), salt])
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}, generation {})", self.session, self.generation.number())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    fn session() -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(0x0193_b4a0_5f6e_7c3a_8d5e_1f2a_3b4c_5d6e))
    }

    #[test]
    fn a_token_is_read_back_and_no_changed_bit_of_it_is() {
        let entropy = SeededEntropy::new(1);
        let (key, other) = (ServerKey::generate(&entropy), ServerKey::generate(&entropy));
        let token = RefreshToken::generate(session(), &entropy);
        let text = token.to_text(&key);
        assert_eq!((text.len(), text.starts_with("csr_")), (100, true));
        let read = RefreshToken::parse(&text, &key).unwrap();
        assert_eq!((read.session(), read.generation()), (session(), Generation::FIRST));
        assert_eq!(read.hash(&key), token.hash(&key));
        assert!(RefreshToken::parse(&text, &other).is_none(), "another server key");
        let bytes = URL_SAFE_NO_PAD.decode(&text[4..]).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("csr_{}", URL_SAFE_NO_PAD.encode(changed));
            assert!(RefreshToken::parse(&changed, &key).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let entropy = SeededEntropy::new(1);
        let key = ServerKey::generate(&entropy);
        let text = RefreshToken::generate(session(), &entropy).to_text(&key);
        for other in [
            "",
            "csr_",
            &text[4..],
            &text[..99],
            &format!("{}=", text.as_str()),
            &format!("{}A", text.as_str()),
            &format!(" {}", text.as_str()),
            &format!("{}\n", text.as_str()),
            &text.replace("csr_", "CSR_"),
            &text.replace("csr_", "csr-"),
        ] {
            assert!(RefreshToken::parse(other, &key).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_successor_follows_from_all_that_goes_into_it() {
        let entropy = SeededEntropy::new(1);
        let (key, other_key) = (ServerKey::generate(&entropy), ServerKey::generate(&entropy));
        let salt = |byte| Salt::from_bytes([byte; 32]);
        let token = RefreshToken::generate(session(), &entropy);
        let next = token.successor(&salt(1), &key);
        assert_eq!(next.generation().number(), 2);
        assert_eq!(next.session(), session());
        assert_eq!(next.to_text(&key), token.successor(&salt(1), &key).to_text(&key), "again the same");
        let others = [
            token.successor(&salt(2), &key),
            token.successor(&salt(1), &other_key),
            RefreshToken::generate(session(), &entropy).successor(&salt(1), &key),
            next.successor(&salt(1), &key),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(other.secret, next.secret, "{index}");
        }
        assert_ne!(next.hash(&key), token.hash(&key));
    }

    #[test]
    fn a_token_shows_no_secret() {
        let token = RefreshToken::generate(session(), &SeededEntropy::new(1));
        assert_eq!(format!("{token:?}"), format!("RefreshToken({}, generation 1)", session()));
    }
}
