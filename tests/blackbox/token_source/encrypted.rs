//! A source whose server is behind TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{ServerEndpoint, TokenError, TokenSource};
use rcgen::{CertifiedKey, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::kit::{Kit, PATIENCE};
use crate::harness::PASSWORD;

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Takes TLS off what comes and passes it on to the server. Where it listens.
async fn terminate(server: SocketAddr, certificate: &CertifiedKey<KeyPair>) -> SocketAddr {
    let key = PrivateKeyDer::Pkcs8(certificate.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.cert.der().clone()], key).unwrap();
    config.alpn_protocols.push(b"h2".to_vec());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(server).await.unwrap();
                // How a connection ends is between its ends.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

async fn source(address: SocketAddr, believed: &str, patience: Duration) -> TokenSource {
    let server = ServerEndpoint::parse(&format!("https://localhost:{}", address.port())).unwrap();
    let server = server.ca_certificate(believed.as_bytes()).unwrap();
    TokenSource::builder(server).password("alice", PASSWORD).patience(patience).start().await.unwrap()
}

#[tokio::test]
async fn a_source_signs_in_where_the_certificate_is_vouched_for() {
    let kit = Kit::start().await;
    let certificate = certificate();
    let address = terminate(kit.server.address, &certificate).await;
    let source = source(address, &certificate.cert.pem(), PATIENCE).await;
    kit.greet(&source).await.unwrap();
}

#[tokio::test]
async fn nobody_else_gets_the_password() {
    let kit = Kit::start().await;
    let address = terminate(kit.server.address, &certificate()).await;
    let source = source(address, &certificate().cert.pem(), Duration::from_millis(500)).await;
    let refused = source.token().await.unwrap_err();
    assert!(matches!(refused, TokenError::Unavailable(_)), "{refused:?}");
    assert_eq!(kit.sessions().await, 0);
}
