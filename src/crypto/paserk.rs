//! Texts of secret bytes, as PASERK writes them: a fixed prefix and unpadded base64url, wiped on the way. Which prefix
//! means which secret is for the secrets to say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blake2::digest::consts::U33;
use blake2::{Blake2b, Digest as _};
use zeroize::Zeroizing;

/// A text is not a key of the kind asked for. It quotes nothing of the text, which may be another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a {kind}… key")]
pub struct PaserkError {
    /// The prefix that was expected, such as `k4.local.`.
    pub kind: &'static str,
}

/// The `N` bytes after `prefix`. One spelling for each key: no padding, no other alphabet, no stray bits at the end.
pub(super) fn decode<const N: usize>(
    text: &str,
    prefix: &'static str,
) -> Result<Zeroizing<[u8; N]>, PaserkError> {
    let bytes = decode_bytes(text, prefix, N)?;
    let mut array = Zeroizing::new([0; N]);
    array.copy_from_slice(&bytes);
    Ok(array)
}

/// The same where the number of bytes, `length`, is worked out.
pub(super) fn decode_bytes(
    text: &str,
    prefix: &'static str,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, PaserkError> {
    let malformed = PaserkError { kind: prefix };
    let encoded = text.strip_prefix(prefix).ok_or(malformed)?;
    if encoded.len() != (length * 4).div_ceil(3) {
        return Err(malformed);
    }
    // Reserved at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
    URL_SAFE_NO_PAD.decode_vec(encoded, &mut bytes).map_err(|_| malformed)?;
    if bytes.len() == length { Ok(bytes) } else { Err(malformed) }
}

/// The text of `bytes`.
pub(super) fn encode(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + (bytes.len() * 4).div_ceil(3)));
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text
}

/// The id of the key that `text` is, under the id kind's own `prefix` (PASERK, operations/ID). It tells nothing about
/// a secret key but which one it is.
pub(super) fn id(prefix: &str, text: &str) -> String {
    let mut hash = Blake2b::<U33>::new();
    hash.update(prefix);
    hash.update(text);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
}
