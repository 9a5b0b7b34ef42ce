//! TLS on the service's own port.

mod client_certificates;
mod clients;
mod commands;
mod databases;
mod handshakes;
mod kit;
mod protocol;
mod reload;

pub use kit::{put, self_signed};
