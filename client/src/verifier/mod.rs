//! Checking tokens offline, with the keys and revocations that Countersign sends.
//!
//! - `handle` owns what a service holds: [`Verifier`]; `builder` how it is made.
//! - `knowledge` owns the decision on a token, from what is known at that moment, and who is told when that changes.
//! - `token_cache` owns the tokens that were verified before.
//! - `when_stale` owns what to do when what is known is too old; `asker` how the server is asked then.
//! - `connection` owns the stream that brings what is known; `wire` what its messages mean, `backoff` when it is tried again,
//!   `credentials` and `instance` who the server is told that this is, `randomness` the numbers in it.
//! - `progress` owns how the connection is doing, for those who wait for it.
//! - `status` owns what people are told about a verifier.
//! - `clock` owns where its time comes from.

mod asker;
mod backoff;
mod builder;
mod clock;
mod connection;
mod credentials;
mod handle;
mod instance;
mod knowledge;
mod progress;
mod randomness;
mod status;
#[cfg(test)]
mod test_trust;
#[cfg(test)]
mod tests;
mod token_cache;
mod when_stale;
mod wire;

pub use builder::{VerifierBuilder, VerifierError};
pub use clock::Clock;
pub use handle::Verifier;
pub use status::VerifierStatus;
#[cfg(test)]
pub(crate) use test_trust::TestTrust;
pub use when_stale::WhenStale;
