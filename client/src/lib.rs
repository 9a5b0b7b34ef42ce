//! For services that accept Countersign's tokens.
//!
//! - `answer` owns how a refusal looks on the wire.
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `refusal` owns why a token is not accepted.
//! - `pb` owns the messages on the wire.

mod answer;
mod caller;
mod pb;
mod refusal;

pub use caller::Caller;
pub use refusal::Refusal;
