//! What a body says that it is.

use http::HeaderValue;

/// The media type that a `content-type` names, without its parameters; empty if it says nothing that can be read.
#[must_use]
pub fn media_type(content_type: Option<&HeaderValue>) -> &str {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}
