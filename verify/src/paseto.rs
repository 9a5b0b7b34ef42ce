//! The framing of PASETO v4.public tokens (PASETO specification, docs/01-Protocol-Versions/Version4.md, Common.md).
//! Owns the text of a token, its parts, and the bytes under its signature. Knows no key and no claim: a payload is
//! bytes here, because nothing of a stranger is parsed before its signature has been verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What every token starts with: version and purpose.
pub const HEADER: &str = "v4.public.";
/// The longest token that is looked at, in bytes of text.
pub const MAX_TOKEN_BYTES: usize = 2048;

const SIGNATURE_BYTES: usize = 64;

/// A token taken apart and decoded, none of it verified.
#[derive(Debug)]
pub struct Parts {
    payload: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
    footer: Vec<u8>,
}

/// The text is not a v4.public token.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// More than [`MAX_TOKEN_BYTES`].
    #[error("longer than 2048 bytes")]
    TooLarge,
    /// Not four parts between dots, an empty footer, or no room for a signature.
    #[error("not four parts between dots")]
    Shape,
    /// A part is not base64url in the one spelling that its bytes have: no padding, no stray bits at the end.
    #[error("not canonical base64url")]
    Base64,
    /// Another version or purpose.
    #[error("not a v4.public token")]
    Header,
}

impl Parts {
    /// The message, not to be parsed before the signature has been verified.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The Ed25519 signature that the token carries.
    #[must_use]
    pub const fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The footer, decoded.
    #[must_use]
    pub fn footer(&self) -> &[u8] {
        &self.footer
    }
}

/// The bytes that a signature covers, for a token without implicit assertion.
#[must_use]
pub fn signing_input(payload: &[u8], footer: &[u8]) -> Vec<u8> {
    asserted_input(payload, footer, b"")
}

/// The token of a payload, its signature over [`signing_input`], and a footer. An empty footer is left out together
/// with its dot, and such a token is none of ours. The length is the caller's affair: beyond [`MAX_TOKEN_BYTES`]
/// [`split`] refuses it.
#[must_use]
pub fn assemble(payload: &[u8], signature: &[u8; 64], footer: &[u8]) -> String {
    let body = [payload, signature.as_slice()].concat();
    let encoded = (body.len() + footer.len()).div_ceil(3) * 4;
    let mut token = String::with_capacity(HEADER.len() + encoded + 4);
    token.push_str(HEADER);
    URL_SAFE_NO_PAD.encode_string(body, &mut token);
    if !footer.is_empty() {
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(footer, &mut token);
    }
    token
}

/// Takes a token apart. One with three parts is refused: ours always name their key in a footer.
pub fn split(token: &str) -> Result<Parts, FrameError> {
    let parts = split_parts(token)?;
    if parts.footer.is_empty() {
        return Err(FrameError::Shape);
    }
    Ok(parts)
}

/// As [`split`], but lets a token without footer pass, as PASETO does. A footer that is there but empty is refused
/// even so: a token and the same token with a `.` behind it must not both be good.
pub(crate) fn split_parts(token: &str) -> Result<Parts, FrameError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(FrameError::TooLarge);
    }
    let mut texts = token.split('.');
    let (Some(_), Some(_), Some(body), footer, None) =
        (texts.next(), texts.next(), texts.next(), texts.next(), texts.next())
    else {
        return Err(FrameError::Shape);
    };
    if footer == Some("") {
        return Err(FrameError::Shape);
    }
    let mut payload = decode(body)?;
    let footer = decode(footer.unwrap_or(""))?;
    if !token.starts_with(HEADER) {
        return Err(FrameError::Header);
    }
    let (message, signature) = payload.split_last_chunk::<SIGNATURE_BYTES>().ok_or(FrameError::Shape)?;
    let (length, signature) = (message.len(), *signature);
    payload.truncate(length);
    Ok(Parts { payload, signature, footer })
}

