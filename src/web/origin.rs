//! A page's origin, as browsers send it and as settings list it.

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};

/// Scheme, host and port, in the one spelling that browsers use: lower case, without a port that the scheme implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl WebOrigin {
    /// Reads `https://shop.example` or `http://localhost:5173`: a scheme, a host, perhaps a port, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme().filter(|scheme| is_web(scheme))?.clone();
        let authority = uri.authority()?;
        // The library takes a path, user names and an empty port as well.
        let bare = text.len() == scheme.as_str().len() + "://".len() + authority.as_str().len();
        let (host, port) = split(authority, &scheme)?;
        bare.then_some(Self { scheme, host, port })
    }

    /// Whether a page of this origin came from `authority`, the host that a request asks for. What is in front of this
    /// server may speak TLS for it, so the scheme says only which port is meant if none is named.
    pub(super) fn is_at(&self, authority: &Authority) -> bool {
        split(authority, &self.scheme).is_some_and(|(host, port)| host == self.host && port == self.port)
    }

    /// Whether its host is that of `authority`, on whatever port.
    pub(super) fn has_host(&self, authority: &Authority) -> bool {
        authority.host().eq_ignore_ascii_case(&self.host)
    }

    /// Whether its pages came encrypted.
    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// As a browser sends it.
    pub(super) fn to_header(&self) -> Option<HeaderValue> {
        let Self { scheme, host, port } = self;
        let text = match implied_port(scheme) == *port {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        HeaderValue::try_from(text).ok()
    }
}

fn is_web(scheme: &Scheme) -> bool {
    *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS
}

fn implied_port(scheme: &Scheme) -> u16 {
    if *scheme == Scheme::HTTPS { 443 } else { 80 }
}

/// The host and the port of an authority, which says neither who asks nor any host.
pub(super) fn split(authority: &Authority, scheme: &Scheme) -> Option<(String, u16)> {
    let host = authority.host().to_ascii_lowercase();
    let port = match authority.as_str().get(host.len()..)? {
        "" => implied_port(scheme),
        _ => authority.port_u16()?,
    };
    (!host.is_empty() && !host.contains('*')).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<String> {
        Some(WebOrigin::parse(text)?.to_header().unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, expected) in [
            ("https://Shop.Example", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(header(text).as_deref(), Some(expected));
        }
        for text in [
            "",
            "null",
            "*",
            "https://*",
            "https://*.example",
            "shop.example",
            "https://",
            "ftp://shop.example",
            "https://shop.example/",
            "https://shop.example?x",
            "https://a@shop.example",
            "https://shop.example:",
            "https://shop.example:x",
            "https://shop.example:99999",
            "https://shop.example ",
            "//shop.example",
        ] {
            assert_eq!(header(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_at_the_host_and_port_that_a_request_asks_for() {
        let is_at =
            |origin: &str, host: &str| WebOrigin::parse(origin).unwrap().is_at(&host.parse().unwrap());
        for (origin, host) in [
            ("http://127.0.0.1:50051", "127.0.0.1:50051"),
            ("https://auth.example", "auth.example"),
            ("https://auth.example", "AUTH.example:443"),
            ("http://[::1]:50051", "[::1]:50051"),
        ] {
            assert!(is_at(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://127.0.0.1:50052", "127.0.0.1:50051"),
            ("http://localhost:50051", "127.0.0.1:50051"),
            ("https://auth.example", "auth.example:80"),
            ("https://auth.example.evil", "auth.example"),
            ("https://evil", "auth.example@evil"),
        ] {
            assert!(!is_at(origin, host), "{origin} {host}");
        }
    }
}
