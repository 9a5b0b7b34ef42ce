//! From the socket to the door: accepting, bounding and draining connections, and sorting requests by content type.

mod activity;
mod connection;
mod deadline;
mod dispatch;
mod handler;
mod listener;
mod peer;
mod peer_limit;

pub use deadline::{CallDeadline, DeadlineError};
pub use dispatch::{Answer, Dispatch};
pub use handler::Handler;
pub use listener::{Drain, Listener};
pub use peer::{Network, Peer};
pub use peer_limit::{PeerLimit, PeerLimitConfig};
