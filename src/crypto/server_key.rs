//! The server key: one symmetric key that all replicas share, and what is made with it. It lets the service recognise what
//! it handed out (refresh tokens, reset codes, page tokens) without asking the database, so that garbage and forgeries
//! cost no I/O, and keeps what the database holds of secrets worthless without it. Each use has a purpose of its own, so
//! that the result of one is never good for another.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput as _, Update as _};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::domain::{Entropy, RetryHash, RetryKey, SessionId};

pub(super) const SERVER_KEY_BYTES: usize = 32;
/// A MAC on something that a stranger sends: 128 bits, to be guessed online alone.
pub(super) const MAC_BYTES: usize = 16;
const PAGE_BYTES: usize = 16 + MAC_BYTES;

/// The key: wiped when dropped, never shown.
pub struct ServerKey(Zeroizing<[u8; SERVER_KEY_BYTES]>);

/// What a result is for: BLAKE2b's personalization, 16 bytes at most.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    RefreshMac,
    RefreshHash,
    RefreshSuccessor,
    RetryHash,
    ResetMac,
    ResetHash,
    PageMac,
}

impl Purpose {
    const fn personalization(self) -> &'static [u8] {
        match self {
            Self::RefreshMac => b"refresh mac",
            Self::RefreshHash => b"refresh hash",
            Self::RefreshSuccessor => b"refresh next",
            Self::RetryHash => b"retry hash",
            Self::ResetMac => b"reset mac",
            Self::ResetHash => b"reset hash",
            Self::PageMac => b"page mac",
        }
    }
}

impl ServerKey {
    /// A random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; SERVER_KEY_BYTES]);
        entropy.fill(key.as_mut());
        Self(key)
    }

    /// What the database keeps of a retry key. It depends on the session and not on the generation: the same key twice in
    /// a row has to be seen.
    #[must_use]
    pub fn hash_retry_key(&self, session: SessionId, key: &RetryKey) -> RetryHash {
        RetryHash::from_bytes(*self.keyed(Purpose::RetryHash, &[session.as_uuid().as_bytes(), key.expose()]))
    }

    /// Where the next page of a list starts, as a text that nobody else can make. `scope` says which list it is.
    #[must_use]
    pub fn page_token(&self, scope: &str, last: Uuid) -> String {
        let mut bytes = [0; PAGE_BYTES];
        bytes[..16].copy_from_slice(last.as_bytes());
        bytes[16..].copy_from_slice(&self.mac(Purpose::PageMac, &[last.as_bytes(), scope.as_bytes()]));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::page_token`] made for the same list.
    #[must_use]
    pub fn parse_page_token(&self, scope: &str, text: &str) -> Option<Uuid> {
        let bytes: [u8; PAGE_BYTES] = decode(text)?;
        let (last, mac) = bytes.split_first_chunk::<16>()?;
        let expected = self.mac(Purpose::PageMac, &[last, scope.as_bytes()]);
        bool::from(expected.ct_eq(mac)).then(|| Uuid::from_bytes(*last))
    }

    pub(super) fn from_bytes(bytes: Zeroizing<[u8; SERVER_KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; SERVER_KEY_BYTES] {
        &self.0
    }

    /// BLAKE2b of `parts` under this key, for one purpose. All parts but the last have a fixed length, so that no two
    /// lists of parts are one.
    pub(super) fn keyed(&self, purpose: Purpose, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut mac = Blake2bMac::<U32>::new_with_salt_and_personal(
            Some(self.0.as_slice()),
            &[],
            purpose.personalization(),
        )
        .expect("32 bytes are a key for BLAKE2b, and 16 a personalization");
        for part in parts {
            mac.update(part);
        }
        Zeroizing::new(mac.finalize_fixed().into())
    }

    /// The same, shortened to what is sent.
    pub(super) fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&self.keyed(purpose, parts)[..MAC_BYTES]);
        mac
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

/// Exactly `N` bytes in their one spelling.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 4).div_ceil(3) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    #[test]
    fn a_page_token_is_good_for_its_list_and_unchanged_alone() {
        let entropy = SeededEntropy::new(1);
        let (key, other) = (ServerKey::generate(&entropy), ServerKey::generate(&entropy));
        let last = Uuid::from_u128(7);
        let token = key.page_token("users:", last);
        assert_eq!(key.parse_page_token("users:", &token), Some(last));
        assert_eq!(key.parse_page_token("users:alice", &token), None);
        assert_eq!(other.parse_page_token("users:", &token), None);
        for at in 0..token.len() {
            let mut changed = token.clone();
            let replacement = if &token[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, replacement);
            assert_eq!(key.parse_page_token("users:", &changed), None, "{at}");
        }
        for text in ["", "AAAA", &format!("{token}="), &format!("{token}A")] {
            assert_eq!(key.parse_page_token("users:", text), None, "{text}");
        }
    }

    #[test]
    fn each_purpose_has_results_of_its_own() {
        let key = ServerKey::generate(&SeededEntropy::new(1));
        let purposes = [
            Purpose::RefreshMac,
            Purpose::RefreshHash,
            Purpose::RefreshSuccessor,
            Purpose::RetryHash,
            Purpose::ResetMac,
            Purpose::ResetHash,
            Purpose::PageMac,
        ];
        let results: std::collections::HashSet<_> =
            purposes.iter().map(|purpose| *key.keyed(*purpose, &[b"x"])).collect();
        assert_eq!(results.len(), purposes.len());
        assert_eq!(format!("{key:?}"), "ServerKey(…)");
    }

    #[test]
    fn a_retry_key_is_hashed_for_its_session() {
        let key = ServerKey::generate(&SeededEntropy::new(1));
        let retry = |byte| RetryKey::parse(&[byte; 16]).unwrap().unwrap();
        let session = |number| SessionId::from_uuid(Uuid::from_u128(number));
        let hash = key.hash_retry_key(session(1), &retry(1));
        assert_eq!(hash, key.hash_retry_key(session(1), &retry(1)));
        assert_ne!(hash, key.hash_retry_key(session(2), &retry(1)));
        assert_ne!(hash, key.hash_retry_key(session(1), &retry(2)));
    }
}
