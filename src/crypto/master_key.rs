//! The key that wraps the service's other keys (PASERK `k4.local`; `k4.secret-wrap.pie` and `k4.local-wrap.pie` of what it
//! wraps). It comes from a file and is never stored beside what it wraps; reading the file is not done here.

use std::fmt;

use blake2::Blake2bMac;
use blake2::digest::array::ArraySize;
use blake2::digest::consts::{U32, U56, U64};
use blake2::digest::typenum::{IsLessOrEqual, True};
use blake2::digest::{FixedOutput as _, Update as _};
use chacha20::XChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::paserk::{self, PaserkError};
use super::secret_key::SECRET_BYTES;
use super::server_key::SERVER_KEY_BYTES;
use super::{SecretKey, ServerKey};
use crate::domain::Entropy;

const PREFIX: &str = "k4.local.";
const ID_PREFIX: &str = "k4.lid.";
/// Of a wrapped signing key.
const SECRET_WRAP_PREFIX: &str = "k4.secret-wrap.pie.";
/// Of a wrapped symmetric key.
const LOCAL_WRAP_PREFIX: &str = "k4.local-wrap.pie.";
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 32;
const NONCE_BYTES: usize = 32;
/// Domain separation of the two keys that are derived for each wrapping (PASERK, Wrap/pie).
const FOR_ENCRYPTION: u8 = 0x80;
const FOR_AUTHENTICATION: u8 = 0x81;

/// A wrapping key: wiped when dropped, never shown.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

/// Why a wrapped key stays wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// The text is not a wrapped key of the kind asked for.
    #[error(transparent)]
    Malformed(#[from] PaserkError),
    /// Another master key wrapped it, or somebody changed it.
    #[error("was not wrapped by this master key, or was changed")]
    Unauthentic,
    /// What was wrapped is no key: its public half is another key's.
    #[error("wraps something that is not a signing key")]
    NotAKey,
}

impl MasterKey {
    /// Reads the text `k4.local.…`, without white space.
    pub fn parse(text: &str) -> Result<Self, PaserkError> {
        paserk::decode(text, PREFIX).map(Self)
    }

