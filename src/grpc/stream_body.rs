//! The answer of a streaming method: it ends when the server goes away, and its last status is translated like any other.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;
use tonic::body::Body;

use super::refusal::Refusal;
use super::status;
use super::stream_limit::OpenStream;

/// A stream of messages on its way out.
pub(super) struct StreamBody {
    inner: Body,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    request_id: HeaderValue,
    method: String,
    ended: bool,
    _place: Option<OpenStream>,
}

impl StreamBody {
    pub(super) fn new(
        inner: Body,
        draining: WaitForCancellationFutureOwned,
        (request_id, method): (HeaderValue, String),
        place: Option<OpenStream>,
    ) -> Self {
        Self { inner, draining: Box::pin(draining), request_id, method, ended: false, _place: place }
    }

    fn last_frame(&self, refusal: &Refusal<'_>) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        let status = status::render(refusal, &self.method, &self.request_id);
        // The metadata of a status of ours is empty, so that nothing in it can be unfit for a header.
        let _infallible = status.add_header(&mut trailers);
        Frame::trailers(trailers)
    }

    /// Translates the trailers of a stream that a library ended with an error. One that a service of ours ended says why
    /// already.
    fn translate(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        match frame.trailers_ref().and_then(Status::from_header_map) {
            Some(status) if status.code() != tonic::Code::Ok && status.details().is_empty() => {
                self.last_frame(&Refusal::of(&status))
            }
            _ => frame,
        }
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame.map(|result| result.map(|frame| self.translate(frame))));
        }
        if self.draining.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        Poll::Ready(Some(Ok(self.last_frame(&Refusal::Draining))))
    }
}
