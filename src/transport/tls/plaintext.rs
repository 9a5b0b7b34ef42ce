//! Clients that speak plaintext where TLS is spoken are told so, each in its own protocol.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;

use crate::transport::{connection, media_type};

/// How a client of HTTP/2 begins (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// What any other client is told, which is most likely one of HTTP/1.
const HTTP1_REFUSAL: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 35\r\n\
    x-content-type-options: nosniff\r\nconnection: close\r\n\r\nThis port speaks TLS: use https://\n";

/// The same over HTTP/2, and to clients of gRPC in a status: what stands in a GOAWAY, hardly any of them shows.
const SENTENCE: &str = "This port speaks TLS: use https://\n";
const STATUS: &str = "this port speaks TLS";

/// How long a client may take to ask and to read what it was told, and then once more to go.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);

/// What is read and thrown away of a client that was told to go.
const MAX_IGNORED: usize = 64 << 10;

/// Tells a client that this port speaks TLS, and closes the connection.
pub(super) async fn refuse(mut stream: TcpStream) {
    let mut said = [0; HTTP2_PREFACE.len()];
    let Ok(length) = stream.peek(&mut said).await else { return };
    // Clients send their preface in one piece; of one that does not, these letters are enough to tell it by.
    if length > 2 && HTTP2_PREFACE.starts_with(&said[..length]) {
        answer_http2(stream).await;
    } else if stream.write_all(HTTP1_REFUSAL).await.is_ok() {
        take_leave(stream).await;
    }
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

/// Whatever is asked is answered with the sentence. A connection that is closed at once, many clients report as broken, and not
/// with what they were told on it.
async fn answer_http2(stream: TcpStream) {
    let protocol = connection::protocol();
    let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    if timeout(LEAVING_PATIENCE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _late = timeout(LEAVING_PATIENCE, connection).await;
    }
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    let content_type = request.headers().get(CONTENT_TYPE);
    if media_type(content_type).to_ascii_lowercase().starts_with("application/grpc") {
        return Status::unavailable(STATUS).into_http();
    }
    // A stream that is reset while its request still comes takes the answer along.
    let _late = timeout(LEAVING_PATIENCE / 2, throw_away(request.into_body())).await;
    let mut response = Response::new(Body::new(Full::new(Bytes::from_static(SENTENCE.as_bytes()))));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn throw_away(mut body: Incoming) {
    let mut ignored = 0;
    while let Some(Ok(frame)) = body.frame().await {
        ignored += frame.data_ref().map_or(0, Bytes::len);
        if ignored > MAX_IGNORED {
            return;
        }
    }
}
