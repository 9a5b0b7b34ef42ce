//! Takes the header `authorization` apart. Nothing here believes anything: it only tells tokens from passwords, and says
//! which scheme they came in.

use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// How a token starts, and no user name can: the raw prefix decides, so that a token never reaches the hash and a
/// password never reaches the token parser.
const TOKEN_PREFIX: &str = "v4.";
/// Some clients leave the padding out; RFC 7617 does not forbid it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The scheme that a token came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `Bearer`: the token itself.
    Bearer,
    /// `Basic`: the token as the user name, with a password that nobody reads.
    Basic,
}

/// The content of `authorization`, not yet verified.
pub enum Authorization<'a> {
    /// There is no such header.
    Missing,
    /// Something that cannot be read: several values, another scheme, broken base64.
    Unreadable,
    /// A token. What Bearer brings is taken for one, whatever it is.
    Token(Scheme, TokenText<'a>),
    /// A user name and a password.
    Password {
        /// The name, as sent.
        username: String,
        /// The password, as sent.
        password: Zeroizing<String>,
    },
}

/// The text of a token: borrowed from the header where it stands there as it is, so that the common case copies nothing;
/// wiped when dropped where it had to be decoded.
pub struct TokenText<'a>(Text<'a>);

enum Text<'a> {
    Borrowed(&'a str),
    Decoded(Zeroizing<String>),
}

impl<'a> Authorization<'a> {
    /// Reads the values of the header. Exactly one counts: with several, caller and proxy could mean different ones.
    pub fn read(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(_), Some(_)) => Self::Unreadable,
            (Some(value), None) => visible(value).and_then(parse).unwrap_or(Self::Unreadable),
        }
    }
}

impl Deref for TokenText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Borrowed(text) => text,
            Text::Decoded(text) => text,
        }
    }
}

/// Says what kind it is and nothing of its content.
impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Unreadable => f.write_str("Unreadable"),
            Self::Token(scheme, token) => f.debug_tuple("Token").field(scheme).field(token).finish(),
            Self::Password { .. } => f.write_str("Password(…)"),
        }
    }
}

impl fmt::Debug for TokenText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(…)")
    }
}

/// A value of visible ASCII; everything that is looked for is that.
fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    if value.iter().all(is_visible) { std::str::from_utf8(value).ok() } else { None }
}

fn parse(value: &str) -> Option<Authorization<'_>> {
    let (scheme, content) = value.split_once(' ')?;
    let content = content.trim_start_matches(' ');
    // A comma joins values that were several; no token and no base64 has one.
    if content.is_empty() || content.contains([',', ' ', '\t']) {
        return None;
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(Authorization::Token(Scheme::Bearer, TokenText(Text::Borrowed(content))))
    } else if scheme.eq_ignore_ascii_case("basic") {
        parse_basic(content)
    } else {
        None
    }
}

fn parse_basic<'a>(content: &str) -> Option<Authorization<'a>> {
    let decoded = Zeroizing::new(BASE64.decode(content).ok()?);
    let text = std::str::from_utf8(&decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    let username = username.to_owned();
    Some(if username.starts_with(TOKEN_PREFIX) {
        Authorization::Token(Scheme::Basic, TokenText(Text::Decoded(Zeroizing::new(username))))
    } else {
        Authorization::Password { username, password: Zeroizing::new(password.to_owned()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]]) -> String {
        match Authorization::read(values.iter().copied()) {
            Authorization::Missing => "missing".into(),
            Authorization::Unreadable => "unreadable".into(),
            Authorization::Token(scheme, token) => format!("{scheme:?} token {}", &*token),
            Authorization::Password { username, password } => format!("{username} / {}", *password),
        }
    }

    fn basic(text: &str) -> String {
        read(&[format!("Basic {}", BASE64.encode(text)).as_bytes()])
    }

    #[test]
    fn every_form_is_told_apart() {
        assert_eq!(read(&[]), "missing");
        assert_eq!(read(&[b"Bearer v4.public.abc"]), "Bearer token v4.public.abc");
        assert_eq!(read(&[b"bearer anything"]), "Bearer token anything");
        assert_eq!(basic("alice:secret"), "alice / secret");
        assert_eq!(basic("alice:se:cr:et"), "alice / se:cr:et", "split at the first colon");
        assert_eq!(basic("v4.public.abc:ignored"), "Basic token v4.public.abc");
        assert_eq!(basic("v4.public.abc:"), "Basic token v4.public.abc");
        assert_eq!(basic("alice:"), "alice / ");
        assert_eq!(read(&[b"Basic YWxpY2U6c2VjcmV0MQ"]), "alice / secret1", "padding may be left out");
    }

    #[test]
    fn whatever_cannot_be_read_is_unreadable() {
        for value in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer a, Bearer b",
            b"Bearer a b",
            b"Bearer a\tb",
            b"Digest abc",
            b"abc",
            b"",
            b"Basic !!!",
            b"Basic YWxpY2U=",
            b"Basic //79Og==",
            b"Bearer \xff\xfe",
            "Bearer ü".as_bytes(),
            b"Bearer a\x00",
            b"Bearer a\x7f",
        ] {
            assert_eq!(read(&[value]), "unreadable", "{value:?}");
        }
        assert_eq!(read(&[b"Bearer a", b"Bearer a"]), "unreadable", "two values");
    }

    #[test]
    fn a_bearer_token_is_not_copied() {
        let header = b"Bearer v4.public.abc".to_vec();
        let Authorization::Token(_, token) = Authorization::read([&header[..]]) else { panic!() };
        assert!(header.as_ptr_range().contains(&token.as_ptr()));
    }

    #[test]
    fn nothing_of_the_content_is_shown() {
        for value in [format!("Basic {}", BASE64.encode("alice:secret")), "Bearer secret".to_owned()] {
            let shown = format!("{:?}", Authorization::read([value.as_bytes()]));
            assert!(!shown.contains("secret") && !shown.contains("alice"), "{shown}");
        }
    }
}
