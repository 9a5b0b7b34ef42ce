//! JSON over HTTP, on HTTP/1.1 and HTTP/2.

mod ask;
mod caching;
mod calls;
mod older;
mod openapi;
mod refusals;
mod requests;
mod schema;
mod verbs;
