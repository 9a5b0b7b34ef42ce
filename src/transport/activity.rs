//! Whether anything happens on a connection: the reason to keep it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counts the calls of one connection.
#[derive(Default)]
pub(super) struct Activity {
    started: AtomicU64,
    running: AtomicU32,
    /// How many answers are on their way out, by the look at the connection before which they began.
    answering: [AtomicU32; 3],
    looks: AtomicU32,
}

/// An answer on its way out; it ends when this is dropped.
pub(super) struct Answering {
    activity: Arc<Activity>,
    since: usize,
}

/// A running call; it ends when this is dropped.
pub(super) struct ActiveCall(Arc<Activity>);

impl Activity {
    pub(super) fn start(self: &Arc<Self>) -> ActiveCall {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        ActiveCall(Arc::clone(self))
    }

    /// Notes that an answer is complete but for its peer, who takes it or does not.
    pub(super) fn answer(self: &Arc<Self>) -> Answering {
        let since = self.looks.load(Ordering::Relaxed) as usize % self.answering.len();
        self.answering[since].fetch_add(1, Ordering::Relaxed);
        Answering { activity: Arc::clone(self), since }
    }

    /// Looks at the connection, now and then: whether there is an answer that its peer has not taken for two looks at least.
    pub(super) fn is_not_taken(&self) -> bool {
        let look = self.looks.load(Ordering::Relaxed).wrapping_add(1);
        let oldest = look as usize % self.answering.len();
        if self.answering[oldest].load(Ordering::Relaxed) > 0 {
            return true;
        }
        self.looks.store(look, Ordering::Relaxed);
        false
    }

    /// How many calls there have been.
    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Whether a call or a stream is running.
    pub(super) fn is_busy(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.activity.answering[self.since].fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for ActiveCall {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_taken_is_found_after_two_looks_and_one_that_is_taken_never() {
        let activity = Arc::new(Activity::default());
        drop(activity.answer());
        let answer = activity.answer();
        assert!(!activity.is_not_taken() && !activity.is_not_taken());
        assert!(activity.is_not_taken() && activity.is_not_taken());
        drop(answer);
        for _ in 0..7 {
            let answer = activity.answer();
            assert!(!activity.is_not_taken());
            drop(answer);
        }
    }
}
