//! The door: every call enters here once, on whatever wire it came. One layer on purpose, because it is on the path of
//! every call. In this order, so that a stranger costs as little as possible:
//!
//! 1. request id: whatever happens next can be found in the log;
//! 2. the peer's limit, before any cryptography;
//! 3. the method's path and its access rule; an unknown path ends here, and a method that asks for a client certificate,
//!    on a connection without one;
//! 4. the deadline, kept from here on whatever the method does;
//! 5. the caller: a token at once, a password in the hashing pool;
//! 6. the method, with panics caught;
//! 7. the way back: statuses translated, the request id attached.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use countersign_verify::{Authorization, Credentials};
use http::{HeaderValue, Request, Response};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;

use super::authorization;
use super::call::{Arrival, Call, Who};
use super::methods::{Method, Methods};
use super::refusal::{CROWDED_RETRY, Refusal};
use super::request_id::{self, RequestIds};
use super::services::{Services, Serving};
use super::status;
use super::stream_body::StreamBody;
use super::stream_limit::{OpenStream, StreamLimit};
use crate::auth::{Authority, CallContext, Caller, Error};
use crate::domain::{Origin, UserAgent};
use crate::transport::{CallDeadline, Crowded, Handler, OpenEnded, Peer, PeerLimit};

/// The door; a cheap handle.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

/// What the door asks and whom it lets callers in to.
pub struct DoorParts {
    /// How often a peer may call.
    pub peer_limit: Arc<PeerLimit>,
    /// Which methods there are.
    pub methods: Methods,
    /// Who callers are.
    pub authority: Authority,
    /// What answers them.
    pub services: Services,
    /// What their calls are named.
    pub request_ids: RequestIds,
    /// Cancelled when the server goes away: streams end, calls go on.
    pub draining: CancellationToken,
}

/// What all calls share.
struct Inner {
    parts: DoorParts,
    streams: StreamLimit,
}

/// A password being checked; what comes after it, if it is right.
type Proving = Pin<Box<dyn Future<Output = Result<State, Error>> + Send>>;

/// Why a call was not admitted: by the door itself, or by a use case.
enum Denial {
    Door(Refusal<'static>),
    UseCase(Error),
}

impl From<Error> for Denial {
    fn from(error: Error) -> Self {
        Self::UseCase(error)
    }
}

/// A call on its way through the door.
pub struct DoorFuture {
    door: Door,
    state: State,
    request_id: HeaderValue,
    method: Option<Arc<Method>>,
    deadline: Option<CallDeadline>,
    /// Its place, if it is a stream.
    stream: Option<OpenStream>,
    /// Made when the call first has to wait: most never do.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What a call waits for.
enum State {
    Denied(Denial),
    Proving(Proving),
    Serving(Serving),
}

impl Door {
    /// Builds the door.
    #[must_use]
    pub fn new(parts: DoorParts) -> Self {
        Self(Arc::new(Inner { parts, streams: StreamLimit::default() }))
    }

    fn admit(&self, mut request: Request<Body>, peer: Peer, call: &mut DoorFuture) -> Result<State, Denial> {
        let parts = &self.0.parts;
        if request.extensions().get::<Crowded>().is_some() {
            return Err(Denial::Door(Refusal::RateLimited { retry_after: CROWDED_RETRY }));
        }
        if let Err(retry_after) = parts.peer_limit.admit(peer.network()) {
            return Err(Denial::Door(Refusal::RateLimited { retry_after }));
        }
        // With its query: a path that is followed by one is not a method's.
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let Some(method) = parts.methods.find(path) else { return Err(Denial::Door(Refusal::MethodUnknown)) };
        call.method = Some(Arc::clone(method));
        if method.rule.client_certificate && peer.certificate.is_none() {
            return Err(Denial::Door(Refusal::ClientCertificateMissing));
        }
        if method.streaming {
            // A stream makes errors of its own, when the door is behind it.
            request.headers_mut().insert(request_id::HEADER, call.request_id.clone());
        }
        if method.is_open_stream() {
            let open = self.0.streams.open(peer.network());
            call.stream =
                Some(open.ok_or(Denial::Door(Refusal::RateLimited { retry_after: CROWDED_RETRY }))?);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a deadline is a span of real time, whatever the clock on the wall says"
        )]
        let arrival = Instant::now();
        let deadline = CallDeadline::of(request.headers(), arrival, method.streaming)
            .map_err(|_| Denial::Door(Refusal::TimeoutUnreadable))?;
        call.deadline = Some(deadline);
        let address = peer.address.ip().to_canonical();
        let arrival = Arrival { deadline: deadline.0, address, certificate: peer.certificate };
        Ok(self.authenticate(request, method, arrival)?)
    }

