//! When a service is to stop.

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

/// Comes with SIGTERM, by which containers and service managers stop a process, or SIGINT, which a terminal sends. From the
/// first time that it is waited for, neither ends the process by itself any more.
pub async fn stop_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
