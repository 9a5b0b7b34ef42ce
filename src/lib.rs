//! Countersign: an authentication service over gRPC, whose tokens any service verifies offline.

pub mod domain;
