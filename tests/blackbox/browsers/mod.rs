//! What browsers send and read: gRPC-Web, pages of other origins, and the cookie of our own page.

mod cookie;
mod cross_site;
mod fuzz;
mod grpc_web;
mod hosts;
mod proxies;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use tonic::{Code, Status};

use crate::harness::{HttpAnswer, TestServer, http};

/// A call as gRPC-Web over HTTP/1.1.
async fn call(
    server: &TestServer,
    method: &str,
    headers: &[(&str, &str)],
    message: &impl Message,
) -> HttpAnswer {
    let path = format!("/auth.v1.AuthService/{method}");
    let typed = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let headers: Vec<_> = typed.iter().chain(headers).copied().collect();
    http(server.address, ("POST", &path), &headers, frame(&message.encode_to_vec())).await
}

pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// The answer's message, or the refusal, wherever it stands.
fn outcome<M: Message + Default>(answer: &HttpAnswer) -> Result<M, Status> {
    message(answer).map(|bytes| M::decode(bytes.as_slice()).unwrap())
}

/// The same, not decoded.
pub fn message(answer: &HttpAnswer) -> Result<Vec<u8>, Status> {
    if let Some(status) = Status::from_header_map(&answer.headers) {
        assert!(answer.body.is_empty(), "a refusal without a message has no body");
        return Err(status);
    }
    let text = answer.header("content-type").contains("-text");
    let body = if text { decode_text(&answer.body) } else { answer.body.to_vec() };
    let (message, trailers) = split(&body);
    let status = Status::from_header_map(&trailers).expect("a status in the trailers");
    if status.code() == Code::Ok { Ok(message.to_vec()) } else { Err(status) }
}

/// Base64 in pieces, each with its padding.
fn decode_text(text: &[u8]) -> Vec<u8> {
    let quads = text.chunks(4).map(|quad| STANDARD.decode(quad).unwrap());
    quads.collect::<Vec<_>>().concat()
}

/// The message's frame, and the trailers' behind it.
fn split(body: &[u8]) -> (&[u8], http::HeaderMap) {
    let length = |frame: &[u8]| u32::from_be_bytes(frame[1..5].try_into().unwrap()) as usize;
    let (message, trailers) = if body[0] == 0 { body.split_at(5 + length(body)) } else { (&[][..], body) };
    assert_eq!(trailers[0], 0x80);
    assert_eq!(trailers.len(), 5 + length(trailers));
    let lines = std::str::from_utf8(&trailers[5..]).unwrap().split("\r\n").filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once(':').unwrap());
    let headers = pairs.map(|(name, value)| (name.parse().unwrap(), value.trim().parse().unwrap())).collect();
    (message.get(5..).unwrap_or_default(), headers)
}