    /// A random key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(key.as_mut());
        Self(key)
    }

    /// The text `k4.local.…`, which is the secret itself.
    #[must_use]
    pub fn to_paserk(&self) -> Zeroizing<String> {
        paserk::encode(PREFIX, self.0.as_slice())
    }

    /// The key's id, `k4.lid.…`: public, and the way a wrapped key names who can unwrap it.
    #[must_use]
    pub fn id(&self) -> String {
        paserk::id(ID_PREFIX, &self.to_paserk())
    }

    /// Wraps a signing key: encrypted and authenticated, as the text `k4.secret-wrap.pie.…`.
    #[must_use]
    pub fn wrap(&self, secret: &SecretKey, entropy: &dyn Entropy) -> String {
        self.seal(SECRET_WRAP_PREFIX, secret.to_bytes().as_slice(), entropy)
    }

    /// Unwraps a signing key.
    pub fn unwrap(&self, text: &str) -> Result<SecretKey, WrapError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        bytes.copy_from_slice(&self.open(SECRET_WRAP_PREFIX, text, SECRET_BYTES)?);
        SecretKey::from_bytes(&bytes).ok_or(WrapError::NotAKey)
    }

    /// Wraps the server key, as the text `k4.local-wrap.pie.…`.
    #[must_use]
    pub fn wrap_server_key(&self, key: &ServerKey, entropy: &dyn Entropy) -> String {
        self.seal(LOCAL_WRAP_PREFIX, key.as_bytes(), entropy)
    }

    /// Unwraps the server key.
    pub fn unwrap_server_key(&self, text: &str) -> Result<ServerKey, WrapError> {
        let mut bytes = Zeroizing::new([0; SERVER_KEY_BYTES]);
        bytes.copy_from_slice(&self.open(LOCAL_WRAP_PREFIX, text, SERVER_KEY_BYTES)?);
        Ok(ServerKey::from_bytes(bytes))
    }

    fn seal(&self, prefix: &str, secret: &[u8], entropy: &dyn Entropy) -> String {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let mut bytes = Zeroizing::new(secret.to_vec());
        self.apply_cipher(&nonce, &mut bytes);
        let tag = self.tag(prefix, &nonce, &bytes);
        let wrapped = [&tag, nonce.as_slice(), bytes.as_slice()].concat();
        paserk::encode(prefix, &wrapped).to_string()
    }

    /// The `length` bytes that were wrapped. Nothing is decrypted that was not authenticated first.
    fn open(&self, prefix: &'static str, text: &str, length: usize) -> Result<Zeroizing<Vec<u8>>, WrapError> {
        let malformed = PaserkError { kind: prefix };
        let wrapped = paserk::decode_bytes(text, prefix, TAG_BYTES + NONCE_BYTES + length)?;
        let (tag, rest) = wrapped.split_first_chunk::<TAG_BYTES>().ok_or(malformed)?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(malformed)?;
        if !bool::from(self.tag(prefix, nonce, encrypted).ct_eq(tag.as_slice())) {
            return Err(WrapError::Unauthentic);
        }
        let mut bytes = Zeroizing::new(encrypted.to_vec());
        self.apply_cipher(nonce, &mut bytes);
        Ok(bytes)
    }

    /// XChaCha20, which is its own inverse, under a key and nonce made for this wrapping alone.
    fn apply_cipher(&self, nonce: &[u8; NONCE_BYTES], bytes: &mut [u8]) {
        let derived = keyed::<U56>(self.0.as_slice(), &[&[FOR_ENCRYPTION], nonce]);
        let (key, nonce) = derived.split_at(KEY_BYTES);
        XChaCha20::new_from_slices(key, nonce)
            .expect("56 bytes are a key of 32 and a nonce of 24")
            .apply_keystream(bytes);
    }

    fn tag(&self, prefix: &str, nonce: &[u8; NONCE_BYTES], encrypted: &[u8]) -> Zeroizing<Vec<u8>> {
        let derived = keyed::<U32>(self.0.as_slice(), &[&[FOR_AUTHENTICATION], nonce]);
        keyed::<U32>(&derived, &[prefix.as_bytes(), nonce, encrypted])
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// BLAKE2b of `parts` under `key`, with `N` bytes of output (libsodium's `crypto_generichash`).
fn keyed<N>(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>>
where
    N: ArraySize + IsLessOrEqual<U64, Output = True>,
{
    let mut mac = Blake2bMac::<N>::new_with_salt_and_personal(Some(key), &[], &[])
        .expect("32 bytes are a key for BLAKE2b");
    for part in parts {
        mac.update(part);
    }
    let mut output = mac.finalize_fixed();
    let wiped_later = Zeroizing::new(output.to_vec());
    output.as_mut_slice().zeroize();
    wiped_later
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::crypto::test_support::SeededEntropy;

    const WRAPPED_BYTES: usize = TAG_BYTES + NONCE_BYTES + SECRET_BYTES;

    #[test]
    fn a_wrapped_key_of_one_kind_is_none_of_the_other() {
        let entropy = SeededEntropy::new(1);
        let master_key = MasterKey::generate(&entropy);
        let (secret, server) = (SecretKey::generate(&entropy), ServerKey::generate(&entropy));
        let wrapped = master_key.wrap_server_key(&server, &entropy);
        assert_eq!(master_key.unwrap_server_key(&wrapped).unwrap().as_bytes(), server.as_bytes());
        assert!(matches!(master_key.unwrap(&wrapped), Err(WrapError::Malformed(_))));
        let signing = master_key.wrap(&secret, &entropy);
        assert!(matches!(master_key.unwrap_server_key(&signing), Err(WrapError::Malformed(_))));
        let other = MasterKey::generate(&entropy);
        assert_eq!(other.unwrap_server_key(&wrapped).unwrap_err(), WrapError::Unauthentic);
    }

    #[test]
    fn any_changed_bit_of_a_wrapped_key_is_noticed() {
        let entropy = SeededEntropy::new(1);
        let (master_key, secret) = (MasterKey::generate(&entropy), SecretKey::generate(&entropy));
        let wrapped = master_key.wrap(&secret, &entropy);
        assert_eq!(master_key.unwrap(&wrapped).unwrap().to_bytes(), secret.to_bytes());
        let bytes = paserk::decode::<WRAPPED_BYTES>(&wrapped, SECRET_WRAP_PREFIX).unwrap();
        for bit in 0..WRAPPED_BYTES * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let text = format!("{SECRET_WRAP_PREFIX}{}", URL_SAFE_NO_PAD.encode(changed.as_slice()));
            assert_eq!(master_key.unwrap(&text).unwrap_err(), WrapError::Unauthentic, "bit {bit}");
        }
        let other = MasterKey::generate(&entropy);
        assert_eq!(other.unwrap(&wrapped).unwrap_err(), WrapError::Unauthentic);
    }

    #[test]
    fn two_wrappings_of_one_key_have_nothing_in_common() {
        let entropy = SeededEntropy::new(1);
        let (master_key, secret) = (MasterKey::generate(&entropy), SecretKey::generate(&entropy));
        let [first, second] = [(), ()].map(|()| {
            paserk::decode::<WRAPPED_BYTES>(&master_key.wrap(&secret, &entropy), SECRET_WRAP_PREFIX).unwrap()
        });
        for part in [0..32, 32..64, 64..128] {
            assert_ne!(first[part.clone()], second[part]);
        }
    }

    #[test]
    fn a_key_has_one_spelling() {
        let text = MasterKey::generate(&SeededEntropy::new(1)).to_paserk();
        let alike: String = text.chars().rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
        for other in [
            format!("{}\n", text.as_str()),
            format!(" {}", text.as_str()),
            format!("{}=", text.as_str()),
            text.replace("k4.local.", "K4.LOCAL."),
            text.replace("k4.local.", "k4.secret."),
            // 256 bits are 43 characters with two bits to spare, which must be zero.
            format!("{alike}B"),
            String::new(),
        ] {
            let error = MasterKey::parse(&other).map(|_| ()).unwrap_err();
            assert_eq!(error.to_string(), "is not a k4.local.… key", "{other:?}");
        }
    }

    #[test]
    fn halves_of_two_keys_are_no_key() {
        let entropy = SeededEntropy::new(1);
        let (first, second) = (SecretKey::generate(&entropy), SecretKey::generate(&entropy));
        let mut mixed = first.to_bytes();
        mixed[32..].copy_from_slice(&second.to_bytes()[32..]);
        let text = paserk::encode("k4.secret.", mixed.as_slice());
        assert!(SecretKey::parse(&text).is_err());
        // Even if whoever has the master key wrapped them.
        let master_key = MasterKey::generate(&entropy);
        let nonce = [7; NONCE_BYTES];
        master_key.apply_cipher(&nonce, mixed.as_mut_slice());
        let tag = master_key.tag(SECRET_WRAP_PREFIX, &nonce, mixed.as_slice());
        let wrapped = [&tag, nonce.as_slice(), mixed.as_slice()].concat();
        let text = paserk::encode(SECRET_WRAP_PREFIX, &wrapped);
        assert_eq!(master_key.unwrap(&text).unwrap_err(), WrapError::NotAKey);
    }
}
