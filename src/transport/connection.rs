//! One connection: its protocol settings, its deadlines, its end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::body::Body;

use super::Peer;
use super::activity::{ActiveCall, Activity, Answering};
use super::dispatch::is_native_grpc;
use super::drain::Stop;
use super::drained_body::{Patience, Rest, drained};
use super::forwarded::Proxy;
use super::handler::Handler;
use super::load::{CountedCall, Crowded, Framing};
use super::message_body::MessageBody;
use super::shares::Share;
use super::stream_task::StreamTasks;

/// How often a connection is looked at. A slow client is found out after 10 s, the first tick that finds no request.
const TICK: Duration = Duration::from_secs(10);
/// Ticks without any call after which a connection is asked to go: five minutes.
const IDLE_TICKS: u32 = 30;
/// How long a connection without a running call may take to go when the server stops.
const LEAVING_TICK: Duration = Duration::from_secs(1);
/// Request headers, all together.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// The protocol settings of every connection, each with its reason in the second section of the security design:
/// bounded streams, resets, headers and pings; windows left wide because lowering them lowers h2's budget for small
/// frames, and it then closes connections of honest clients.
pub(super) fn protocol() -> Builder<StreamTasks> {
    let mut builder = Builder::new(StreamTasks);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .max_buf_size(MAX_HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(200)
        .max_local_error_reset_streams(Some(1024))
        .max_pending_accept_reset_streams(Some(20))
        .max_header_list_size(MAX_HEADER_BYTES)
        // Of a peer who does not read, no more than this is kept for each of its streams.
        .max_send_buf_size(16 * 1024)
        .initial_stream_window_size(Some(1 << 20))
        .initial_connection_window_size(Some(1 << 20))
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .keep_alive_timeout(Duration::from_secs(5));
    builder
}

/// What a connection's calls meet.
pub(super) struct Served<H> {
    /// Who answers them.
    pub(super) handler: H,
    /// What they count in, unless somebody else makes them.
    pub(super) share: Arc<Share>,
    /// What says who makes them, if it is to be believed.
    pub(super) proxy: Option<Proxy>,
}

/// Serves a connection until its peer, its deadlines or the server's stop end it.
pub(super) async fn serve<S, H>(
    stream: S,
    peer: Peer,
    protocol: &Builder<StreamTasks>,
    served: Served<H>,
    stop: Stop,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    let activity = Arc::new(Activity::default());
    let number = peer.connection;
    let service = ConnectionService { served, peer, activity: Arc::clone(&activity) };
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let mut watch = IdleWatch::new(activity);
    let mut leaving = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(connection = number, error = &*error, "a connection broke");
                }
                return;
            }
            () = stop.soft.cancelled(), if !leaving => {
                leaving = true;
                watch.leave();
                connection.as_mut().graceful_shutdown();
            }
            () = stop.hard.cancelled() => return,
            verdict = watch.next() => match verdict {
                Verdict::Keep => {}
                Verdict::SayGoodbye => connection.as_mut().graceful_shutdown(),
                Verdict::Drop => return,
            },
        }
    }
}

/// Finds connections that are of no use: those that never ask anything, those that have stopped, and those that do not take
/// what they have asked for. A peer may close its window and live on: hyper waits for it as long as the connection lives, and the
/// call holds its place among those that run at once.
struct IdleWatch {
    activity: Arc<Activity>,
    ticks: Interval,
    seen: u64,
    idle_ticks: u32,
    said_goodbye: bool,
    leaving: bool,
}

enum Verdict {
    Keep,
    SayGoodbye,
    Drop,
}

impl IdleWatch {
    fn new(activity: Arc<Activity>) -> Self {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        Self { activity, ticks, seen: 0, idle_ticks: 0, said_goodbye: false, leaving: false }
    }

    /// From now on a connection is kept for what runs on it alone. It was asked to go; a peer that does not react, or is
    /// not there any more, must not hold up the stop.
    fn leave(&mut self) {
        self.leaving = true;
        self.ticks = interval(LEAVING_TICK);
        self.ticks.reset();
    }

