//! The body of a request on its way in: what its message takes is counted, and for how long it is waited for is bounded, on
//! every wire and whatever deadline the caller asks for. Otherwise who never finishes one would decide how long it counts.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::load::IncomingMessage;

/// How long a message may take to come, from when it is first waited for: the first of a call, and of a stream any other from
/// its first byte. At 64 KiB a message that is 52 kbit/s.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request's body.
pub(super) struct MessageBody {
    inner: Incoming,
    message: IncomingMessage,
    /// Made when a message has to be waited for: most are there already.
    timer: Option<Pin<Box<Sleep>>>,
}

impl MessageBody {
    pub(super) fn new(inner: Incoming, message: IncomingMessage) -> Self {
        Self { inner, message, timer: None }
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Status> {
        let complete = self.message.complete();
        if !self.message.arrive(frame.data_ref().map_or(&[], |data| data)) {
            return Err(Status::aborted("too much is on its way in from this network"));
        }
        if self.message.complete() != complete {
            self.timer = None;
        }
        Ok(frame)
    }

    /// Whether the message has been waited for long enough; if not, this task is woken when it has.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.message.is_owed() {
            return false;
        }
        #[expect(clippy::disallowed_methods, reason = "a bound on what others do is a span of real time")]
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        let late = timer.as_mut().poll(cx).is_ready();
        if late {
            // Who throws away the rest reads on.
            self.timer = None;
        }
        late
    }
}

impl http_body::Body for MessageBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.take(frame))),
            Poll::Ready(Some(Err(_broken_off))) => {
                Poll::Ready(Some(Err(Status::cancelled("the message broke off"))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.is_late(cx) => {
                Poll::Ready(Some(Err(Status::deadline_exceeded("the message took too long to come"))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
