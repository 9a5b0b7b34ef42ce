//! The PASERK text forms of secret keys: `k4.local`, `k4.secret`, their ids, and the wrapped `k4.secret-wrap.pie`
//! (https://github.com/paseto-standard/paserk). The public forms are `countersign-verify`'s.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::Blake2bMac;
use blake2::digest::consts::{U32, U33, U56};
use blake2::digest::{KeyInit, Mac};
use chacha20::XChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use crate::domain::Entropy;

#[cfg(test)]
mod tests;

/// How a wrapped secret key starts.
pub(super) const WRAP_HEADER: &str = "k4.secret-wrap.pie.";
/// The tag in front of the wrapped bytes.
const TAG_BYTES: usize = 32;
/// The nonce behind it.
const NONCE_BYTES: usize = 32;
/// Separates the encryption key from the authentication key, which are derived from one wrapping key.
const DERIVE_ENCRYPTION: u8 = 0x80;
/// See [`DERIVE_ENCRYPTION`].
const DERIVE_AUTHENTICATION: u8 = 0x81;

/// The text is not what it should be, or was not wrapped by this key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not a PASERK of the expected kind")]
pub struct PaserkError;

/// Reads `header` and exactly `N` bytes of canonical base64url behind it.
pub(super) fn decode<const N: usize>(header: &str, text: &str) -> Result<Zeroizing<[u8; N]>, PaserkError> {
    let body = text.strip_prefix(header).ok_or(PaserkError)?;
    // The exact length first: a longer text is not worth decoding.
    if body.len() != N.div_ceil(3) * 4 - (3 - N % 3) % 3 {
        return Err(PaserkError);
    }
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| PaserkError)?);
    let mut exact = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(PaserkError);
    }
    exact.copy_from_slice(&bytes);
    Ok(exact)
}

/// Writes `header` and `bytes` in base64url.
pub(super) fn encode(header: &str, bytes: &[u8]) -> Zeroizing<String> {
    // Reserved at once: a string that grows leaves copies of itself behind, which nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(header.len() + bytes.len().div_ceil(3) * 4));
    text.push_str(header);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text
}

/// The id of a key: a hash of its PASERK, under the header of its kind of id.
pub(super) fn id(header: &str, paserk: &str) -> String {
    use blake2::Digest;
    let hash = blake2::Blake2b::<U33>::new().chain_update(header).chain_update(paserk).finalize();
    format!("{header}{}", URL_SAFE_NO_PAD.encode(hash))
}

/// Wraps 64 bytes of a secret key under `wrapping_key`.
pub(super) fn wrap(wrapping_key: &[u8; 32], secret: &[u8; 64], entropy: &dyn Entropy) -> String {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    wrap_with_nonce(wrapping_key, secret, &nonce)
}

pub(super) fn wrap_with_nonce(
    wrapping_key: &[u8; 32],
    secret: &[u8; 64],
    nonce: &[u8; NONCE_BYTES],
) -> String {
    let mut sealed = Zeroizing::new(*secret);
    cipher(wrapping_key, nonce).apply_keystream(&mut *sealed);
    let tag = authenticator(wrapping_key, nonce).chain_update(*sealed).finalize().into_bytes();
    encode(WRAP_HEADER, &[&tag[..], nonce, &*sealed].concat()).to_string()
}

/// Opens what [`wrap`] closed. The tag is compared in constant time, before anything is decrypted.
pub(super) fn unwrap(wrapping_key: &[u8; 32], text: &str) -> Result<Zeroizing<[u8; 64]>, PaserkError> {
    let bytes = decode::<{ TAG_BYTES + NONCE_BYTES + 64 }>(WRAP_HEADER, text)?;
    let (tag, rest) = bytes.split_at(TAG_BYTES);
    let (nonce, sealed) = rest.split_at(NONCE_BYTES);
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().map_err(|_| PaserkError)?;
    authenticator(wrapping_key, nonce).chain_update(sealed).verify_slice(tag).map_err(|_| PaserkError)?;
    let mut secret = Zeroizing::new([0; 64]);
    secret.copy_from_slice(sealed);
    cipher(wrapping_key, nonce).apply_keystream(&mut *secret);
    Ok(secret)
}

fn cipher(wrapping_key: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> XChaCha20 {
    let derived = keyed::<Blake2bMac<U56>>(wrapping_key)
        .chain_update([DERIVE_ENCRYPTION])
        .chain_update(nonce)
        .finalize();
    let derived = Zeroizing::new(<[u8; 56]>::from(derived.into_bytes()));
    let (key, stream_nonce) = derived.split_at(32);
    let mut exact_key = Zeroizing::new([0; 32]);
    exact_key.copy_from_slice(key);
    let mut exact_nonce = [0; 24];
    exact_nonce.copy_from_slice(stream_nonce);
    XChaCha20::new(&(*exact_key).into(), &exact_nonce.into())
}

/// The authenticator of everything but the bytes that are wrapped.
fn authenticator(wrapping_key: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> Blake2bMac<U32> {
    let derived = keyed::<Blake2bMac<U32>>(wrapping_key)
        .chain_update([DERIVE_AUTHENTICATION])
        .chain_update(nonce)
        .finalize();
    let key = Zeroizing::new(<[u8; 32]>::from(derived.into_bytes()));
    keyed::<Blake2bMac<U32>>(&key).chain_update(WRAP_HEADER).chain_update(nonce)
}

fn keyed<M: KeyInit>(key: &[u8; 32]) -> M {
    M::new_from_slice(key).expect("BLAKE2b takes keys of up to 64 bytes, and this has 32")
}
