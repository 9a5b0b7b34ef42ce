//! The stream WatchTrust: hello and reports in, frames out. It asks for a frame when the connection has room for one.
//!
//! The hello is heard before the answer begins: until then the call is one like any other, with its deadline, whatever room
//! its peer leaves for an answer.

use std::pin::pin;

use futures_util::stream::unfold;
use http::HeaderValue;
use tonic::codegen::BoxStream;
use tonic::{Request, Status, Streaming};

use super::call::Call;
use super::refusal::Refusal;
use super::{call, convert, status};
use crate::auth::{Authority, Error, TrustFrame, TrustWatch};
use crate::pb::auth::v1 as pb;
use crate::transport::end_stream_with;

const METHOD: &str = "/auth.v1.TrustService/WatchTrust";

/// A stream on its way.
struct Watching {
    request_id: HeaderValue,
    incoming: Streaming<pb::WatchTrustRequest>,
    watch: TrustWatch,
}

/// How a stream ends.
enum Ending {
    /// The verifier has said goodbye.
    Goodbye,
    UseCase(Error),
    Library(Status),
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        Self::UseCase(error)
    }
}

/// Hears who calls, and begins with the frames for it.
pub(super) async fn watch(
    authority: &Authority,
    request: Request<Streaming<pb::WatchTrustRequest>>,
) -> Result<BoxStream<pb::WatchTrustResponse>, Status> {
    let (caller, request_id) = (call::caller(&request)?, call::request_id(&request));
    let address = request.extensions().get::<Call>().map(|call| call.arrival.address);
    let mut incoming = request.into_inner();
    let hello = convert::hello(incoming.message().await?.unwrap_or_default())?;
    let watch = authority.watch_trust(caller, &hello, address).await?;
    end_stream_with(watch.abandoned());
    Ok(Box::pin(unfold(Some(Watching { request_id, incoming, watch }), step)))
}

async fn step(
    watching: Option<Watching>,
) -> Option<(Result<pb::WatchTrustResponse, Status>, Option<Watching>)> {
    let mut watching = watching?;
    match watching.next().await {
        Ok(frame) => Some((Ok(convert::frame(frame)), Some(watching))),
        Err(Ending::Goodbye) => {
            watching.watch.dismiss();
            None
        }
        Err(Ending::UseCase(error)) => {
            Some((Err(status::render(&Refusal::UseCase(&error), METHOD, &watching.request_id)), None))
        }
        Err(Ending::Library(status)) => Some((Err(status), None)),
    }
}

impl Watching {
    /// The next frame. Reports are taken meanwhile, without beginning anew what the frame waits for; neither side goes first,
    /// so that neither can keep the other from its turn.
    async fn next(&mut self) -> Result<TrustFrame, Ending> {
        let reports = self.watch.reports();
        let mut frame = pin!(self.watch.next());
        loop {
            tokio::select! {
                frame = frame.as_mut() => return Ok(frame?),
                message = self.incoming.message() => {
                    let message = message.map_err(Ending::Library)?.ok_or(Ending::Goodbye)?;
                    reports.take(convert::report(message)?)?;
                    // Reports that are always there already would keep this thread from all others.
                    tokio::task::consume_budget().await;
                }
            }
        }
    }
}
