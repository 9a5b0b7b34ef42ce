//! What a body says that it is.

use http::HeaderValue;

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a content type is this one, whatever its parameters.
pub(super) fn is(content_type: &HeaderValue, wanted: &str) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}
