//! How the server stops: softly, then hard. Owns no connection.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How a stop is carried out.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long running calls may take to finish before they are cut off.
    pub patience: Duration,
}

/// The two stages of a stop, as every connection sees them.
#[derive(Clone, Default)]
pub(super) struct Stop {
    /// Finish what runs, begin nothing.
    pub(super) soft: CancellationToken,
    /// Go.
    pub(super) hard: CancellationToken,
}
