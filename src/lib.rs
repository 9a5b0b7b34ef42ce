//! Countersign: an authentication service over gRPC.

pub mod domain;
pub mod store;
