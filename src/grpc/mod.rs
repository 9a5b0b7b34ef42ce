//! gRPC: the door that every call enters once, the services behind it, and the one place where errors become statuses.

mod admin_service;
mod auth_service;
mod authorization;
mod call;
mod convert;
mod door;
mod health;
mod methods;
pub mod refresh_cookie;
mod refusal;
mod request_id;
mod services;
mod status;
mod stream_body;
mod stream_limit;
mod trust_service;
mod watch_stream;

pub use call::SessionEndsWithToken;
pub use door::{Door, DoorParts};
pub use health::Health;
pub use methods::{Methods, MethodsConfig, MethodsError};
pub use request_id::RequestIds;
pub use services::{Services, ServicesError};
