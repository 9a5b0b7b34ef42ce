//! For services that accept Countersign's tokens.
//!
//! - `answer` owns how a refusal looks on the wire.
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `endpoint` owns where a server is and how it is connected to; `roots` whose certificates are believed for it.
//! - `refusal` owns why a token is not accepted.
//! - `pb` owns the messages on the wire.

mod answer;
mod caller;
mod endpoint;
mod pb;
mod refusal;
#[cfg(feature = "tls")]
mod roots;

pub use caller::Caller;
pub use endpoint::{EndpointError, ServerEndpoint};
pub use refusal::Refusal;
