//! Where TLS is told what to show and whom to believe.

use std::path::PathBuf;

/// The files that TLS is made from. They are read again while the service runs.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The service's certificate in PEM, and behind it those of the authorities between it and the root.
    pub cert_file: PathBuf,
    /// Its private key in PEM, which nobody else may read.
    pub key_file: PathBuf,
    /// Who vouches for clients, if they may show certificates.
    pub clients: Option<ClientAuthorities>,
}

/// Whose client certificates are believed.
#[derive(Clone, Debug)]
pub struct ClientAuthorities {
    /// Certificates of authorities in PEM.
    pub file: PathBuf,
    /// Whether a client without a certificate is refused at the handshake.
    pub required: bool,
}
