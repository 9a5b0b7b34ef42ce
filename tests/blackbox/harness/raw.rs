//! A call over plain HTTP/2, for what gRPC clients do not let one send.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Status};

/// Sends one message with exactly these headers beside those that gRPC demands. The answer's first message, undecoded.
pub async fn raw_unary(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    message: &impl Message,
) -> Result<Bytes, Status> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    message.encode(&mut frame).unwrap();
    raw_call(address, path, headers, Full::new(Bytes::from(frame))).await
}

/// Sends a body that may be anything, also none that ever ends.
pub async fn raw_call<B>(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: B,
) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    RawConnection::open(address).await.call(path, headers, body).await
}

/// A connection for several such calls.
pub struct RawConnection<B> {
    address: SocketAddr,
    sender: SendRequest<B>,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl<B> RawConnection<B>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let driver = AbortOnDropHandle::new(tokio::spawn(connection));
        Self { address, sender, _driver: driver }
    }

    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: B) -> Result<Bytes, Status> {
        let mut request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.sender.clone().send_request(request.body(body).unwrap()).await.unwrap();
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        let status =
            Status::from_header_map(&headers).or_else(|| Status::from_header_map(&trailers)).unwrap();
        if status.code() == Code::Ok { Ok(body.to_bytes().slice(5..)) } else { Err(status) }
    }
}
