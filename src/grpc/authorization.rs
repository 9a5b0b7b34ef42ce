//! Reads `authorization` from a call's headers, and turns it into what a use case is told where the method decides by
//! itself what it needs. How it is taken apart, `countersign_verify` owns: the verifiers in other services stand on the
//! same reading.

use countersign_verify::Authorization;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::auth::Presented;

/// What the header says. A Bearer token is borrowed: the fast path copies nothing.
pub(super) fn read(headers: &HeaderMap) -> Authorization<'_> {
    Authorization::read(headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes))
}

/// The same for a method that decides by itself what it needs.
pub(super) fn presented(headers: &HeaderMap) -> Presented {
    match read(headers) {
        Authorization::Missing => Presented::Nothing,
        Authorization::Unreadable => Presented::Unreadable,
        Authorization::Token(_, token) => Presented::Token(Zeroizing::new(token.to_owned())),
        Authorization::Password { username, password } => Presented::Password { username, password },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn all_values_of_the_header_are_read() {
        let mut headers = HeaderMap::new();
        assert!(matches!(presented(&headers), Presented::Nothing));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer v4.public.abc"));
        assert!(matches!(presented(&headers), Presented::Token(token) if *token == "v4.public.abc"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer v4.public.abc"));
        assert!(matches!(presented(&headers), Presented::Unreadable));
    }
}
