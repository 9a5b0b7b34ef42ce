//! The accept loop: how many connections there are, and how they end. Owns no protocol.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{self, Served};
use super::drain::{Drain, Stop};
use super::forwarded::Proxy;
use super::handler::Handler;
use super::shares::{Share, Shares};
use super::tls::{HandshakeShare, Handshakes};
use super::{Peer, PeerLimit, Tls, TrustedProxies};
use crate::domain::Network;

/// Connections at once, of everybody.
const MAX_CONNECTIONS: usize = 10_000;
/// Connections at once of one network. They count by the socket's address, a proxy's too: whose calls one will bring is not
/// known when it is accepted.
const MAX_CONNECTIONS_PER_NETWORK: usize = 2_048;
/// How long accepting rests when the process is out of file descriptors: one of them has to be closed first, and asking
/// again at once would take a whole core to be told the same.
const REST_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);

/// How long data may wait for a peer to take it, in milliseconds.
#[cfg(target_os = "linux")]
const UNSENT_PATIENCE_MILLIS: u32 = 20_000;

/// A bound socket, not yet served.
pub struct Listener {
    socket: TcpListener,
    handshakes: Option<Arc<Handshakes>>,
    proxies: TrustedProxies,
}

impl Listener {
    /// Takes over a bound socket.
    #[must_use]
    pub fn new(socket: TcpListener) -> Self {
        Self { socket, handshakes: None, proxies: TrustedProxies::default() }
    }

    /// Speaks TLS and nothing else. A handshake counts as a call of its network.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls, peer_limit: Arc<PeerLimit>) -> Self {
        self.handshakes = Some(Arc::new(Handshakes::new(tls, peer_limit)));
        self
    }

    /// Believes `proxies` whose calls they bring.
    #[must_use]
    pub fn believing(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Serves connections until `shutdown`, then lets running calls finish within the drain's patience.
    pub async fn serve<H: Handler>(self, handler: H, shutdown: CancellationToken, drain: Drain) {
        let stop = Stop::default();
        let connections = TaskTracker::new();
        tokio::select! {
            () = self.accept(&handler, &connections, &stop) => {}
            () = shutdown.cancelled() => {}
        }
        drop(self);
        connections.close();
        stop.soft.cancel();
        if tokio::time::timeout(drain.patience, connections.wait()).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "some calls did not finish in time and are cut off"
            );
            stop.hard.cancel();
            connections.wait().await;
        }
    }

    async fn accept<H: Handler>(&self, handler: &H, connections: &TaskTracker, stop: &Stop) {
        let protocol = Arc::new(connection::protocol());
        let census = Arc::new(Census::default());
        let listening = self.socket.local_addr();
        let on_loopback = listening.is_ok_and(|address| address.ip().to_canonical().is_loopback());
        let mut number = 0;
        loop {
            let (stream, address) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.rest_after(&error).await;
                    continue;
                }
            };
            number += 1;
            let peer = Peer::plain(address, number, on_loopback);
            let Some(place) = Census::enter(&census, peer.network()) else {
                tracing::debug!(%address, "a connection was refused: too many are open");
                continue;
            };
            if let Err(error) = prepare(&stream) {
                tracing::debug!(%error, "a connection was gone before it was served");
                continue;
            }
            let (protocol, handler, stop) = (Arc::clone(&protocol), handler.clone(), stop.clone());
            let proxy = Proxy::at(address.ip(), &self.proxies, &census.shares);
            let served = Served { handler, share: Arc::clone(&place.share), proxy };
            match self.handshakes.clone() {
                None => connections.spawn(async move {
                    connection::serve(stream, peer, &protocol, served, stop).await;
                    drop(place);
                }),
                Some(handshakes) => connections.spawn(async move {
                    let shaken = tokio::select! {
                        shaken = handshakes.shake_hands(stream, &peer, &place.handshakes) => shaken,
                        // No call has begun on it that could be lost.
                        () = stop.soft.cancelled() => None,
                    };
                    if let Some((stream, certificate)) = shaken {
                        let peer = Peer { encrypted: true, https: true, certificate, ..peer };
                        connection::serve(stream, peer, &protocol, served, stop).await;
                    }
                    drop(place);
                }),
            };
        }
    }

    async fn rest_after(&self, error: &io::Error) {
        // Errors of the one connection that was being accepted (accept(2) passes on its network errors).
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        tracing::warn!(%error, "connections cannot be accepted for the moment");
        #[expect(
            clippy::disallowed_methods,
            reason = "the only event to wait for is a descriptor closed anywhere"
        )]
        tokio::time::sleep(REST_AFTER_ACCEPT_ERROR).await;
    }
}

/// Small answers must not wait for the acknowledgement of earlier ones; and a peer that takes nothing for a while is gone,
/// also one that keeps its connection up: what cannot be sent, the pings of HTTP/2 among it, cannot be answered.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(stream, UNSENT_PATIENCE_MILLIS)?;
    stream.set_nodelay(true)
}

/// Counts open connections.
#[derive(Default)]
struct Census {
    counts: Mutex<Counts>,
    shares: Arc<Shares>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_network: HashMap<Network, OfNetwork>,
}

/// What one network has.
#[derive(Default)]
struct OfNetwork {
    connections: usize,
    handshakes: Arc<HandshakeShare>,
}

/// A counted connection; it is counted until this is dropped.
struct Place {
    census: Arc<Census>,
    network: Network,
    share: Arc<Share>,
    handshakes: Arc<HandshakeShare>,
}

impl Census {
    fn enter(census: &Arc<Self>, network: Network) -> Option<Place> {
        let mut counts = census.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_network = counts.by_network.get(&network).map_or(0, |of_network| of_network.connections);
        if counts.all >= MAX_CONNECTIONS || of_network >= MAX_CONNECTIONS_PER_NETWORK {
            return None;
        }
        counts.all += 1;
        let of_network = counts.by_network.entry(network).or_default();
        of_network.connections += 1;
        let (share, handshakes) = (census.shares.of(network), Arc::clone(&of_network.handshakes));
        Some(Place { census: Arc::clone(census), network, share, handshakes })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.census.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Entry::Occupied(mut entry) = counts.by_network.entry(self.network) {
            entry.get_mut().connections -= 1;
            if entry.get().connections == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Network {
        Network::of([192, 0, 2, last].into())
    }

    #[test]
    fn a_network_has_its_share_and_no_more() {
        let census = Arc::new(Census::default());
        let mut places: Vec<_> =
            (0..MAX_CONNECTIONS_PER_NETWORK).map(|_| Census::enter(&census, network(1)).unwrap()).collect();
        assert!(Census::enter(&census, network(1)).is_none());
        assert!(Census::enter(&census, network(2)).is_some());
        places.pop();
        assert!(Census::enter(&census, network(1)).is_some());
    }

    #[test]
    fn all_networks_together_are_bounded_and_forgotten() {
        let census = Arc::new(Census::default());
        let places: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|n| Census::enter(&census, network(u8::try_from(n % 250).unwrap())).unwrap())
            .collect();
        assert!(Census::enter(&census, network(251)).is_none());
        drop(places);
        let counts = census.counts.lock().unwrap();
        assert_eq!((counts.all, counts.by_network.len()), (0, 0));
    }
}
