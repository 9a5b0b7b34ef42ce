//! JSON over HTTP, on HTTP/1.1 and HTTP/2.

mod ask;
mod caching;
mod calls;
mod older;
mod refusals;
mod requests;
mod verbs;
