//! For services that accept Countersign's tokens.
//!
//! - `verifier` owns checking tokens offline, and hearing of keys and revocations.
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `endpoint` owns where a server is and how it is connected to; `roots` whose certificates are believed for it.
//! - `refusal` owns why a token is not accepted, `answer` how that looks on the wire.
//! - `pb` owns the messages on the wire.

mod answer;
mod caller;
mod endpoint;
mod pb;
mod refusal;
#[cfg(feature = "tls")]
mod roots;
mod verifier;

pub use caller::Caller;
pub use countersign_verify::{Claims, Defect, Incarnation, KeyId, TrustPosition};
pub use endpoint::{EndpointError, ServerEndpoint};
pub use refusal::Refusal;
#[doc(hidden)]
pub use verifier::Clock;
pub use verifier::{Verifier, VerifierBuilder, VerifierError, VerifierStatus, WhenStale};
