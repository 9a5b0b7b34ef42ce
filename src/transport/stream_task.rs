//! The task that runs an HTTP/2 stream, and its end from inside the call: hyper waits for a peer who does not read for as long
//! as the connection lives, and asks the answer's body nothing meanwhile. A call that may have such a peer hands in a token;
//! when it is cancelled, the task is dropped wherever it is, and the stream is reset.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

thread_local! {
    /// What the stream that is being polled on this thread has handed in.
    static HANDED_IN: Cell<Option<CancellationToken>> = const { Cell::new(None) };
}

/// Drops the stream that is being polled, call and answer, when `token` is cancelled. Elsewhere this does nothing.
pub fn end_stream_with(token: CancellationToken) {
    HANDED_IN.set(Some(token));
}

/// Runs streams in tasks that can be ended so.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTasks;

impl<F> Executor<F> for StreamTasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        tokio::spawn(StreamTask { stream, end: None });
    }
}

pin_project! {
    struct StreamTask<F> {
        #[pin]
        stream: F,
        end: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    }
}

impl<F: Future> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        // Whatever a task before this one has left behind, by a panic, is none of ours.
        HANDED_IN.take();
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if let Some(token) = HANDED_IN.take() {
            *this.end = Some(Box::pin(token.cancelled_owned()));
        }
        match this.end {
            Some(end) => end.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_stream_ends_with_the_token_that_it_handed_in_and_no_other_does() {
        let (token, alive) = (CancellationToken::new(), Arc::new(()));
        for hands_in in [true, false] {
            let (token, held) = (token.clone(), Arc::clone(&alive));
            StreamTasks.execute(async move {
                if hands_in {
                    end_stream_with(token);
                }
                pending::<()>().await;
                drop(held);
            });
        }
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&alive), 3);
        token.cancel();
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if Arc::strong_count(&alive) == 2 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
