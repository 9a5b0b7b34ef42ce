//! Clients that speak plaintext where TLS is spoken are told so, each in its own protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How a client of HTTP/2 begins (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What any other client is told, which is most likely one of HTTP/1.
const HTTP1_REFUSAL: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 35\r\n\
    x-content-type-options: nosniff\r\nconnection: close\r\n\r\nThis port speaks TLS: use https://\n";

/// An empty SETTINGS, and GOAWAY with the error INADEQUATE_SECURITY (RFC 9113, sections 6.8 and 7) and a text.
const HTTP2_REFUSAL: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x1c\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0cthis port speaks TLS";

/// How long a client may take to read what it was told.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);

/// What is read and thrown away of a client that was told to go.
const MAX_IGNORED: usize = 64 << 10;

/// Tells a client that this port speaks TLS.
pub(super) async fn refuse(mut stream: TcpStream) -> Option<TcpStream> {
    let mut said = [0; HTTP2_PREFACE.len()];
    let length = stream.peek(&mut said).await.ok()?;
    // Clients send their preface in one piece; of one that does not, these letters are enough to tell it by.
    let speaks_http2 = length > 2 && HTTP2_PREFACE.starts_with(&said[..length]);
    stream.write_all(if speaks_http2 { HTTP2_REFUSAL } else { HTTP1_REFUSAL }).await.ok()?;
    Some(stream)
}

/// Closes a connection whose client has still to read why. If what it has sent meanwhile were left unread, the system would
/// reset the connection, and throw away what is on its way to the client.
pub(super) async fn take_leave(mut stream: TcpStream) {
    let leave = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let (mut rest, mut ignored) = ([0; 1024], 0);
        while let Ok(length @ 1..) = stream.read(&mut rest).await {
            ignored += length;
            if ignored > MAX_IGNORED {
                return;
            }
        }
    };
    let _late = timeout(LEAVING_PATIENCE, leave).await;
}
