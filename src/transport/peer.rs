//! Who is at the other end of a connection. One typed value travels from accept to handler, on every wire.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::ClientCertificate;

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

/// What limits are counted by: an IPv4 address, or an IPv6 /64, of which one host has all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

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

impl Network {
    /// The network of an address. An IPv4 address in IPv6 clothes is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                let s = v6.segments();
                Self(IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0)))
            }
            other => Self(other),
        }
    }

    /// Whether this is the machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.is_loopback()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn one_host_is_one_network() {
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert!(network("::1").is_loopback() && network("127.0.0.9").is_loopback());
    }
}
