//! The body of a request on its way in, counted as long as somebody holds it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use super::load::CountedBytes;

/// A request's body.
pub(super) struct MessageBody {
    inner: Incoming,
    counted: CountedBytes,
}

impl MessageBody {
    pub(super) fn new(inner: Incoming, counted: CountedBytes) -> Self {
        Self { inner, counted }
    }
}

impl http_body::Body for MessageBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(frame.map(|result| match result {
            Ok(frame) if self.counted.add(frame.data_ref().map_or(0, Bytes::len)) => Ok(frame),
            Ok(_) => Err(Status::aborted("too much is on its way in from this network")),
            Err(_broken_off) => Err(Status::cancelled("the message broke off")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
