//! Answers that lack what they are there to bring: a good session must not be given up for one.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use countersign::pb::auth::v1 as pb;
use countersign_client::{SavedSession, SessionFile, SessionStore as _};
use tempfile::TempDir;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::kit::{PATIENCE, builder};

/// Answers a refresh, whatever is presented, with what is next on its list; and keeps what was asked, and what the store
/// had then.
#[derive(Clone)]
struct Fake {
    answers: Arc<Mutex<Vec<[String; 2]>>>,
    asked: Arc<Mutex<Vec<(pb::RefreshTokenRequest, String)>>>,
    store: SessionFile,
}

impl UnaryService<pb::RefreshTokenRequest> for Fake {
    type Response = pb::RefreshTokenResponse;
    type Future = Ready<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<pb::RefreshTokenRequest>) -> Self::Future {
        let saved = self.store.load().unwrap().unwrap().refresh_token().to_owned();
        self.asked.lock().unwrap().push((request.into_inner(), saved));
        let [token, refresh_token] = self.answers.lock().unwrap().remove(0);
        let duration = Some(prost_types::Duration { seconds: 600, nanos: 0 });
        ready(Ok(Response::new(pb::RefreshTokenResponse {
            token,
            refresh_token,
            duration,
            ..Default::default()
        })))
    }
}

impl NamedService for Fake {
    const NAME: &'static str = "auth.v1.AuthService";
}

impl Service<http::Request<Body>> for Fake {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert_eq!(request.uri().path(), "/auth.v1.AuthService/RefreshToken");
        let (fake, codec) = (self.clone(), ProstCodec::default());
        Box::pin(async move { Ok(Grpc::new(codec).unary(fake, request).await) })
    }
}

#[tokio::test]
async fn an_answer_that_lacks_a_token_is_asked_for_again_and_takes_the_place_of_nothing() {
    let endless = "x".repeat(100_000);
    for (case, malformed) in [
        ["", "csr_2"],
        ["v4.public.x", ""],
        ["v4.public.x", "csr_"],
        ["v4.public.x", "v4.public.y"],
        [&endless, "csr_2"],
    ]
    .into_iter()
    .enumerate()
    {
        let malformed = malformed.map(str::to_owned);
        let good = ["v4.public.good", "csr_3"].map(str::to_owned);
        let folder = TempDir::new().unwrap();
        let store = SessionFile::new(folder.path().join("session"));
        store.save(&SavedSession::new("csr_1".to_owned(), vec![7; 32]).unwrap()).unwrap();
        let answers = Arc::new(Mutex::new(vec![malformed, good]));
        let fake = Fake { answers, asked: Arc::default(), store: store.clone() };
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        tokio::spawn(Server::builder().add_service(fake.clone()).serve_with_incoming(incoming));

        let source = builder(address).store(store.clone()).patience(PATIENCE).start().await.unwrap();
        assert_eq!(source.token().await.unwrap().text(), "v4.public.good", "{case}");
        let asked = fake.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 2, "{case}");
        for (request, saved) in asked {
            assert_eq!((request.refresh_token.as_str(), saved.as_str()), ("csr_1", "csr_1"), "{case}");
            assert_eq!(request.retry_key, [7; 32], "{case}");
        }
        assert_eq!(store.load().unwrap().unwrap().refresh_token(), "csr_3", "{case}");
    }
}