    async fn next(&mut self) -> Verdict {
        self.ticks.tick().await;
        if self.activity.is_not_taken() {
            return Verdict::Drop;
        }
        if self.leaving {
            return if self.activity.is_busy() { Verdict::Keep } else { Verdict::Drop };
        }
        let started = self.activity.started();
        if self.activity.is_busy() || started != self.seen {
            self.seen = started;
            self.idle_ticks = 0;
            return Verdict::Keep;
        }
        self.idle_ticks += 1;
        // A connection without its first complete request after one tick is a slow or a silent client.
        let patience = if started == 0 { 1 } else { IDLE_TICKS };
        match self.idle_ticks.checked_sub(patience) {
            None => Verdict::Keep,
            Some(_) if self.said_goodbye => Verdict::Drop,
            Some(_) => {
                self.said_goodbye = true;
                Verdict::SayGoodbye
            }
        }
    }
}

/// Hands each request to the handler, with the peer, and counts it until its answer's last byte.
struct ConnectionService<H> {
    served: Served<H>,
    peer: Peer,
    activity: Arc<Activity>,
}

impl<H: Handler> hyper::service::Service<Request<Incoming>> for ConnectionService<H> {
    type Response = Response<Counted>;
    type Error = Infallible;
    type Future = CallInProgress<H::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Served { share, proxy, .. } = &self.served;
        match proxy {
            None => self.answer(request, self.peer.clone(), share),
            Some(proxy) => {
                let (client, share) = proxy.client(self.peer.clone(), request.headers());
                self.answer(request, client, &share)
            }
        }
    }
}

impl<H: Handler> ConnectionService<H> {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        share: &Arc<Share>,
    ) -> CallInProgress<H::Future> {
        let counted = share.start_call();
        let framing = if http_body::Body::is_end_stream(request.body()) {
            Framing::Prefixed
        } else {
            framing(request.headers())
        };
        let message = share.expect_message(framing);
        let crowded = counted.is_none() || !message.fits();
        let brief = crowded || is_native_grpc(&request);
        let patience = if brief { Patience::Short } else { Patience::Long };
        let (request, rest) = drained(request.map(|body| MessageBody::new(body, message)), patience);
        let mut request = request.map(Body::new);
        if crowded {
            request.extensions_mut().insert(Crowded);
        }
        let running = Some(RunningCall { _active: self.activity.start(), _counted: counted });
        let activity = Arc::clone(&self.activity);
        let step = Step::Call { call: self.served.handler.call(request, peer) };
        CallInProgress { step, rest, running, activity }
    }
}

/// By the media type: gRPC, and gRPC-Web unless it is in base64.
fn framing(headers: &HeaderMap) -> Framing {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let starts_with = |text: &str| {
        content_type.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
    };
    if starts_with("application/grpc") && !starts_with("application/grpc-web-text") {
        Framing::Prefixed
    } else {
        Framing::Opaque
    }
}

/// The mark of an answer that has no end of its own: a stream, which waits for its peer or for news as long as both like, and is
/// counted by whoever opened it.
#[derive(Clone, Copy, Debug)]
pub struct OpenEnded;

/// What is counted as long as a call runs.
struct RunningCall {
    _active: ActiveCall,
    _counted: Option<CountedCall>,
}

pin_project! {
    struct CallInProgress<F> {
        #[pin]
        step: Step<F>,
        rest: Rest<MessageBody>,
        running: Option<RunningCall>,
        activity: Arc<Activity>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F> {
        Call { #[pin] call: F },
        // The answer is there before all of its request.
        Wait { rest: Pin<Box<dyn Future<Output = ()> + Send>>, answer: Option<Response<Body>> },
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for CallInProgress<F> {
    type Output = Result<Response<Counted>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let answer = match this.step.as_mut().project() {
                StepProjection::Call { call } => {
                    let Ok(answer) = ready!(call.poll(cx));
                    if let Some(rest) = this.rest.remainder() {
                        this.step.set(Step::Wait { rest: Box::pin(rest), answer: Some(answer) });
                        continue;
                    }
                    answer
                }
                StepProjection::Wait { rest, answer } => {
                    ready!(rest.as_mut().poll(cx));
                    let Some(answer) = answer.take() else { return Poll::Pending };
                    answer
                }
            };
            let bounded = answer.extensions().get::<OpenEnded>().is_none();
            let answering = bounded.then(|| this.activity.answer());
            let running = this.running.take();
            return Poll::Ready(Ok(answer.map(|body| Counted {
                body,
                _running: running,
                _answering: answering,
            })));
        }
    }
}

pin_project! {
    /// An answer's body; the call runs as long as it exists, so that a stream keeps its connection.
    struct Counted {
        #[pin]
        body: Body,
        _running: Option<RunningCall>,
        _answering: Option<Answering>,
    }
}

impl http_body::Body for Counted {
    type Data = bytes::Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
