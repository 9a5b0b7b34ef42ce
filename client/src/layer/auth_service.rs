//! The way of one request: its rule, what it presents, whom that speaks for. A token that can be decided on at once, which
//! is nearly every one, is: nothing is boxed and nothing awaited.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_verify::AccessRule;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::server::NamedService;
use tower_service::Service;
use zeroize::Zeroizing;

use super::rules::presented;
use super::trace::Trace;
use super::{AuthLayer, ResponseFuture};
use crate::{Caller, Refusal};

/// A service behind an [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    layer: AuthLayer,
}

/// A caller whom the server is being asked about.
pub(super) type Asking = Pin<Box<dyn Future<Output = Result<Caller, Refusal>> + Send>>;

/// A request that is not refused.
enum Admission {
    /// With its caller, if it has to have one or brought one.
    LetIn(Option<Caller>),
    /// What is known is too old, and the policy may be to ask the server.
    Ask(Asking),
}

impl<S> AuthService<S> {
    pub(super) fn new(inner: S, layer: AuthLayer) -> Self {
        Self { inner, layer }
    }
}

impl AuthLayer {
    fn admit<B>(&self, request: &Request<B>) -> Result<Admission, Refusal> {
        self.decide(request).inspect_err(|refusal| {
            if let Some(trace) = self.trace(request) {
                trace.refused(refusal);
            }
        })
    }

    fn decide<B>(&self, request: &Request<B>) -> Result<Admission, Refusal> {
        // With its query: a path that is followed by one is not a method's.
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let rule = self.rules.find(path)?;
        let Some(token) = presented(rule, request.headers())? else { return Ok(Admission::LetIn(None)) };
        match self.verifier.verify(&token) {
            Ok(caller) => {
                self.rules.authorize(rule, &caller)?;
                Ok(Admission::LetIn(Some(caller)))
            }
            Err(Refusal::TrustStale { .. }) => {
                Ok(Admission::Ask(self.ask(&token, rule, self.trace(request))))
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn ask(&self, token: &str, rule: &AccessRule, trace: Option<Trace>) -> Asking {
        let (layer, rule) = (self.clone(), rule.clone());
        let token = Zeroizing::new(token.to_owned());
        Box::pin(async move {
            let asked = layer.verifier.verify_or_ask(&token).await;
            let answer = asked.and_then(|caller| layer.rules.authorize(&rule, &caller).map(|()| caller));
            answer.inspect_err(|refusal| {
                if let Some(trace) = &trace {
                    trace.refused(refusal);
                }
            })
        })
    }

    /// For the log, if anybody reads it: what is looked for here has been found before, and only a refusal is looked at
    /// twice.
    fn trace<B>(&self, request: &Request<B>) -> Option<Trace> {
        let path = request.uri().path();
        Trace::begin(path, || {
            let rule = self.rules.find(path).ok()?;
            let token = presented(rule, request.headers()).ok()??;
            self.verifier.key_named_by(&token)
        })
    }
}

impl<S, B, R> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<StdError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ResponseFuture<S, B> {
        // Who calls is said here alone: what stands there already came from somewhere else.
        request.extensions_mut().remove::<Caller>();
        match self.layer.admit(&request) {
            Ok(Admission::LetIn(caller)) => {
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                ResponseFuture::serving(self.inner.call(request))
            }
            Ok(Admission::Ask(asking)) => {
                // The one that was polled ready is the one that must be called; its clone may not be ready.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(asking, ready, request)
            }
            Err(refusal) => ResponseFuture::refused(refusal.answer(request.headers())),
        }
    }
}

impl<S: NamedService> NamedService for AuthService<S> {
    const NAME: &'static str = S::NAME;
}
