//! JSON over HTTP. A transcoder in front of the door: each request becomes the gRPC call of the same method, by the same
//! peer, so that limits, access rules, deadlines and request ids are the same on every wire. What paths there are is read
//! from the descriptor set. `older` is the surface of the application that this service grew from.

mod answer;
mod api;
mod caching;
mod door_call;
mod field;
mod message;
mod older;
mod openapi;
mod percent;
mod plain_http;
mod problem;
mod query;
mod refusal;
mod request_body;
mod route;
mod routes;
mod schema;
mod spelling;
mod template;

pub use caching::knows;
pub use plain_http::Rest;
pub use problem::Problem;
pub use schema::SchemaError;
