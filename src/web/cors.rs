//! What a browser is told about pages of other origins that are listed: that they may call, with which headers, and what of
//! an answer they may read.

use std::time::Duration;

use http::{HeaderName, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::WebOrigin;

/// How long a browser may go by what it was told; Chromium keeps nothing for longer than two hours.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// What pages may read beside what every page may.
const EXPOSED: [HeaderName; 8] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    HeaderName::from_static("x-request-id"),
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];

/// The layer that says so; `None` if no origin is listed. Credentials that a browser keeps are never asked for: a listed page
/// brings a token.
pub(super) fn layer(listed: &[WebOrigin]) -> Option<CorsLayer> {
    let origins: Vec<_> = listed.iter().filter_map(WebOrigin::to_header).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
            // Metadata of gRPC are headers of any name.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(MAX_AGE)
    })
}
