//! From the socket to the door: accepting, bounding and draining connections, and sorting requests by content type.

mod activity;
mod connection;
mod deadline;
mod dispatch;
mod drain;
mod drained_body;
mod forwarded;
mod handler;
mod listener;
mod load;
mod media_type;
mod message_body;
mod peer;
mod peer_limit;
mod secret_file;
mod shares;
mod stream_task;
mod tls;

pub use connection::OpenEnded;
pub use deadline::{CallDeadline, DeadlineError};
pub use dispatch::{Answer, Dispatch, SEC_FETCH_SITE};
pub use drain::Drain;
pub use forwarded::TrustedProxies;
pub use handler::Handler;
pub use listener::Listener;
pub use load::Crowded;
pub use media_type::{content_type, media_type};
pub use peer::Peer;
pub use peer_limit::{PeerLimit, PeerLimitConfig};
pub use secret_file::exposing_mode;
pub use stream_task::end_stream_with;
pub use tls::{ClientAuthorities, ClientCertificate, Look, Tls, TlsConfig, TlsError};
