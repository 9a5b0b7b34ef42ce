//! One verification key: PASERK `k4.public` text, its id `k4.pid`, the footer that names it, and the signature check.
//! Holds no private key and does not know which keys are trusted.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::digest::consts::U33;
use blake2::{Blake2b, Digest as _};
use ed25519_dalek::{Signature, VerifyingKey};

use super::paseto;

const KEY_PREFIX: &str = "k4.public.";
const ID_PREFIX: &str = "k4.pid.";
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 33;

/// A key that verifies tokens, decompressed once, with its id.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

/// The PASERK id of a public key, `k4.pid.…`, 51 characters: what a token's footer names. A cheap clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Arc<str>);

/// Why something is not a key or not the id of one.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is not a PASERK of the kind asked for.
    #[error("is not a k4.public or k4.pid text")]
    Malformed,
    /// The bytes are not the one encoding of a point on the curve.
    #[error("is not an Ed25519 public key")]
    NotAPoint,
    /// A point of small order: signatures under it can be made without any private key.
    #[error("is a weak Ed25519 public key")]
    Weak,
}

impl PublicKey {
    /// Reads the 32 bytes of a key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        // Decompression takes coordinates beyond the field's prime (RFC 8032, 5.1.3, does not); one key, one id.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotAPoint);
        }
        Ok(Self { key, id: key_id(bytes) })
    }

    /// Reads the text `k4.public.…`.
    pub fn from_paserk(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&key_bytes(text)?)
    }

    /// The text `k4.public.…`.
    #[must_use]
    pub fn to_paserk(&self) -> String {
        key_text(self.key.as_bytes())
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether `signature` is this key's over `message`. Strict: a signature that an attacker changed without the
    /// private key is refused even where plain RFC 8032 leaves the choice.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

impl KeyId {
    /// Reads the text `k4.pid.…`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(ID_PREFIX).ok_or(KeyError::Malformed)?;
        decode::<ID_BYTES>(encoded)?;
        Ok(Self(text.into()))
    }

    /// The text `k4.pid.…`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyId {
    /// The id that a token names; `None` unless it is spelled as the tokens of a key are. Nothing proves it.
    #[must_use]
    pub fn named_by(token: &str) -> Option<Self> {
        paseto::split(token).ok().and_then(|parts| Self::of_footer(parts.footer()))
    }

    /// The id that a footer names; `None` unless it is byte for byte what [`footer_for`] makes of that id.
    #[must_use]
    pub(crate) fn of_footer(footer: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(footer).ok()?;
        Self::parse(text.strip_prefix(r#"{"kid":""#)?.strip_suffix(r#""}"#)?).ok()
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// The footer of every token under the key with this id, byte for byte: it is found by comparing, never by parsing.
#[must_use]
pub fn footer_for(id: &KeyId) -> String {
    // The id is base64url and dots, nothing that JSON would escape.
    format!(r#"{{"kid":"{id}"}}"#)
}

/// PASERK `k4.public` of any 32 bytes: a key or not, the text is the same.
pub(crate) fn key_text(bytes: &[u8; KEY_BYTES]) -> String {
    format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn key_bytes(text: &str) -> Result<[u8; KEY_BYTES], KeyError> {
    decode(text.strip_prefix(KEY_PREFIX).ok_or(KeyError::Malformed)?)
}

/// PASERK `k4.pid`: BLAKE2b with 33 bytes of output, over the id's own prefix and the key's text.
pub(crate) fn key_id(bytes: &[u8; KEY_BYTES]) -> KeyId {
    let mut hash = Blake2b::<U33>::new();
    hash.update(ID_PREFIX);
    hash.update(key_text(bytes));
    KeyId(format!("{ID_PREFIX}{}", URL_SAFE_NO_PAD.encode(hash.finalize())).into())
}

fn decode<const N: usize>(encoded: &str) -> Result<[u8; N], KeyError> {
    // The length first, so that a stranger's long text is not decoded to be thrown away.
    if encoded.len() != (N * 4).div_ceil(3) {
        return Err(KeyError::Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| KeyError::Malformed)?;
    bytes.try_into().map_err(|_| KeyError::Malformed)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn key() -> PublicKey {
        PublicKey::from_bytes(SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_and_its_text_are_one() {
        assert_eq!(PublicKey::from_paserk(&key().to_paserk()).unwrap(), key());
        assert_eq!(KeyId::parse(key().id().as_str()).unwrap(), *key().id());
        assert_eq!(key().id().as_str().len(), 51);
    }

    #[test]
    fn the_footer_is_exact() {
        let id = KeyId::parse("k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs").unwrap();
        assert_eq!(footer_for(&id), r#"{"kid":"k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs"}"#);
    }

    #[test]
    fn a_text_that_is_not_its_key_is_refused() {
        let text = key().to_paserk();
        let id = key().id().to_string();
        let other_end = format!("{}J", &text[..text.len() - 1]);
        for text in [
            "",
            "k4.public.",
            &format!("{text}A"),
            &format!("{text}="),
            &format!(" {text}"),
            &text.replace("public", "secret"),
            &text.replace("k4", "k3"),
            &other_end,
            &id,
        ] {
            assert_eq!(PublicKey::from_paserk(text), Err(KeyError::Malformed), "{text}");
        }
        for id in ["", "k4.pid.", &format!("{id}A"), &id.replace("pid", "sid"), &format!("{}+", &id[..50])] {
            assert_eq!(KeyId::parse(id), Err(KeyError::Malformed), "{id}");
        }
    }

    #[test]
    fn a_weak_or_second_encoding_of_a_key_is_refused() {
        // The neutral element, the point of order 2, and a point of order 4.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        for bytes in [neutral, minus_one, [0; 32]] {
            assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Weak));
        }
        // y = 2^255 - 19 + n is another spelling of y = n. The smallest n on the curve that is not weak is 3.
        let mut three = [0; 32];
        three[0] = 3;
        let mut three_again = [0xff; 32];
        (three_again[0], three_again[31]) = (0xf0, 0x7f);
        assert!(PublicKey::from_bytes(&three).is_ok());
        assert!(VerifyingKey::from_bytes(&three_again).is_ok());
        assert_eq!(PublicKey::from_bytes(&three_again), Err(KeyError::NotAPoint));
        three[0] = 2;
        assert_eq!(PublicKey::from_bytes(&three), Err(KeyError::NotAPoint));
    }

    #[test]
    fn a_signature_is_bound_to_message_and_key() {
        let signer = SigningKey::from_bytes(&[1; 32]);
        let signature = signer.sign(b"message").to_bytes();
        assert!(key().verifies(b"message", &signature));
        assert!(!key().verifies(b"massage", &signature));
        let other = SigningKey::from_bytes(&[2; 32]).sign(b"message").to_bytes();
        assert!(!key().verifies(b"message", &other));
    }

    /// With the neutral element for R, S = k * a passes plain RFC 8032 verification. Only the key's owner can make
    /// such a signature, but it makes one that libraries disagree about, and we take the strict side.
    #[test]
    fn a_signature_with_a_point_of_small_order_is_refused() {
        const S: [u8; 32] = [
            0x95, 0xc0, 0xfd, 0xcc, 0x54, 0xfc, 0xca, 0xd1, 0xf2, 0xb8, 0xbc, 0x9b, 0x96, 0xaa, 0x68, 0x37,
            0xc8, 0x2f, 0x86, 0x34, 0x9e, 0x65, 0x76, 0xad, 0x29, 0xca, 0x3e, 0xce, 0x7b, 0x7e, 0xa9, 0x05,
        ];
        let mut signature = [0; 64];
        signature[0] = 1;
        signature[32..].copy_from_slice(&S);
        let loose =
            ed25519_dalek::Verifier::verify(&key().key, b"message", &Signature::from_bytes(&signature));
        assert!(loose.is_ok());
        assert!(!key().verifies(b"message", &signature));
    }
}
