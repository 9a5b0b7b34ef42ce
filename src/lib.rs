//! Countersign: an authentication service over gRPC, whose tokens any service verifies offline and which still die when
//! they are revoked. The modules are floors: each uses only those below it.

// 5: settings and their names, assembling and running, log setup, commands.
pub mod cli;
pub mod config;
pub mod server;
pub mod telemetry;

// 4: from the socket to the use cases, and back.
pub mod grpc;
pub mod rest;
pub mod transport;
pub mod web;

// 3: the use cases.
pub mod auth;

// 2: cryptography and the database; neither knows the other.
pub mod crypto;
pub mod store;

// 1: pure rules on values.
pub mod domain;

// 0: generated from `proto/`; for grpc, and for the commands, which are clients.
pub mod pb;