    fn authenticate(
        &self,
        request: Request<Body>,
        method: &Arc<Method>,
        arrival: Arrival,
    ) -> Result<State, Error> {
        match method.rule.credentials {
            Credentials::Ignored => {
                return Ok(self.serve(method, request, arrival, Who::Anybody));
            }
            Credentials::Optional => {
                let who = Who::Presented(authorization::presented(request.headers()));
                return Ok(self.serve(method, request, arrival, who));
            }
            Credentials::Required | Credentials::TokenOnly => {}
        }
        let authorization = authorization::read(request.headers());
        method.takes(&authorization)?;
        match authorization {
            Authorization::Missing => Err(Error::CredentialsMissing),
            Authorization::Unreadable => Err(Error::CredentialsInvalid),
            Authorization::Token(_, token) => {
                let caller = self.0.parts.authority.authenticate_token(&token)?;
                self.let_in(method, request, caller, arrival)
            }
            Authorization::Password { username, password } => {
                let (door, method) = (self.clone(), Arc::clone(method));
                let origin = Origin { address: Some(arrival.address), user_agent: UserAgent::default() };
                let context = CallContext { deadline: Some(arrival.deadline), origin };
                Ok(State::Proving(Box::pin(async move {
                    let authority = &door.0.parts.authority;
                    let caller = authority.authenticate_password(&username, &password, &context).await?;
                    door.let_in(&method, request, caller, arrival)
                })))
            }
        }
    }

    fn let_in(
        &self,
        method: &Method,
        request: Request<Body>,
        caller: Caller,
        arrival: Arrival,
    ) -> Result<State, Error> {
        method.authorize(&caller)?;
        Ok(self.serve(method, request, arrival, Who::Proven(caller)))
    }

    fn serve(&self, method: &Method, mut request: Request<Body>, arrival: Arrival, who: Who) -> State {
        request.extensions_mut().insert(Call { arrival, who });
        match self.0.parts.services.call(method.service, request) {
            Some(serving) => State::Serving(serving),
            None => State::Denied(Denial::Door(Refusal::MethodUnknown)),
        }
    }
}

impl Handler for Door {
    type Future = DoorFuture;

    fn call(&self, request: Request<Body>, peer: Peer) -> DoorFuture {
        let mut call = DoorFuture {
            door: self.clone(),
            state: State::Denied(Denial::Door(Refusal::MethodUnknown)),
            request_id: self.0.parts.request_ids.of(request.headers()),
            method: None,
            deadline: None,
            stream: None,
            timer: None,
        };
        call.state = self.admit(request, peer, &mut call).unwrap_or_else(State::Denied);
        call
    }
}

impl Future for DoorFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let polled = match &mut this.state {
                State::Denied(denial) => {
                    let refusal = match denial {
                        Denial::Door(refusal) => std::mem::replace(refusal, Refusal::MethodUnknown),
                        Denial::UseCase(error) => Refusal::UseCase(error),
                    };
                    let response = refuse(&refusal, this.method.as_deref(), &this.request_id);
                    return Poll::Ready(Ok(response));
                }
                State::Proving(proving) => {
                    catch_unwind(AssertUnwindSafe(|| proving.as_mut().poll(cx).map(Step::Proven)))
                }
                State::Serving(serving) => {
                    catch_unwind(AssertUnwindSafe(|| serving.as_mut().poll(cx).map(Step::Answered)))
                }
            };
            match polled {
                Ok(Poll::Ready(step)) => match this.advance(step) {
                    Some(response) => return Poll::Ready(Ok(response)),
                    None => continue,
                },
                Ok(Poll::Pending) if this.is_late(cx) => {
                    this.state = State::Denied(Denial::Door(Refusal::DeadlineExceeded));
                }
                Ok(Poll::Pending) => return Poll::Pending,
                Err(_panic) => this.state = State::Denied(Denial::Door(Refusal::Panicked)),
            }
        }
    }
}

/// Something that was waited for and came.
enum Step {
    Proven(Result<State, Error>),
    Answered(Result<Response<Body>, Infallible>),
}

impl DoorFuture {
    /// Goes on with what came; the answer, if it was the last thing.
    fn advance(&mut self, step: Step) -> Option<Response<Body>> {
        match step {
            Step::Proven(Ok(next)) => self.state = next,
            Step::Proven(Err(error)) => self.state = State::Denied(Denial::UseCase(error)),
            Step::Answered(Ok(response)) => return Some(self.finish(response)),
        }
        None
    }

    /// Whether the deadline has passed; if not, this task is woken when it does.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(CallDeadline(deadline)) = self.deadline else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        timer.as_mut().poll(cx).is_ready()
    }

    /// The way back: a status that came with the response is translated, everything gets the request id.
    fn finish(&mut self, mut response: Response<Body>) -> Response<Body> {
        let method = self.method.as_deref();
        if let Some(status) = response.extensions_mut().remove::<Status>() {
            return refuse(&Refusal::of(&status), method, &self.request_id);
        }
        response.headers_mut().insert(request_id::HEADER, self.request_id.clone());
        match method {
            Some(method) if method.streaming => {
                // It has its own rules for who does not read, and is no answer that ought to be over.
                response.extensions_mut().insert(OpenEnded);
                response.map(|body| {
                    let draining = self.door.0.parts.draining.clone().cancelled_owned();
                    let names = (self.request_id.clone(), method.path.clone());
                    Body::new(StreamBody::new(body, draining, names, self.stream.take()))
                })
            }
            _ => response,
        }
    }
}

fn refuse(refusal: &Refusal<'_>, method: Option<&Method>, request_id: &HeaderValue) -> Response<Body> {
    let path = method.map_or("unknown", |method| &method.path);
    let mut response = status::render(refusal, path, request_id).into_http();
    response.headers_mut().insert(request_id::HEADER, request_id.clone());
    response
}
