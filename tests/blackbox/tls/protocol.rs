//! What is agreed on at the handshake.

use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, HandshakeKind, ProtocolVersion, version};

use super::kit::{Authority, Site, Wish, begin_http2, serve};
use crate::harness::{run, tool};

#[tokio::test]
async fn http2_comes_before_http1_and_nothing_else_is_spoken() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let agreed = async |alpn: &[&[u8]]| {
        let stream = Wish { alpn, ..Wish::believing(&authority) }.connect(server.address).await.ok()?;
        Some(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(agreed(&[b"h2"]).await, Some(Some(b"h2".to_vec())));
    assert_eq!(agreed(&[b"http/1.1", b"h2"]).await, Some(Some(b"h2".to_vec())), "ours is the order");
    assert_eq!(agreed(&[b"http/1.1"]).await, Some(Some(b"http/1.1".to_vec())));
    assert_eq!(agreed(&[]).await, Some(None), "who does not ask is told nothing, and served");
    assert_eq!(agreed(&[b"h3"]).await, None);
}

/// The certificate has answered for the name, whatever else listens on this machine's own addresses; for a plaintext page of
/// that name nobody has.
#[tokio::test]
async fn a_page_under_the_certificates_name_is_ours_if_it_came_encrypted() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let wish = Wish { alpn: &[b"http/1.1"], ..Wish::believing(&authority) };
    for (origin, expected) in [("https://auth.test", "200"), ("http://auth.test", "403")] {
        let mut stream = wish.connect(server.address).await.unwrap();
        let ask = format!(
            "GET /v1/keys HTTP/1.1\r\nhost: auth.test\r\norigin: {origin}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{origin}: {answer}");
    }
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    for (version, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let versions = [version];
        let wish = Wish { versions: &versions, ..Wish::believing(&authority) };
        let stream = wish.connect(server.address).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        assert!(wish.is_let_in(server.address).await);
    }
}

/// rustls speaks nothing older; OpenSSL still does when it is told to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_1_1_is_refused() {
    let Some(openssl) = tool("openssl") else { return };
    let site = Site::new(&Authority::new("ours").of_server());
    let server = serve(site.config()).await;
    let said = |version: &str| {
        let mut command = Command::new(&openssl);
        command.args(["s_client", version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        let output = run(command.arg("-connect").arg(server.address.to_string()), "");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let allowed = said("-tls1_2");
    assert!(!allowed.contains("Cipher is (NONE)") && allowed.contains("TLSv1.2"), "{allowed}");
    for version in ["-tls1_1", "-tls1"] {
        let said = said(version);
        assert!(
            said.contains("New, (NONE), Cipher is (NONE)") && said.contains("SSL alert number"),
            "{said}"
        );
    }
}

/// What is sent before the handshake could be sent again by anybody who has seen it.
#[tokio::test]
async fn a_session_is_resumed_without_early_data() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let mut config = Wish::believing(&authority).config();
    config.enable_early_data = true;
    let (config, name) = (Arc::new(config), ServerName::try_from("127.0.0.1").unwrap());
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let unsent = ClientConnection::new(Arc::clone(&config), name.clone()).unwrap().early_data().is_none();
        assert!(unsent, "the server's ticket allows none");
        let stream = TcpStream::connect(server.address).await.unwrap();
        let mut stream = TlsConnector::from(Arc::clone(&config)).connect(name.clone(), stream).await.unwrap();
        // Tickets come before the first answer.
        begin_http2(&mut stream).await.unwrap();
        kinds.push(stream.get_ref().1.handshake_kind());
    }
    assert_eq!(kinds, [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)]);
}
