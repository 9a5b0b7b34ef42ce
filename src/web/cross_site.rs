//! The cross-site rule: what a page of somebody else may have a browser send here. It is refused, and not merely left
//! without the headers that would let the page read the answer: a browser sends cookies, client certificates and remembered
//! passwords by itself, and what it has sent has been done.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request};

use super::WebOrigin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Who has sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A page of ours, or no browser.
    Ours,
    /// A page of an origin that may call.
    Listed,
    /// A page of somebody else.
    Foreign,
}

/// Who has sent a request. `listed` are the origins that may; `is_page` says that the path is one of our own pages, which
/// anybody may link to; `encrypted` that it came over our own TLS, where a plaintext page of the same host is not ours.
pub(super) fn sender<B>(
    request: &Request<B>,
    listed: &[WebOrigin],
    is_page: bool,
    encrypted: bool,
) -> Sender {
    let headers = request.headers();
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => match origin.to_str().ok().and_then(WebOrigin::parse) {
            Some(origin) if is_at_host(&origin, request) && (origin.is_https() || !encrypted) => Sender::Ours,
            Some(origin) if listed.contains(&origin) => Sender::Listed,
            _ => Sender::Foreign,
        },
        (Some(_), Some(_)) => Sender::Foreign,
        // Browsers leave it out where a page merely links or embeds. Whoever is no browser says neither.
        (None, _) => {
            let foreign = matches!(text(headers, &SEC_FETCH_SITE), Some("cross-site" | "same-site"));
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            let navigates = reads && text(headers, &SEC_FETCH_MODE) == Some("navigate");
            if foreign && !(is_page && navigates) { Sender::Foreign } else { Sender::Ours }
        }
    }
}

fn is_at_host<B>(origin: &WebOrigin, request: &Request<B>) -> bool {
    if let Some(authority) = request.uri().authority() {
        return origin.is_at(authority);
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    Authority::try_from(host.as_bytes()).is_ok_and(|authority| origin.is_at(&authority))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(listed: &[WebOrigin], is_page: bool, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/v1/users").header("host", "auth.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender(&request.body(()).unwrap(), listed, is_page, false) == Sender::Foreign
    }

    #[test]
    fn a_named_origin_decides_alone() {
        let listed = [WebOrigin::parse("https://shop.example").unwrap()];
        for (origin, expected) in [
            ("https://auth.example", false),
            ("http://auth.example", false),
            ("https://shop.example", false),
            ("https://shop.example:444", true),
            ("http://shop.example", true),
            ("https://evil.example", true),
            ("null", true),
            ("", true),
            ("https://shop.example, https://auth.example", true),
        ] {
            // What else the browser says does not matter then.
            for site in ["cross-site", "same-origin"] {
                let headers = [("origin", origin), ("sec-fetch-site", site), ("sec-fetch-mode", "navigate")];
                assert_eq!(refused(&listed, true, "POST", &headers), expected, "{origin:?} {site}");
            }
        }
        let twice = [("origin", "https://auth.example"), ("origin", "https://auth.example")];
        assert!(refused(&listed, false, "POST", &twice));
        let no_host = Request::post("/").header("origin", "https://auth.example").body(()).unwrap();
        assert_eq!(sender(&no_host, &listed, false, false), Sender::Foreign);
        let two_hosts = [("origin", "https://auth.example"), ("host", "auth.example")];
        assert!(refused(&listed, false, "POST", &two_hosts));
    }

    #[test]
    fn who_sends_is_told_apart_and_over_tls_a_plaintext_page_of_the_same_host_is_not_ours() {
        let listed = [WebOrigin::parse("https://shop.example").unwrap()];
        let of = |origin: &str, encrypted| {
            let request = Request::get("/").header("host", "auth.example").header("origin", origin);
            sender(&request.body(()).unwrap(), &listed, false, encrypted)
        };
        assert_eq!(of("https://auth.example", true), Sender::Ours);
        assert_eq!(of("http://auth.example:443", true), Sender::Foreign);
        assert_eq!(of("http://auth.example", true), Sender::Foreign);
        assert_eq!(of("http://auth.example", false), Sender::Ours);
        assert_eq!(of("https://shop.example", true), Sender::Listed);
    }

    #[test]
    fn without_an_origin_the_browsers_word_on_the_site_counts_but_for_links_to_pages() {
        for (site, mode, is_page, method, expected) in [
            ("same-origin", "cors", false, "POST", false),
            ("none", "navigate", false, "GET", false),
            ("cross-site", "no-cors", false, "GET", true),
            ("same-site", "navigate", false, "GET", true),
            ("cross-site", "navigate", true, "GET", false),
            ("same-site", "navigate", true, "HEAD", false),
            ("cross-site", "navigate", true, "POST", true),
            ("cross-site", "no-cors", true, "GET", true),
        ] {
            let headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode)];
            assert_eq!(refused(&[], is_page, method, &headers), expected, "{site} {mode} {is_page} {method}");
        }
        assert!(!refused(&[], false, "POST", &[]), "no browser");
    }
}
