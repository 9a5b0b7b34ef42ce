//! The pages that are in the binary: what `web/` builds, found by path. They ask nothing of anybody and load nothing from
//! elsewhere.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use tonic::body::Body;

use crate::rest;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// A page may load what comes from here and talk to here; nothing in it runs or is styled that is not a file of ours, and
/// nobody may frame it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
);
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What can be asked of a page.
pub(super) const VERBS: &str = "GET, HEAD, OPTIONS";

/// A file of a page.
#[derive(Debug)]
pub(super) struct Page {
    /// The paths that it has, the one that people use first.
    paths: &'static [&'static str],
    content_type: &'static str,
    bytes: &'static [u8],
    /// A hash of the bytes, quoted.
    etag: &'static str,
    /// Whether its name changes when it does.
    immutable: bool,
}

/// The file at a path.
pub(super) fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.paths.contains(&path))
}

impl Page {
    /// The answer to a request for it; `None` to one of another verb than [`VERBS`].
    pub(super) fn answer(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Body>> {
        let mut response = match *method {
            Method::GET | Method::HEAD if rest::knows(headers, self.etag) => status(StatusCode::NOT_MODIFIED),
            Method::GET => self.whole(),
            Method::HEAD => self.whole().map(|_| Body::empty()),
            Method::OPTIONS => verbs(),
            _ => return None,
        };
        let headers = response.headers_mut();
        let keep = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(ETAG, HeaderValue::from_static(self.etag));
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        Some(response)
    }

    fn whole(&self) -> Response<Body> {
        let mut response = Response::new(Body::new(Full::from(self.bytes)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // The answer to HEAD has it too, and no body to take it from.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.bytes.len()));
        response
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn verbs() -> Response<Body> {
    let mut response = status(StatusCode::NO_CONTENT);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(VERBS));
    response
}
