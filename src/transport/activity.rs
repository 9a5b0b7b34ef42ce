//! Whether anything happens on a connection: the reason to keep it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Counts the calls of one connection.
#[derive(Default)]
pub(super) struct Activity {
    started: AtomicU64,
    running: AtomicU32,
}

/// A running call; it ends when this is dropped.
pub(super) struct ActiveCall(Arc<Activity>);

impl Activity {
    pub(super) fn start(self: &Arc<Self>) -> ActiveCall {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        ActiveCall(Arc::clone(self))
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

impl Drop for ActiveCall {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
