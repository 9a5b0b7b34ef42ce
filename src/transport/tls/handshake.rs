//! The handshake, in the connection's own task: how long it may take, how many there are at once, and who comes out of it.
//!
//! Before its end the client is a stranger whose half-sent message is kept, up to 64 KiB of it, and for whom something is
//! signed. So handshakes are counted like calls, and few of them are read at a time; the others wait without a byte being read.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{ClientCertificate, Tls, plaintext};
use crate::transport::{Peer, PeerLimit};

/// How long a handshake may take, the wait for its turn included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at once, of everybody: with what is kept of each, as much memory as of messages on their way in.
const MAX_HANDSHAKES: usize = 2_048;
/// The same of one network.
const MAX_HANDSHAKES_PER_NETWORK: usize = 256;

/// What a TLS record of a handshake begins with (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Makes the handshakes of a listener.
pub(in crate::transport) struct Handshakes {
    tls: Tls,
    peer_limit: Arc<PeerLimit>,
    places: Semaphore,
}

/// The handshakes that one network may have at once.
pub(in crate::transport) struct HandshakeShare(Semaphore);

impl Default for HandshakeShare {
    fn default() -> Self {
        Self(Semaphore::new(MAX_HANDSHAKES_PER_NETWORK))
    }
}

/// What came of a connection.
enum Outcome {
    Encrypted(Box<TlsStream<TcpStream>>),
    /// It has been told why not, as far as it can be told.
    Refused(TcpStream),
    /// It was none.
    Plaintext(TcpStream),
}

impl Handshakes {
    pub(in crate::transport) fn new(tls: Tls, peer_limit: Arc<PeerLimit>) -> Self {
        Self { tls, peer_limit, places: Semaphore::new(MAX_HANDSHAKES) }
    }

    /// The encrypted connection, and the certificate that the client has shown; `None` if there is nothing to serve.
    pub(in crate::transport) async fn shake_hands(
        &self,
        stream: TcpStream,
        peer: &Peer,
        share: &HandshakeShare,
    ) -> Option<(TlsStream<TcpStream>, Option<Arc<ClientCertificate>>)> {
        let connection = peer.connection;
        if self.peer_limit.admit(peer.network()).is_err() {
            tracing::debug!(connection, "a connection was refused: its network makes too many handshakes");
            return None;
        }
        match timeout(PATIENCE, self.negotiate(stream, share, connection)).await {
            Ok(Some(Outcome::Encrypted(stream))) => {
                let certificate = certificate(&stream, connection)?;
                Some((*stream, certificate))
            }
            Ok(Some(Outcome::Refused(stream))) => {
                plaintext::take_leave(stream).await;
                None
            }
            Ok(Some(Outcome::Plaintext(stream))) => {
                tracing::debug!(connection, "a client speaks plaintext where TLS is spoken");
                plaintext::refuse(stream).await;
                None
            }
            Ok(None) => None,
            Err(_) => {
                tracing::debug!(connection, "a TLS handshake took too long");
                None
            }
        }
    }

    async fn negotiate(&self, stream: TcpStream, share: &HandshakeShare, connection: u64) -> Option<Outcome> {
        let _of_network = share.0.acquire().await.ok()?;
        let _of_all = self.places.acquire().await.ok()?;
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        if first != [HANDSHAKE_RECORD] {
            return Some(Outcome::Plaintext(stream));
        }
        match TlsAcceptor::from(self.tls.current()).accept(stream).into_fallible().await {
            Ok(stream) => Some(Outcome::Encrypted(Box::new(stream))),
            Err((error, stream)) => {
                tracing::debug!(connection, %error, "a TLS handshake failed");
                Some(Outcome::Refused(stream))
            }
        }
    }
}

/// Who the client has proven to be: `Some(None)` for nobody. One whose certificate was verified and cannot be read would be
/// taken for one that has none.
fn certificate(stream: &TlsStream<TcpStream>, connection: u64) -> Option<Option<Arc<ClientCertificate>>> {
    let (_, state) = stream.get_ref();
    let Some(shown) = state.peer_certificates().and_then(|chain| chain.first()) else { return Some(None) };
    match ClientCertificate::read(shown) {
        Ok(certificate) => Some(Some(Arc::new(certificate))),
        Err(error) => {
            tracing::debug!(connection, %error, "a client certificate cannot be read");
            None
        }
    }
}
