//! Checking Countersign's tokens and access rules offline. Pure functions of bytes and of a time that the caller
//! gives: no I/O, no async, no clock, no global state, so that any service can embed it.
//!
//! - [`paseto`] owns the framing of a token: text to parts and back, and the bytes that a signature covers.
//! - `key` owns one verification key: its PASERK text, its id, its footer, and the signature check.
//! - `claims` owns what a token says, and its JSON.
//! - `key_set` owns the keys that a verifier trusts, found by a token's footer.
//! - `verifier` owns the decision on a token, and the order of the checks.
//! - `revocations` owns which good tokens have been revoked since.
//! - `trust_frame` owns the shapes in which a verifier is told about keys and revocations.
//! - `trust_view` owns what a verifier knows that is told so, and how fresh it is.
//! - `partial_snapshot` owns what has come of a snapshot before its last part.
//! - `access` owns who may call a method, read from a descriptor set.
//! - `authorization` owns how the header that carries credentials is taken apart.
//! - `json` and `rfc3339` own the strict readings of values on which `claims` stands.

pub mod paseto;

mod access;
mod authorization;
mod claims;
mod json;
mod key;
mod key_set;
mod partial_snapshot;
mod revocations;
mod rfc3339;
mod trust_frame;
mod trust_view;
mod verifier;

#[cfg(test)]
mod vectors;

pub use access::{AccessError, AccessRule, AccessTable, Credentials, MethodRule};
pub use authorization::{Authorization, Scheme, TokenText};
pub use claims::{Claims, ClaimsError};
pub use key::{KeyError, KeyId, PublicKey, footer_for};
pub use key_set::KeySet;
pub use revocations::{Revocation, Revocations, Revoked};
pub use trust_frame::{Incarnation, TrustFrame, TrustPosition, TrustedKey};
pub use trust_view::{Applied, TrustError, TrustView};
pub use verifier::{Defect, TokenError, UnsetError, Verified, Verifier};
