//! Takes `authorization` apart. Nothing here believes anything: it only tells tokens from passwords.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::auth::Presented;

/// How a token starts, and no user name can: the raw prefix decides, so that a token never reaches the hash and a
/// password never reaches the token parser.
const TOKEN_PREFIX: &str = "v4.";
/// Some clients leave the padding out; RFC 7617 does not forbid it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The scheme that the credentials came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Basic,
}

/// The content of `authorization`. A Bearer token is borrowed: the fast path copies nothing.
pub(super) enum Authorization<'a> {
    Missing,
    Unreadable,
    Token(Scheme, Cow<'a, str>),
    Password { username: String, password: Zeroizing<String> },
}

impl<'a> Authorization<'a> {
    /// Reads the header. Exactly one value counts: with several, caller and proxy could mean different ones.
    pub(super) fn read(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(_), Some(_)) => Self::Unreadable,
            (Some(value), None) => value.to_str().ok().and_then(parse).unwrap_or(Self::Unreadable),
        }
    }

    /// The same for a method that decides by itself what it needs.
    pub(super) fn into_presented(self) -> Presented {
        match self {
            Self::Missing => Presented::Nothing,
            Self::Unreadable => Presented::Unreadable,
            Self::Token(_, token) => Presented::Token(Zeroizing::new(token.into_owned())),
            Self::Password { username, password } => Presented::Password { username, password },
        }
    }
}

fn parse(value: &str) -> Option<Authorization<'_>> {
    let (scheme, content) = value.split_once(' ')?;
    let content = content.trim_start_matches(' ');
    // A comma joins values that were several; no token and no base64 has one.
    if content.is_empty() || content.contains([',', ' ', '\t']) {
        return None;
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(Authorization::Token(Scheme::Bearer, Cow::Borrowed(content)))
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
    Some(if username.starts_with(TOKEN_PREFIX) {
        Authorization::Token(Scheme::Basic, Cow::Owned(username.to_owned()))
    } else {
        Authorization::Password {
            username: username.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        match Authorization::read(&headers) {
            Authorization::Missing => "missing".into(),
            Authorization::Unreadable => "unreadable".into(),
            Authorization::Token(scheme, token) => format!("{scheme:?} token {token}"),
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
            b"Digest abc",
            b"abc",
            b"",
            b"Basic !!!",
            b"Basic YWxpY2U=",
            b"Basic //79Og==",
            b"Bearer \xff\xfe",
        ] {
            assert_eq!(read(&[value]), "unreadable", "{value:?}");
        }
        assert_eq!(read(&[b"Bearer a", b"Bearer a"]), "unreadable", "two values");
    }
}
