//! What may be kept: an answer that says for how long, and is nobody's.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost_reflect::DynamicMessage;
use tonic::body::Body;

use super::answer;

/// The field in which such an answer says it.
const MAX_AGE: &str = "max_age";

/// For how many seconds a message may be kept; `None` if it does not say so.
pub(super) fn max_age(message: &DynamicMessage) -> Option<i64> {
    let value = message.get_field_by_name(MAX_AGE)?;
    value.as_message()?.get_field_by_name("seconds")?.as_i64()
}

/// An answer that anybody may keep for `max_age` seconds; no more than its name for who has it already.
pub(super) fn cacheable(
    request: &HeaderMap,
    headers: HeaderMap,
    json: impl Into<Bytes>,
    max_age: i64,
) -> Response<Body> {
    let json = json.into();
    let tag = format!("\"{:016x}\"", fingerprint(&json));
    let mut response = if knows(request, &tag) {
        answer::empty(headers, StatusCode::NOT_MODIFIED)
    } else {
        answer::json(headers, StatusCode::OK, json)
    };
    let headers = response.headers_mut();
    if let (Ok(tag), Ok(control)) =
        (HeaderValue::try_from(tag), HeaderValue::try_from(format!("public, max-age={max_age}")))
    {
        headers.insert(ETAG, tag);
        headers.insert(CACHE_CONTROL, control);
    }
    response
}

/// Whether who asks has the version of this name already.
pub fn knows(request: &HeaderMap, tag: &str) -> bool {
    let listed = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|value| value.split(','));
    // A cache on the way may have made it a weak one by compressing it.
    tags.any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag)
}

/// FNV-1a. It tells one version of a text of ours from the next; nobody else chooses any of it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
