//! The cross-site rule: what a page of somebody else may have a browser send here. It is refused, and not merely left
//! without the headers that would let the page read the answer: a browser sends cookies, client certificates and remembered
//! passwords by itself, and what it has sent has been done.

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request};

use super::WebOrigin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether a page of somebody else has sent this. `listed` are the origins that may; `is_page` says that the path is one of
/// our own pages, which anybody may link to.
pub(super) fn is_cross_site<B>(request: &Request<B>, listed: &[WebOrigin], is_page: bool) -> bool {
    let headers = request.headers();
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => {
            let origin = origin.to_str().ok().and_then(WebOrigin::parse);
            !origin.is_some_and(|origin| listed.contains(&origin) || is_at_host(&origin, request))
        }
        (Some(_), Some(_)) => true,
        // Browsers leave it out where a page merely links or embeds. Whoever is no browser says neither.
        (None, _) => {
            let foreign = matches!(text(headers, &SEC_FETCH_SITE), Some("cross-site" | "same-site"));
            let reads = matches!(*request.method(), Method::GET | Method::HEAD);
            let navigates = reads && text(headers, &SEC_FETCH_MODE) == Some("navigate");
            foreign && !(is_page && navigates)
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
        is_cross_site(&request.body(()).unwrap(), listed, is_page)
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
        assert!(is_cross_site(&no_host, &listed, false));
        let two_hosts = [("origin", "https://auth.example"), ("host", "auth.example")];
        assert!(refused(&listed, false, "POST", &two_hosts));
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
