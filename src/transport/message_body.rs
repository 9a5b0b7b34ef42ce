//! The body of a request on its way in: what its message takes is counted.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use super::load::IncomingMessage;

/// A request's body.
pub(super) struct MessageBody {
    inner: Incoming,
    message: IncomingMessage,
}

impl MessageBody {
    pub(super) fn new(inner: Incoming, message: IncomingMessage) -> Self {
        Self { inner, message }
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
            Ok(frame) if self.message.arrive(frame.data_ref().map_or(&[], |data| data)) => Ok(frame),
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
