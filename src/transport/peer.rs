//! Who is at the other end of a connection. One typed value travels from accept to handler, on every wire.

use std::net::SocketAddr;
use std::sync::Arc;

use super::ClientCertificate;
use crate::domain::Network;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The connection's number since the start, for logs.
    pub connection: u64,
    /// Whether it came to a listener that only this machine reaches.
    pub on_loopback: bool,
    /// Whether it speaks TLS to this process itself.
    pub encrypted: bool,
    /// Whether it has our pages over HTTPS: it speaks TLS to this process, or a trusted proxy says that it does to that.
    pub https: bool,
    /// What it has proven to be in the TLS handshake, if it has shown a certificate. Behind a proxy, that is the proxy's.
    pub certificate: Option<Arc<ClientCertificate>>,
}

impl Peer {
    /// One that speaks plaintext.
    #[must_use]
    pub fn plain(address: SocketAddr, connection: u64, on_loopback: bool) -> Self {
        Self { address, connection, on_loopback, encrypted: false, https: false, certificate: None }
    }

    /// The network that the peer's limits are counted by.
    #[must_use]
    pub fn network(&self) -> Network {
        Network::of(self.address.ip())
    }
}
