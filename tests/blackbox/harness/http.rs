//! A request over plain HTTP, as a browser or a program sends it that knows nothing of gRPC.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug)]
pub enum HttpVersion {
    One,
    Two,
}

/// What came back.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl HttpAnswer {
    /// A header's text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends exactly these headers over HTTP/1.1, and `host` if it is not among them.
pub async fn http(
    address: SocketAddr,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> HttpAnswer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    http_exchange(address, HttpVersion::One, request.body(Full::new(body.into())).unwrap()).await
}

/// Sends a request whose URI is a path, on a connection of its own.
pub async fn http_exchange(
    address: SocketAddr,
    version: HttpVersion,
    mut request: Request<Full<Bytes>>,
) -> HttpAnswer {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (response, _driver) = match version {
        HttpVersion::One => {
            let host = address.to_string().parse().unwrap();
            request.headers_mut().entry("host").or_insert(host);
            let (mut sender, connection) = http1::handshake(stream).await.unwrap();
            let driver = AbortOnDropHandle::new(tokio::spawn(connection));
            (sender.send_request(request).await.unwrap(), driver)
        }
        HttpVersion::Two => {
            *request.uri_mut() = format!("http://{address}{}", request.uri()).parse().unwrap();
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            let driver = AbortOnDropHandle::new(tokio::spawn(connection));
            (sender.send_request(request).await.unwrap(), driver)
        }
    };
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    HttpAnswer { status: parts.status, headers: parts.headers, body }
}
