//! Connections that are no TLS, and handshakes that never end. The bound is real time (10 s); the tests wait for the server's
//! reaction, and give up after a minute.

use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use countersign::transport::PeerLimitConfig;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tonic::Code;

use super::kit::{Authority, Site, Wish, serve};
use crate::harness::{Credentials, HttpVersion, PASSWORD, TestServer, http_exchange, run, tool};

const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of a record with the beginning of a ClientHello, of 65,000 bytes.
const HALF_A_HELLO: [u8; 11] = [22, 3, 1, 64, 0, 1, 0, 253, 232, 3, 3];

/// Connects and says this; nothing is answered before the connection's end.
async fn say(server: &TestServer, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream
}

async fn end(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // Closed in an orderly way or reset: both are an end.
    let _reset = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection was kept");
    rest
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let silent = [say(&server, b"").await, say(&server, &[22]).await, say(&server, &HALF_A_HELLO).await];
    // One that has shaken hands, and then asks nothing.
    let mut idle = Wish::believing(&authority).connect(server.address).await.unwrap();
    for stream in silent {
        end(stream).await;
    }
    let mut rest = Vec::new();
    let _reset = timeout(PATIENCE, idle.read_to_end(&mut rest)).await.expect("the connection was kept");
}

#[tokio::test]
async fn a_flood_of_handshakes_waits_among_itself_and_holds_up_nobody_else() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let wish = Wish::believing(&authority);
    let mut flood = Vec::new();
    for _ in 0..300 {
        flood.push(say(&server, &HALF_A_HELLO).await);
    }
    // From another network.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let elsewhere = timeout(PATIENCE, wish.connect_on(stream));
    tokio::select! {
        biased;
        let_in = elsewhere => { let_in.unwrap().unwrap(); }
        _ = end(flood.swap_remove(0)) => panic!("it had to wait for the flood's end"),
    }
    // From the network of the flood: as many are looked at as may be, and none of them is this one.
    tokio::select! {
        biased;
        _ = end(flood.swap_remove(1)) => {}
        let_in = wish.connect(server.address) => panic!("it did not have to wait: {:?}", let_in.is_ok()),
    }
    while !wish.is_let_in(server.address).await {}
}

#[tokio::test]
async fn a_handshake_counts_as_a_call_of_its_network() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = TestServer::start_with(|config| {
        config.tls = Some(site.config());
        config.peer_limit = PeerLimitConfig { calls_per_second: NonZeroU32::new(1), spare_loopback: false };
    })
    .await;
    let wish = Wish::believing(&authority);
    wish.connect(server.address).await.unwrap();
    assert!(wish.connect(server.address).await.is_err());
    while wish.connect(server.address).await.is_err() {}
}

#[tokio::test]
async fn plaintext_is_told_that_tls_is_spoken_in_its_own_protocol() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let request =
        [b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n".as_slice(), &[b'x'; 9000]].concat();
    let told = String::from_utf8(end(say(&server, &request).await).await).unwrap();
    assert!(
        told.starts_with("HTTP/1.1 400 ") && told.ends_with("\r\n\r\nThis port speaks TLS: use https://\n"),
        "{told}"
    );
    let body = told.split("\r\n\r\n").nth(1).unwrap();
    assert!(told.contains(&format!("content-length: {}\r\n", body.len())), "{told}");

    // One that asks nothing is not waited for.
    end(say(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await).await;
    let ask = Request::post("/v1/tokens").body(Full::new(Bytes::from(vec![b'x'; 30_000]))).unwrap();
    let told = http_exchange(server.address, HttpVersion::Two, ask).await;
    assert_eq!((told.status.as_u16(), &*told.body), (400, &b"This port speaks TLS: use https://\n"[..]));
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let client = crate::harness::Client::new(endpoint.connect_lazy());
    let status = client.greet_raw(Credentials::None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "this port speaks TLS"));

    Wish::believing(&authority).connect(server.address).await.unwrap();
}

#[tokio::test]
async fn programs_that_speak_plaintext_show_the_sentence() {
    let authority = Authority::new("ours");
    let site = Site::new(&authority.of_server());
    let server = serve(site.config()).await;
    let (address, url) = (server.address.to_string(), format!("http://{}/v1/tokens", server.address));
    for (name, arguments) in [
        ("grpcurl", &["-plaintext", &*address, "list"][..]),
        ("grpcurl", &["-plaintext", "-max-time", "20", &*address, "auth.v1.AuthService/Greet"]),
        ("curl", &["-sS", "--http2-prior-knowledge", &*url]),
        ("curl", &["-sS", "--http2-prior-knowledge", "--data-binary", "@-", &*url]),
        ("curl", &["-sS", &*url]),
    ] {
        let Some(program) = tool(name) else { continue };
        let mut command = Command::new(program);
        command.args(arguments);
        let output =
            tokio::task::spawn_blocking(move || run(&mut command, &"x".repeat(30_000))).await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        assert!(said.contains("this port speaks tls"), "{name} {arguments:?}: {said}");
    }
}

#[tokio::test]
async fn tls_where_plaintext_is_spoken_confuses_nobody() {
    let server = TestServer::start().await;
    let client = server.client().await;
    client.create_user("alice", PASSWORD).await.unwrap();
    assert!(Wish::believing(&Authority::new("anybody")).connect(server.address).await.is_err());
    client.greet(Credentials::Basic("alice", PASSWORD)).await.unwrap();
}
