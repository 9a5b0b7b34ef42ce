//! The stream that brings keys and revocations: opened, read, answered, given up where it has gone silent, and opened again
//! for as long as anybody holds the verifier. What the frames mean is `TrustView`'s; this owns when there is a stream.

use std::sync::Arc;
use std::time::Duration;

use countersign_verify::{Applied, TrustError, TrustFrame};
use tokio::sync::{mpsc, watch};
use tokio::task::coop::consume_budget;
use tokio::time::{sleep, timeout};
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};

use super::Clock;
use super::backoff::Backoff;
use super::credentials::Credentials;
use super::knowledge::Knowledge;
use super::progress::Progress;
use super::randomness::Randomness;
use super::wire::{self, Malformed};
use crate::pb::trust_service_client::TrustServiceClient;
use crate::pb::{self, watch_trust_request as request};
use crate::{EndpointError, ServerEndpoint, Token};

#[cfg(test)]
mod tests;

/// How long the server may take to begin its answer, the connection included.
const OPENING: Duration = Duration::from_secs(10);
/// A heartbeat is due each second. When nothing has come for this long that brings anything, something on the way keeps
/// the stream open and swallows it.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a stream may bring what proves nothing, at its beginning and later: a snapshot, say, of which 100,000
/// revocations are some 10 MB, so that 1.5 Mbit/s are enough for them. A verifier with a longer `max_staleness` has that
/// long. One with a shorter one gains nothing by less: what it knows gets stale meanwhile, and a snapshot takes its time.
const NO_PROOF: Duration = Duration::from_secs(60);
/// The largest message that is read. A server sends 250 revocations in one, which are some 25 KB; as many keys as a set
/// may have are 200 KB.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// How long the server may take to close its side when this one is closed.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);
/// How many reports may wait for the connection to take them. One that finds no room is made at the next frame.
const REPORTS: usize = 16;

/// All that it takes to keep a stream open.
pub(super) struct Connection {
    pub(super) knowledge: Arc<Knowledge>,
    pub(super) progress: Arc<Progress>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) server: ServerEndpoint,
    pub(super) credentials: Arc<Credentials>,
    pub(super) introduction: Introduction,
    pub(super) randomness: Randomness,
    pub(super) tokens: Tokens,
}

/// The tokens that were shown, where the credentials are tokens.
#[derive(Default)]
pub(super) struct Tokens {
    /// On the stream of now.
    shown: Option<Token>,
    /// The last one with which the server refused a stream.
    rejected: Option<Token>,
}

/// Who this is, as the server is told.
pub(super) struct Introduction {
    pub(super) instance: String,
    pub(super) run_id: Vec<u8>,
    pub(super) max_staleness: Duration,
    pub(super) accepts_signed: bool,
}

