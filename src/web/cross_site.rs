//! The cross-site rule: what a page of somebody else may have a browser send here. It is refused, and not merely left
//! without the headers that would let the page read the answer: a browser sends cookies, client certificates and remembered
//! passwords by itself, and what it has sent has been done.

use http::header::ORIGIN;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request};

use super::WebOrigin;
use crate::transport::SEC_FETCH_SITE;

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

/// What decides beside the request itself.
pub(super) struct Setting<'a> {
    /// The host that it asks for, if it names one.
    pub(super) host: Option<&'a Authority>,
    /// The origins that may call.
    pub(super) listed: &'a [WebOrigin],
    /// Whether the path is one of our own pages, which anybody may link to.
    pub(super) is_page: bool,
    /// Whether our own pages come over HTTPS for this peer: a plaintext page of the same host is then not ours.
    pub(super) https: bool,
}

/// Who has sent a request.
pub(super) fn sender<B>(request: &Request<B>, setting: &Setting<'_>) -> Sender {
    let Setting { host, listed, is_page, https } = *setting;
    let is_own =
        |origin: &WebOrigin| host.is_some_and(|host| origin.is_at(host)) && (origin.is_https() || !https);
    let headers = request.headers();
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => match origin.to_str().ok().and_then(WebOrigin::parse) {
            Some(origin) if is_own(&origin) => Sender::Ours,
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

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(listed: &[WebOrigin], is_page: bool, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/v1/users");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let host = Authority::from_static("auth.example");
        let setting = Setting { host: Some(&host), listed, is_page, https: false };
        sender(&request.body(()).unwrap(), &setting) == Sender::Foreign
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
        let setting = Setting { host: None, listed: &listed, is_page: false, https: false };
        assert_eq!(sender(&no_host, &setting), Sender::Foreign);
    }

    #[test]
    fn who_sends_is_told_apart_and_over_https_a_plaintext_page_of_the_same_host_is_not_ours() {
        let listed = [WebOrigin::parse("https://shop.example").unwrap()];
        let host = Authority::from_static("auth.example");
        let of = |origin: &str, https| {
            let request = Request::get("/").header("origin", origin).body(()).unwrap();
            sender(&request, &Setting { host: Some(&host), listed: &listed, is_page: false, https })
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
