//! For services that accept Countersign's tokens.
//!
//! - `verifier` owns checking tokens offline, and hearing of keys and revocations.
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `refusal` owns why a token is not accepted.
//! - `pb` owns the messages on the wire.

mod caller;
mod pb;
mod refusal;
mod verifier;

pub use caller::Caller;
pub use countersign_verify::{Claims, Defect, Incarnation, KeyId, TrustPosition};
pub use refusal::Refusal;
pub use verifier::{Verifier, VerifierStatus, WhenStale};
