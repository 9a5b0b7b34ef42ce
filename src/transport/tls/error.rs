//! Why there is no TLS. Each sentence names the file and says what is wrong with it.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;

/// Why TLS cannot be made from its files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not there.
    #[error("the {what} {path} is missing: say with {flag} where it is")]
    Missing {
        /// Which file, in words.
        what: &'static str,
        /// The setting that names it.
        flag: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// The private key is open to others.
    #[error("the TLS key file {path} can be read by others (mode {mode:o}): run chmod 600 {path}")]
    Exposed {
        /// The path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file system says no.
    #[error("the {what} {path} cannot be read: {source}")]
    Io {
        /// Which file, in words.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No certificate is in it, or something that is no certificate.
    #[error("the {what} {path} does not hold certificates in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// Which file, in words.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// No private key is in it.
    #[error(
        "the TLS key file {path} does not hold an unencrypted private key in PEM (-----BEGIN PRIVATE KEY-----)"
    )]
    NoKey {
        /// The path.
        path: PathBuf,
    },
    /// A key of another certificate.
    #[error("the TLS key file {key} does not belong to the first certificate in {cert}")]
    KeyMismatch {
        /// The key's path.
        key: PathBuf,
        /// The certificate's path.
        cert: PathBuf,
    },
    /// A certificate or a key that TLS has no use for.
    #[error("the certificate in {cert} and the key in {key} cannot be used for TLS: {source}")]
    Unusable {
        /// The certificate's path.
        cert: PathBuf,
        /// The key's path.
        key: PathBuf,
        /// What the library said.
        source: rustls::Error,
    },
    /// The library cannot do what is asked of it with any certificate.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}
