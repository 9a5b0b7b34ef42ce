//! Ends a stream with its caller's token. Owns when to look at the token again; whether it is good is the verifier's.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tonic::Status;

use super::StreamExtender;
use crate::{Caller, Refusal, Verifier};

/// After this long a token is looked at again in any case: who sets the clock on the wall, or wakes a machine that slept,
/// tells nobody.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(10);

pin_project! {
    /// A stream of messages that ends when its caller's token is good no more: with UNAUTHENTICATED and TOKEN_EXPIRED or
    /// TOKEN_REVOKED, or with UNAVAILABLE and TRUST_STALE where the verifier's policy is not to go on by what it knows.
    /// It ends at once, whether or not the stream inside has anything to say, and drops that stream.
    ///
    /// It goes around the answer of a method as around the messages that a client sends (`tonic::Streaming`): a method
    /// that reads those gets the status as an error and passes it on with `?`. Under
    /// [`WhenStale::AskServer`](crate::WhenStale::AskServer) nobody is asked about a stream that is open; it ends.
    pub struct StreamGuard<S> {
        #[pin]
        inner: Option<S>,
        end: Pin<Box<dyn Future<Output = Refusal> + Send>>,
        extender: StreamExtender,
    }
}

impl<S> StreamGuard<S> {
    /// Guards `stream`, which is `caller`'s.
    #[must_use]
    pub fn new(stream: S, verifier: &Verifier, caller: Caller) -> Self {
        let (extender, callers) = StreamExtender::new(verifier.clone(), caller);
        Self { inner: Some(stream), end: Box::pin(end(verifier.clone(), callers)), extender }
    }

    /// What carries it on.
    #[must_use]
    pub fn extender(&self) -> StreamExtender {
        self.extender.clone()
    }
}

impl<S, T> Stream for StreamGuard<S>
where
    S: Stream<Item = Result<T, Status>>,
{
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        // First of all, on every message: a stream that always has something to say must end too.
        if let Poll::Ready(refusal) = this.end.as_mut().poll(cx) {
            this.inner.set(None);
            return Poll::Ready(Some(Err(refusal.into())));
        }
        let message = ready!(inner.poll_next(cx));
        if message.is_none() {
            this.inner.set(None);
        }
        Poll::Ready(message)
    }
}

/// Comes when the token of the last of `callers` is good no more.
async fn end(verifier: Verifier, mut callers: watch::Receiver<Caller>) -> Refusal {
    let mut changes = verifier.changes();
    loop {
        // Marked as seen before the look: what changes during it is looked at again.
        changes.mark_unchanged();
        let caller = callers.borrow_and_update().clone();
        if let Err(refusal) = verifier.recheck(&caller) {
            return refusal;
        }
        let pause = verifier.holds_for(&caller).min(LONGEST_PAUSE);
        tokio::select! {
            Ok(()) = changes.changed() => {}
            Ok(()) = callers.changed() => {}
            () = pause_for(pause) => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing announces that time has passed")]
async fn pause_for(pause: Duration) {
    tokio::time::sleep(pause).await;
}
