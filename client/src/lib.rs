//! For services that accept Countersign's tokens.
//!
//! - `verifier` owns checking tokens offline, and hearing of keys and revocations.
//! - `layer` owns how requests to tonic and axum servers are let in or refused.
//! - `stream_guard` owns how a stream ends with its caller's token.
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `endpoint` owns where a server is and how it is connected to; `roots` whose certificates are believed for it.
//! - `refusal` owns why a token is not accepted, `answer` how that looks on the wire.
//! - `token_source` owns tokens for a service's own calls: signing in, refreshing, signing out.
//! - `pb` owns the messages on the wire.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod answer;
mod caller;
mod endpoint;
mod layer;
mod pb;
mod refusal;
#[cfg(feature = "tls")]
mod roots;
mod stream_guard;
mod token_source;
mod verifier;

pub use caller::Caller;
pub use countersign_verify::{AccessError, AccessTable, Claims, Defect, Incarnation, KeyId, TrustPosition};
pub use endpoint::{EndpointError, ServerEndpoint};
pub use layer::{AuthLayer, AuthService, ResponseFuture, RulesError};
pub use refusal::Refusal;
pub use stream_guard::{StreamExtender, StreamGuard};
pub use token_source::{
    SavedSession, SessionFile, SessionStore, StartError, Token, TokenError, TokenInterceptor, TokenSource,
    TokenSourceBuilder,
};
#[doc(hidden)]
pub use verifier::Clock;
pub use verifier::{Verifier, VerifierBuilder, VerifierError, VerifierStatus, WhenStale};