/// The bytes that a signature covers. Tokens of ours have no implicit assertion; the official vectors do.
pub(crate) fn asserted_input(payload: &[u8], footer: &[u8], assertion: &[u8]) -> Vec<u8> {
    let pieces = [HEADER.as_bytes(), payload, footer, assertion];
    let length: usize = pieces.iter().map(|piece| piece.len() + 8).sum();
    let mut input = Vec::with_capacity(8 + length);
    input.extend_from_slice(&length_prefix(pieces.len()));
    for piece in pieces {
        input.extend_from_slice(&length_prefix(piece.len()));
        input.extend_from_slice(piece);
    }
    input
}

/// LE64 of the specification, which also clears the top bit: no length in memory has it set.
const fn length_prefix(length: usize) -> [u8; 8] {
    (length as u64).to_le_bytes()
}

/// The engine refuses padding, whitespace, the other alphabet and bits left over after the last byte.
fn decode(text: &str) -> Result<Vec<u8>, FrameError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| FrameError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_length_of_each_piece() {
        // Without lengths, a byte could wander from the payload into the footer under the same signature.
        assert_ne!(signing_input(b"ab", b"c"), signing_input(b"a", b"bc"));
        assert_eq!(
            signing_input(b"a", b"bc"),
            b"\x04\0\0\0\0\0\0\0\x0a\0\0\0\0\0\0\0v4.public.\x01\0\0\0\0\0\0\0a\x02\0\0\0\0\0\0\0bc\0\0\0\0\0\0\0\0"
        );
    }

    #[test]
    fn what_is_assembled_splits_into_the_same_parts() {
        let token = assemble(b"payload", &[7; 64], b"footer");
        let parts = split(&token).unwrap();
        assert_eq!(parts.payload(), b"payload");
        assert_eq!(parts.signature(), &[7; 64]);
        assert_eq!(parts.footer(), b"footer");
    }

    #[test]
    fn a_footer_is_demanded_and_never_empty() {
        let bare = assemble(b"payload", &[7; 64], b"");
        assert!(split_parts(&bare).is_ok());
        assert_eq!(split(&bare).unwrap_err(), FrameError::Shape);
        assert_eq!(split_parts(&format!("{bare}.")).unwrap_err(), FrameError::Shape);
    }

    #[test]
    fn each_broken_frame_is_named() {
        let body = "A".repeat(88);
        let long = "A".repeat(MAX_TOKEN_BYTES);
        for (token, error) in [
            (format!("v4.public.{long}.AAAA"), FrameError::TooLarge),
            (String::new(), FrameError::Shape),
            (format!("v4.public.{body}.AAAA."), FrameError::Shape),
            ("v4.public..AAAA".to_owned(), FrameError::Shape),
            ("v4.public.AAAA.AAAA".to_owned(), FrameError::Shape),
            (format!("v4.public.{body}.AA=="), FrameError::Base64),
            (format!("v4.public.{body}.AB"), FrameError::Base64),
            (format!("v4.public.{body}.A+/A"), FrameError::Base64),
            (format!("v4.public.{body}.AA A"), FrameError::Base64),
            (format!("v4.local.{body}.AAAA"), FrameError::Header),
            (format!("v2.public.{body}.AAAA"), FrameError::Header),
            (format!("V4.public.{body}.AAAA"), FrameError::Header),
        ] {
            assert_eq!(split(&token).unwrap_err(), error, "{token}");
        }
    }

    #[test]
    fn the_size_limit_is_exact() {
        let longest = assemble(&[b'p'; 1402], &[7; 64], &[b'f'; 61]);
        assert_eq!(longest.len(), MAX_TOKEN_BYTES);
        assert!(split(&longest).is_ok());
        let longer = assemble(&[b'p'; 1403], &[7; 64], &[b'f'; 61]);
        assert_eq!(longer.len(), MAX_TOKEN_BYTES + 1);
        assert_eq!(split(&longer).unwrap_err(), FrameError::TooLarge);
    }
}
