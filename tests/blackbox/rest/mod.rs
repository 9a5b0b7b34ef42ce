//! JSON over HTTP, on HTTP/1.1 and HTTP/2.

mod ask;
mod caching;
mod calls;
mod fuzz;
mod logs;
mod older;
mod openapi;
mod parity;
mod refusals;
mod requests;
mod schema;
mod verbs;
mod wires;

pub use ask::{Ask, refused_field};
pub use schema::Schema;
