//! The body of a request whose answer is there before all of it was read: a message that is too large, or credentials that are
//! no good. If the connection of HTTP/1 were closed on what is still coming, or its stream of HTTP/2 reset, the client would find
//! it broken and might never read why. So the rest is read and thrown away, within bounds. Over HTTP/2 the answer waits for that:
//! curl 7.88 loses an answer when the reset comes with it, and when it is refused while it still sends, it ends its body too
//! early, which is an error that takes the answer along. And h2 counts, for as long as a connection lives, on how many streams
//! something came that were reset, and closes it at a thousand: clients of gRPC that send headers and message apart, as tonic's,
//! would lose what else runs on it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How much is thrown away at most: who sends more is cut off. As long as it lasts, the body counts for its network.
const MOST_BYTES: usize = 1 << 20;

/// For how long the rest of a body is read that nobody wants any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Of a message of gRPC, which comes right behind its headers: its clients lose no answer to a reset, and one that sends a
    /// stream may mean to send on when it is refused. And of whatever a network sends that has too much running.
    Short,
    /// Of anything else.
    Long,
}

impl Patience {
    fn span(self) -> Duration {
        match self {
            Self::Short => Duration::from_millis(200),
            Self::Long => Duration::from_secs(1),
        }
    }
}

/// Such a body, and who gets what is left of it.
pub(super) struct DrainedBody<B: Unread> {
    body: Option<B>,
    has_rest: bool,
    patience: Patience,
    rest: Option<oneshot::Sender<B>>,
}

/// A body that can be thrown away behind whoever had it.
pub(super) trait Unread: Body<Data = Bytes> + Send + Unpin + 'static {}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Unread for B {}

/// What nobody has read of a request's body, once it was given up.
pub(super) struct Rest<B> {
    given_up: Option<oneshot::Receiver<B>>,
    patience: Patience,
}

/// Has the rest of a request's body read when nobody reads on. One that waits to be asked for its body never sends it.
pub(super) fn drained<B: Unread>(
    request: Request<B>,
    patience: Patience,
) -> (Request<DrainedBody<B>>, Rest<B>) {
    let has_rest = !request.body().is_end_stream() && !request.headers().contains_key(EXPECT);
    let (rest, given_up) = if has_rest && request.version() >= Version::HTTP_2 {
        let (rest, given_up) = oneshot::channel();
        (Some(rest), Some(given_up))
    } else {
        (None, None)
    };
    let request = request.map(|body| DrainedBody { body: Some(body), has_rest, patience, rest });
    (request, Rest { given_up, patience })
}

impl<B: Unread> Rest<B> {
    /// What an answer that is there has to wait for: the end of its request. Nothing where a method still reads, as of a stream.
    pub(super) fn remainder(&mut self) -> Option<impl Future<Output = ()> + Send + use<B>> {
        let rest = self.given_up.take()?.try_recv().ok()?;
        Some(throw_away(rest, self.patience))
    }
}

impl<B: Unread> Body for DrainedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Unread> Drop for DrainedBody<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.has_rest && !body.is_end_stream()) else {
            return;
        };
        match self.rest.take() {
            // If nobody is there any more, nobody waits for an answer either.
            Some(rest) => drop(rest.send(body)),
            None => drop(tokio::spawn(throw_away(body, self.patience))),
        }
    }
}

async fn throw_away<B: Unread>(mut body: B, patience: Patience) {
    let all = async {
        let (mut thrown, mut faulty) = (0, false);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => thrown += frame.data_ref().map_or(0, Bytes::len),
                // That it is too much, or late, is for whoever wanted it.
                Err(_) if !faulty => faulty = true,
                Err(_) => return,
            }
            if thrown > MOST_BYTES {
                return;
            }
        }
    };
    let _late = timeout(patience.span(), all).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream::{self, Stream};
    use futures_util::{FutureExt, StreamExt};
    use http_body_util::StreamBody;

    use super::*;

    fn asked(pieces: impl Stream<Item = Bytes> + Send + 'static) -> (Request<impl Body>, Rest<impl Unread>) {
        asked_of(pieces.map(Ok::<_, Infallible>))
    }

    fn asked_of<E: Send + 'static>(
        pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> (Request<impl Body>, Rest<impl Unread>) {
        let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)).boxed());
        let request = Request::post("/").version(Version::HTTP_2).body(body).unwrap();
        drained(request, Patience::Long)
    }

    #[tokio::test]
    async fn over_http_2_an_answer_waits_for_what_nobody_reads_until_it_has_come() {
        let (sender, receiver) = oneshot::channel();
        let (request, mut rest) = asked(stream::once(receiver).filter_map(|piece| async { piece.ok() }));
        drop(request);
        let mut waiting = std::pin::pin!(rest.remainder().unwrap());
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send(Bytes::from_static(b"the last")).unwrap();
        waiting.await;
    }

    #[tokio::test]
    async fn an_answer_does_not_wait_for_what_is_still_read() {
        let (request, mut rest) = asked(stream::pending());
        assert!(rest.remainder().is_none());
        drop(request);
    }

    /// The first may be ours, that it is too much; the connection's own comes again and again.
    #[tokio::test]
    async fn a_body_is_read_behind_one_fault_and_not_behind_two() {
        let faults = stream::repeat_with(|| Err("broken"));
        let (sender, receiver) = oneshot::channel();
        let last = stream::once(receiver).filter_map(|piece| async { piece.ok() });
        let (request, mut rest) = asked_of(faults.clone().take(1).chain(last.map(Ok)));
        drop(request);
        let mut waiting = std::pin::pin!(rest.remainder().unwrap());
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send(Bytes::from_static(b"the last")).unwrap();
        waiting.await;
        let (request, mut rest) = asked_of(faults);
        drop(request);
        assert!(rest.remainder().unwrap().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_sends_without_end_is_read_for_no_longer_than_the_bound() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let endless = stream::repeat_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Bytes::from(vec![b'x'; 1 << 16])
        });
        let (request, mut rest) = asked(endless);
        drop(request);
        rest.remainder().unwrap().await;
        assert_eq!(count.load(Ordering::Relaxed), MOST_BYTES / (1 << 16) + 1);
    }
}
