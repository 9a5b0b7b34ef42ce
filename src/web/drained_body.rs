//! The body of a request whose answer is there before all of it was read: a message that is too large, say. If the connection
//! of HTTP/1 were closed on what is still coming, or its stream of HTTP/2 reset, the client would find it broken and might never
//! read why. So the rest is read and thrown away, within bounds. Over HTTP/2 the answer waits for that: curl 7.88 loses an answer
//! when the reset comes with it, and when it is refused while it still sends, it ends its body too early, which is an error that
//! takes the answer along.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tonic::Status;
use tonic::body::Body;

/// How much is thrown away at most, and for how long: who sends more is cut off. As long as it lasts, the body counts for its
/// network.
const MOST_BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(1);

/// Such a body, and who gets what is left of it.
struct DrainedBody {
    body: Body,
    rest: Option<oneshot::Sender<Body>>,
}

/// What nobody has read of a request's body, once it was given up.
pub(super) struct Rest(Option<oneshot::Receiver<Body>>);

/// Has the rest of a request's body read when nobody reads on. One that waits to be asked for its body never sends it.
pub(super) fn drained(request: Request<Body>) -> (Request<Body>, Rest) {
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return (request, Rest(None));
    }
    let (rest, received) = if request.version() >= Version::HTTP_2 {
        let (rest, received) = oneshot::channel();
        (Some(rest), Some(received))
    } else {
        (None, None)
    };
    (request.map(|body| Body::new(DrainedBody { body, rest })), Rest(received))
}

impl Rest {
    /// Lets an answer wait for the end of its request. Where a method still reads, as of a stream, there is nothing to wait for.
    pub(super) async fn has_come(self) {
        if let Some(Ok(rest)) = self.0.map(|mut rest| rest.try_recv()) {
            throw_away(rest).await;
        }
    }
}

impl http_body::Body for DrainedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.body);
        if rest.is_end_stream() {
            return;
        }
        match self.rest.take() {
            // If nobody is there any more, nobody waits for an answer either.
            Some(to) => drop(to.send(rest)),
            None => drop(tokio::spawn(throw_away(rest))),
        }
    }
}

async fn throw_away(mut body: Body) {
    let all = async {
        let mut thrown = 0;
        while let Some(Ok(frame)) = body.frame().await {
            thrown += frame.data_ref().map_or(0, Bytes::len);
            if thrown > MOST_BYTES {
                return;
            }
        }
    };
    let _late = tokio::time::timeout(PATIENCE, all).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::{FutureExt, StreamExt, stream};
    use http_body_util::StreamBody;

    use super::*;

    fn asked(pieces: impl stream::Stream<Item = Bytes> + Send + 'static) -> (Request<Body>, Rest) {
        let body = StreamBody::new(pieces.map(|piece| Ok::<_, Status>(Frame::data(piece))));
        drained(Request::post("/").version(Version::HTTP_2).body(Body::new(body)).unwrap())
    }

    #[tokio::test]
    async fn over_http_2_an_answer_waits_for_what_nobody_reads_until_it_has_come() {
        let (sender, receiver) = oneshot::channel();
        let (request, rest) = asked(stream::once(receiver).filter_map(|piece| async { piece.ok() }));
        drop(request);
        let mut waiting = std::pin::pin!(rest.has_come());
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send(Bytes::from_static(b"the last")).unwrap();
        waiting.await;
    }

    #[tokio::test]
    async fn an_answer_does_not_wait_for_what_is_still_read() {
        let (request, rest) = asked(stream::pending());
        assert!(rest.has_come().now_or_never().is_some());
        drop(request);
    }

    #[tokio::test]
    async fn who_sends_without_end_is_read_for_no_longer_than_the_bound() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let endless = stream::repeat_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Bytes::from(vec![b'x'; 1 << 16])
        });
        let (request, rest) = asked(endless);
        drop(request);
        rest.has_come().await;
        assert_eq!(count.load(Ordering::Relaxed), MOST_BYTES / (1 << 16) + 1);
    }
}
