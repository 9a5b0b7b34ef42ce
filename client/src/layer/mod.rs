//! The tower layer that lets only callers in whom a verifier accepts.
//!
//! - `auth_layer` owns what a service configures: [`AuthLayer`].
//! - `auth_service` owns the way of one request through it: [`AuthService`].
//! - `response_future` owns what a request waits for.
//! - `rules` owns which request needs what, and what may be presented for it.
//! - `trace` owns what a log may say of one that was refused.

mod auth_layer;
mod auth_service;
mod response_future;
mod rules;
#[cfg(test)]
mod tests;
mod trace;

pub use auth_layer::AuthLayer;
pub use auth_service::AuthService;
pub use response_future::ResponseFuture;
pub use rules::RulesError;
