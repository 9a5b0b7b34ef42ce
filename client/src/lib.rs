//! For services that accept Countersign's tokens.
//!
//! - `caller` owns what an accepted token says, as a value that stands for permission.
//! - `endpoint` owns where a server is and how it is connected to; `roots` whose certificates are believed for it.
//! - `refusal` owns why a token is not accepted.
//! - `token_source` owns tokens for a service's own calls: signing in, refreshing, signing out.
//! - `pb` owns the messages on the wire.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod caller;
mod endpoint;
mod pb;
mod refusal;
#[cfg(feature = "tls")]
mod roots;
mod token_source;

pub use caller::Caller;
pub use endpoint::{EndpointError, ServerEndpoint};
pub use refusal::Refusal;
pub use token_source::{
    SavedSession, SessionFile, SessionStore, StartError, Token, TokenError, TokenInterceptor, TokenSource,
    TokenSourceBuilder,
};
