//! What a request waits for: nothing when it is refused, the server's word on its token when what is known is too old,
//! and then the service's answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tonic::body::Body;
use tonic::codegen::StdError;
use tower_service::Service;

use super::auth_service::Asking;
use crate::{Caller, Refusal};

pin_project! {
    /// The answer to a request, in time.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Refused { response: Option<Response<Body>> },
        Asking { asking: Asking, waiting: Option<(S, Request<B>)> },
        Serving { #[pin] serving: F },
    }
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(super) fn refused(response: Response<Body>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    /// `ready` has been polled ready and waits for its call.
    pub(super) fn asking(asking: Asking, ready: S, request: Request<B>) -> Self {
        Self { state: State::Asking { asking, waiting: Some((ready, request)) } }
    }

    pub(super) fn serving(serving: S::Future) -> Self {
        Self { state: State::Serving { serving } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<StdError>,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect("an answer is polled for once")));
                }
                StateProjection::Serving { serving } => {
                    return serving.poll(cx).map_ok(|response| response.map(Body::new));
                }
                StateProjection::Asking { asking, waiting } => {
                    let answer = ready!(asking.as_mut().poll(cx));
                    let (service, request) = waiting.take().expect("an answer is polled for once");
                    proceed(answer, service, request)
                }
            };
            state.set(next);
        }
    }
}

/// What comes after the server's word.
fn proceed<S: Service<Request<B>>, B>(
    answer: Result<Caller, Refusal>,
    mut service: S,
    mut request: Request<B>,
) -> State<S, B, S::Future> {
    match answer {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            State::Serving { serving: service.call(request) }
        }
        Err(refusal) => State::Refused { response: Some(refusal.answer(request.headers())) },
    }
}