/// Why a stream is over.
#[derive(Debug, thiserror::Error)]
enum Ending {
    /// The verifier was closed, or nobody holds it any more.
    #[error("the verifier was closed")]
    Closing,
    #[error("{:?}: {}", .0.code(), .0.message())]
    Status(#[from] Status),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("the server closed the stream")]
    Closed,
    #[error("nothing came for {} s that brings anything", SILENCE.as_secs())]
    Silence,
    #[error("nothing came for {} s that proves anything", .0.as_secs())]
    NoProof(Duration),
    #[error("the server did not answer within {} s", OPENING.as_secs())]
    NoAnswer,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the server broke the protocol: {0}")]
    Trust(#[from] TrustError),
}

type Reports = mpsc::Sender<pb::WatchTrustRequest>;
type Frames = Streaming<pb::WatchTrustResponse>;

impl Connection {
    /// Runs until `closing` is true, or its sender gone. It is dropped at the very end: whoever closes waits for that.
    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let mut backoff = Backoff::default();
        loop {
            let ending = self.stream(&mut closing, &mut backoff).await;
            let refused = self.is_refused(&ending);
            self.progress.failed(ending.to_string(), refused, self.clock.monotonic());
            if matches!(ending, Ending::Closing) {
                return;
            }
            let pause = backoff.after_failure(refused, self.randomness.next());
            tokio::select! {
                () = closed(&mut closing) => return,
                () = pass(pause) => {}
            }
        }
    }

    /// One stream, from hello to its end.
    async fn stream(&mut self, closing: &mut watch::Receiver<bool>, backoff: &mut Backoff) -> Ending {
        let (reports, outgoing) = mpsc::channel(REPORTS);
        let opened = tokio::select! {
            () = closed(closing) => return Ending::Closing,
            opened = timeout(OPENING, self.open(&reports, outgoing)) => opened,
        };
        let mut frames = match opened {
            Ok(Ok(frames)) => frames,
            Ok(Err(ending)) => return ending,
            Err(_) => return Ending::NoAnswer,
        };
        let ending = tokio::select! {
            () = closed(closing) => Ending::Closing,
            ending = self.listen(&mut frames, &reports, backoff) => ending,
        };
        if matches!(ending, Ending::Closing) {
            // Before anybody hears that nothing is accepted here by what is known, it must be so.
            self.knowledge.lose();
            drop(reports);
            say_goodbye(&mut frames).await;
        }
        ending
    }

    /// Takes what comes, for as long as it proves now and then that nothing is missing.
    async fn listen(&mut self, frames: &mut Frames, reports: &Reports, backoff: &mut Backoff) -> Ending {
        let patience = NO_PROOF.max(self.introduction.max_staleness);
        loop {
            match timeout(patience, self.until_proof(frames, reports)).await {
                Ok(Ok(())) => {
                    backoff.reset();
                    self.tokens.rejected = None;
                }
                Ok(Err(ending)) => return ending,
                Err(_) => return Ending::NoProof(patience),
            }
        }
    }

    async fn until_proof(&mut self, frames: &mut Frames, reports: &Reports) -> Result<(), Ending> {
        loop {
            let progress = timeout(SILENCE, self.until_progress(frames, reports)).await;
            if progress.map_err(|_| Ending::Silence)?? == Applied::Freshness {
                return Ok(());
            }
        }
    }

    /// On a connection of its own: the last one may be what swallowed the last stream.
    async fn open(
        &mut self,
        reports: &Reports,
        outgoing: mpsc::Receiver<pb::WatchTrustRequest>,
    ) -> Result<Frames, Ending> {
        let client = TrustServiceClient::new(self.server.connect_lazy()?);
        let mut client = client.max_decoding_message_size(MAX_MESSAGE_BYTES);
        let mut request = Request::new(ReceiverStream::new(outgoing));
        self.tokens.shown = self.credentials.add_to(&mut request, self.tokens.rejected.as_ref()).await?;
        // The channel is empty: there is room.
        let _sent = reports.try_send(self.hello());
        Ok(client.watch_trust(request).await?.into_inner())
    }

    /// Whether the server does not want this caller. A token may be over without its session being so: that is known when
    /// the next one is refused too.
    fn is_refused(&mut self, ending: &Ending) -> bool {
        let shown = self.tokens.shown.take();
        if ending.has_code(Code::PermissionDenied) {
            // What the server says of a caller whom it knows: the token itself is good.
            self.tokens.rejected = None;
        }
        if !ending.has_code(Code::Unauthenticated) || shown.is_none() {
            return ending.is_refusal();
        }
        let first = self.tokens.rejected.is_none();
        self.tokens.rejected = shown;
        !first
    }

    fn hello(&mut self) -> pb::WatchTrustRequest {
        // What is remembered in vain must not be what keeps the next stream from being taken.
        self.knowledge.forget();
        let resume = self.knowledge.begin_stream();
        let nonce = self.randomness.next();
        self.knowledge.expect_nonce(nonce);
        let Introduction { instance, run_id, max_staleness, accepts_signed } = &self.introduction;
        let hello = pb::VerifierHello {
            instance: instance.clone(),
            run_id: run_id.clone(),
            max_staleness: prost_types::Duration::try_from(*max_staleness).ok(),
            resume: resume.map(wire::position_message),
            nonce,
            accepts_signed: *accepts_signed,
        };
        pb::WatchTrustRequest { message: Some(request::Message::Hello(hello)) }
    }

    /// Reads until something has come that is no heartbeat, or one that answers what was sent since the last. Others do
    /// not count: the server sends them too while something on the way keeps our reports back.
    async fn until_progress(&mut self, frames: &mut Frames, reports: &Reports) -> Result<Applied, Ending> {
        loop {
            // Who sends faster than this reads must not keep it from looking at the time.
            consume_budget().await;
            let message = frames.message().await?.ok_or(Ending::Closed)?;
            self.progress.connected();
            if let Some(server_millis) = wire::server_millis(&message) {
                self.progress.skewed(server_millis.saturating_sub(self.clock.wall_millis()));
            }
            let Some(frame) = wire::frame(message)? else { continue };
            let is_heartbeat = matches!(frame, TrustFrame::Heartbeat { .. });
            let applied = self.knowledge.apply(frame)?;
            // Also while a snapshot is under way: a server gives up who says nothing for `max_staleness`.
            if applied != Applied::Keys {
                self.report(reports);
            }
            if is_heartbeat {
                self.knowledge.forget();
            }
            if applied == Applied::Freshness {
                self.progress.complete();
            }
            if !is_heartbeat || applied != Applied::Nothing {
                return Ok(applied);
            }
        }
    }

    /// Tells what has been applied, with a fresh nonce. If the connection takes nothing at the moment, the next frame is
    /// soon enough.
    fn report(&mut self, reports: &Reports) {
        let Ok(room) = reports.try_reserve() else { return };
        let nonce = self.randomness.next();
        self.knowledge.expect_nonce(nonce);
        let applied = self.knowledge.position().map(wire::position_message);
        let report = pb::VerifierReport { applied, nonce };
        room.send(pb::WatchTrustRequest { message: Some(request::Message::Report(report)) });
    }
}

impl Ending {
    fn has_code(&self, code: Code) -> bool {
        matches!(self, Self::Status(status) if status.code() == code)
    }

    /// Whether asking again changes nothing by itself: the server does not want this caller, or does not know the call.
    fn is_refusal(&self) -> bool {
        use Code::{InvalidArgument, PermissionDenied, Unauthenticated, Unimplemented};
        let Self::Status(status) = self else { return false };
        matches!(status.code(), Unauthenticated | PermissionDenied | InvalidArgument | Unimplemented)
    }
}

/// Comes when the verifier is to end.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _closing_or_dropped = closing.wait_for(|closing| *closing).await;
}

/// The closed side tells that nothing is checked any more by what came here. The server may still be sending; what it sends
/// is read to its end, so that the connection is not torn down under it.
async fn say_goodbye(frames: &mut Frames) {
    let rest = async {
        while let Ok(Some(_)) = frames.message().await {
            consume_budget().await;
        }
    };
    let _closed_or_slow = timeout(GOODBYE, rest).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting is the purpose: the server is not to be called at once"
)]
async fn pass(pause: Duration) {
    sleep(pause).await;
}
