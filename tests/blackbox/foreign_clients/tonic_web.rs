//! tonic-web's own client, over HTTP/1.1.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use bytes::{Buf, BufMut};
use countersign::pb::DESCRIPTOR_SET;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_types::StatusExt;
use tonic_web::{GrpcWebCall, GrpcWebClientLayer};
use tower_layer::Layer;
use tower_service::Service;

use super::{Foreign, path, service};

pub struct TonicWeb {
    pub address: SocketAddr,
}

impl Foreign for TonicWeb {
    fn call(&self, method: &str, authorization: Option<&str>, body: &Value) -> Result<Value, String> {
        let pool = DescriptorPool::decode(DESCRIPTOR_SET).unwrap();
        let methods = pool.get_service_by_name(service(method)).unwrap();
        let descriptor = methods.methods().find(|found| found.name() == method).unwrap();
        let message = DynamicMessage::deserialize(descriptor.input(), body).unwrap().encode_to_vec();
        let mut request = tonic::Request::new(message);
        if let Some(value) = authorization {
            request.metadata_mut().insert("authorization", value.parse().unwrap());
        }
        let route = format!("/{}", path(method)).parse().unwrap();
        let address = self.address;
        // The test's own runtime is busy with whoever calls this.
        let answer = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(unary(address, request, route))
        });
        match answer.join().unwrap() {
            Ok(bytes) => Ok(to_json(&bytes, descriptor.output())),
            Err(status) => Err(status.get_error_details().error_info().unwrap().reason.clone()),
        }
    }
}

async fn unary(
    address: SocketAddr,
    request: tonic::Request<Vec<u8>>,
    route: http::uri::PathAndQuery,
) -> Result<Vec<u8>, Status> {
    let origin = Uri::builder().scheme("http").authority(address.to_string()).path_and_query("/");
    let service = GrpcWebClientLayer::new().layer(Wire(address));
    let mut client = Grpc::with_origin(service, origin.build().unwrap());
    client.ready().await.unwrap();
    client.unary(request, route, Bytes).await.map(tonic::Response::into_inner)
}

fn to_json(bytes: &[u8], descriptor: MessageDescriptor) -> Value {
    let message = DynamicMessage::decode(descriptor, bytes).unwrap();
    let options = SerializeOptions::new();
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

/// A connection for each call.
#[derive(Clone, Copy)]
struct Wire(SocketAddr);

impl Service<Request<GrpcWebCall<Body>>> for Wire {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<GrpcWebCall<Body>>) -> Self::Future {
        let Self(address) = *self;
        request.headers_mut().insert("host", address.to_string().parse().unwrap());
        Box::pin(async move {
            let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
            let (mut sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            sender.send_request(request).await
        })
    }
}

/// Messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}
