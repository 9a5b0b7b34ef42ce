//! What a body says that it is.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// The one header `content-type`. Of several, who reads on might take another one than who has looked at it before: `None`.
#[must_use]
pub fn content_type(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The media type that a `content-type` names, without its parameters; empty if it says nothing that can be read.
#[must_use]
pub fn media_type(content_type: Option<&HeaderValue>) -> &str {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}
