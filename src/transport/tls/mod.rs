//! TLS on the service's own port: the files it is made from, who clients prove to be by it, and the handshake.

mod certificate;
mod config;
mod error;
mod files;
mod handshake;
mod identity;
mod plaintext;

pub use certificate::ClientCertificate;
pub use config::{ClientAuthorities, TlsConfig};
pub use error::TlsError;
pub(super) use handshake::{HandshakeShare, Handshakes};
pub use identity::{Look, Tls};
