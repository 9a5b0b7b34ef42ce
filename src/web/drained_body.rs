//! The body of a request over HTTP/1 whose answer may come before all of it was read: a message that is too large, say. If the
//! connection were closed on what is still coming, the client would find it broken and never read why. So the rest is read
//! and thrown away, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;

/// How much is thrown away at most, and for how long: who sends more is cut off. As long as it lasts, the body counts for its
/// network.
const MOST_BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(1);

/// Such a body.
struct DrainedBody(Body);

/// Has the rest of a request's body read when nobody reads on. One that waits to be asked for its body never sends it.
pub(super) fn drained(request: Request<Body>) -> Request<Body> {
    if request.version() >= Version::HTTP_2 || request.headers().contains_key(EXPECT) {
        return request;
    }
    request.map(|body| if body.is_end_stream() { body } else { Body::new(DrainedBody(body)) })
}

impl http_body::Body for DrainedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.0);
        if !rest.is_end_stream() {
            tokio::spawn(tokio::time::timeout(PATIENCE, throw_away(rest)));
        }
    }
}

async fn throw_away(mut body: Body) {
    let mut thrown = 0;
    while let Some(Ok(frame)) = body.frame().await {
        thrown += frame.data_ref().map_or(0, Bytes::len);
        if thrown > MOST_BYTES {
            return;
        }
    }
}
