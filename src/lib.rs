//! Countersign: an authentication service over gRPC.

pub mod crypto;
pub mod domain;
pub mod store;
