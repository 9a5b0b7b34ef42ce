//! The REST surface of the Flask application that this service grew from, for clients that were written for it. Each of
//! its calls is a call of the API at the same door; only what it looks like is the old application's.

mod answers;
mod asked;
mod described;
mod older_api;

pub(super) use described::paths;
pub(super) use older_api::OlderApi;
