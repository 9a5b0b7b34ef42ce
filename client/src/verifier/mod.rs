//! Checking tokens offline, with the keys and revocations that Countersign sends.
//!
//! - `handle` owns what a service holds: [`Verifier`].
//! - `knowledge` owns the decision on a token, from what is known at that moment, and who is told when that changes.
//! - `token_cache` owns the tokens that were verified before.
//! - `when_stale` owns what to do when what is known is too old.
//! - `status` owns what people are told about a verifier.
//! - `clock` owns where its time comes from.

mod clock;
mod handle;
mod knowledge;
mod status;
#[cfg(test)]
mod test_trust;
#[cfg(test)]
mod tests;
mod token_cache;
mod when_stale;

pub use clock::Clock;
pub use handle::Verifier;
pub use status::VerifierStatus;
#[cfg(test)]
pub(crate) use test_trust::TestTrust;
pub use when_stale::WhenStale;
