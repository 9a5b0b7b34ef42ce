//! The keys that a verifier trusts, found by the footer of a token. Does not know which of them may sign now, nor how
//! they came here.

use std::collections::BTreeMap;

use super::{PublicKey, footer_for};

/// Verification keys by the exact bytes of the footer that names each: a stranger's footer is compared, never parsed,
/// and one that names no key of the set costs a look-up and no I/O.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    by_footer: BTreeMap<Vec<u8>, PublicKey>,
}

impl KeySet {
    /// The set of `keys`; the same key twice is one.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let by_footer = keys.into_iter().map(|key| (footer_for(key.id()).into_bytes(), key)).collect();
        Self { by_footer }
    }

    /// The key that a token with this decoded footer claims to be signed with.
    #[must_use]
    pub fn find(&self, footer: &[u8]) -> Option<&PublicKey> {
        self.by_footer.get(footer)
    }

    /// The keys, sorted by id.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.by_footer.values()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn key(seed: u8) -> PublicKey {
        let signer = SigningKey::from_bytes(&[seed; 32]);
        PublicKey::from_bytes(signer.verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_exact_footer_alone() {
        let set = KeySet::new([key(1), key(2), key(1)]);
        assert_eq!(set.keys().count(), 2);
        let footer = footer_for(key(1).id());
        assert_eq!(set.find(footer.as_bytes()), Some(&key(1)));
        for other in [
            footer.replace(':', ": "),
            footer.replace("kid", "\\u006bid"),
            footer.replace('}', ",\"x\":1}"),
            footer_for(key(3).id()),
            key(1).id().to_string(),
            String::new(),
        ] {
            assert_eq!(set.find(other.as_bytes()), None, "{other}");
        }
    }
}
