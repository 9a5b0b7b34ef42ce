//! A verifier whose server is not to be trusted with its memory.

use std::pin::Pin;

use countersign::pb::auth::v1 as pb;
use countersign::pb::auth::v1::trust_service_server::{TrustService, TrustServiceServer};
use countersign::pb::auth::v1::watch_trust_response::Frame;
use countersign_client::{ServerEndpoint, Verifier};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::task::yield_now;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use super::scene::{AUDIENCE, PATIENCE};
use crate::harness::PASSWORD;

/// Begins with a frame of 2 MiB, and says nothing after that.
struct Fake;

#[tonic::async_trait]
impl TrustService for Fake {
    type WatchTrustStream = Pin<Box<dyn Stream<Item = Result<pb::WatchTrustResponse, Status>> + Send>>;

    async fn watch_trust(
        &self,
        _: Request<Streaming<pb::WatchTrustRequest>>,
    ) -> Result<Response<Self::WatchTrustStream>, Status> {
        let key = pb::VerificationKey { key: "x".repeat(2 << 20), ..Default::default() };
        let frame = Some(Frame::KeySet(pb::KeySetFrame { keys: vec![key] }));
        let frames = stream::iter([Ok(pb::WatchTrustResponse { frame })]).chain(stream::pending());
        Ok(Response::new(Box::pin(frames)))
    }

    async fn get_key_set(
        &self,
        _: Request<pb::GetKeySetRequest>,
    ) -> Result<Response<pb::GetKeySetResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn verify_token(
        &self,
        _: Request<pb::VerifyTokenRequest>,
    ) -> Result<Response<pb::VerifyTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tokio::test]
async fn a_frame_that_is_larger_than_any_server_sends_ends_the_stream_unread() {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = ServerEndpoint::parse(&format!("http://{}", incoming.local_addr().unwrap())).unwrap();
    tokio::spawn(Server::builder().add_service(TrustServiceServer::new(Fake)).serve_with_incoming(incoming));
    let verifier = Verifier::builder(server, AUDIENCE).password("orders", PASSWORD).unwrap().start().unwrap();
    let failed = async {
        loop {
            match verifier.status().last_error {
                Some(error) => return error,
                None => yield_now().await,
            }
        }
    };
    let error = timeout(PATIENCE, failed).await.unwrap();
    assert!(error.contains("too large"), "{error}");
    assert!(!verifier.status().connected);
}
