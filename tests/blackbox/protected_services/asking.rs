//! The layer of a verifier that has not heard for too long, by its policy.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::task::{Context, Poll};

use countersign_client::{AuthLayer, Caller, WhenStale};
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;

use super::kit::{Kit, refusal, refused};

/// A service with room for one call, which it gives to whoever asks for it, as a concurrency limit does. A call without
/// room is the caller's mistake.
#[derive(Default)]
struct OneAtATime {
    has_room: bool,
}

/// A clone has no room of its own.
impl Clone for OneAtATime {
    fn clone(&self) -> Self {
        Self { has_room: false }
    }
}

impl Service<Request<Body>> for OneAtATime {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.has_room = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(self.has_room, "the service that is called is the one that was polled ready");
        self.has_room = false;
        assert_eq!(request.extensions().get::<Caller>().unwrap().username(), "alice");
        ready(Ok(Response::new(Body::empty())))
    }
}

/// What a service behind the layer of a verifier with this policy answers, which knows nothing that is not too old.
async fn answer(
    kit: &Kit,
    when_stale: WhenStale,
    role: Option<&str>,
    token: &str,
) -> Result<(), (Code, String)> {
    let verifier = kit.stale_verifier().when_stale(when_stale).connect().await.unwrap();
    let layer = AuthLayer::new(verifier);
    let layer = role.into_iter().fold(layer, AuthLayer::require_role);
    let mut service = layer.layer(OneAtATime::default());
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
    let response = service.call(request).await.unwrap();
    Status::from_header_map(response.headers()).map_or(Ok(()), |status| Err(refusal(&status)))
}

#[tokio::test]
async fn what_is_too_old_to_decide_by_is_refused_accepted_or_asked_about_as_the_policy_says() {
    let kit = Kit::start().await;
    let token = kit.token("alice").await;
    let stale = Err(refused(Code::Unavailable, "TRUST_STALE"));
    assert_eq!(answer(&kit, WhenStale::Refuse, None, &token).await, stale);
    assert_eq!(answer(&kit, WhenStale::AcceptSigned, None, &token).await, Ok(()));
    assert_eq!(answer(&kit, WhenStale::AskServer, None, &token).await, Ok(()));
    let role_required = Err(refused(Code::PermissionDenied, "ROLE_REQUIRED"));
    assert_eq!(answer(&kit, WhenStale::AskServer, Some("editor"), &token).await, role_required);
    let revoked = Err(refused(Code::Unauthenticated, "TOKEN_REVOKED"));
    kit.client.revoke_token(&token).await.unwrap();
    assert_eq!(answer(&kit, WhenStale::AskServer, None, &token).await, revoked);
}
