//! Reading the files that TLS is made from, and making it.

use std::fmt;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use super::super::secret_file::exposing_mode;
use super::certificate::OwnCertificate;
use super::{ClientAuthorities, TlsConfig, TlsError};
use crate::domain::Clock;

/// The list of authorities of a whole system is a quarter of this.
const MAX_BYTES: u64 = 1 << 20;

const CERTIFICATE: Kind = Kind { what: "TLS certificate file", flag: "--tls-cert-file" };
const KEY: Kind = Kind { what: "TLS key file", flag: "--tls-key-file" };
const CLIENT_CA: Kind = Kind { what: "file of client authorities", flag: "--tls-client-ca-file" };

/// Which of the files is meant.
#[derive(Clone, Copy)]
struct Kind {
    what: &'static str,
    flag: &'static str,
}

/// What is in the files.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

/// What they become.
pub(super) struct Made {
    /// For the library.
    pub(super) config: Arc<ServerConfig>,
    /// For us.
    pub(super) own: OwnCertificate,
}

impl Files {
    /// Reads them all.
    pub(super) fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        let clients = config.clients.as_ref();
        Ok(Self {
            certificate: read(CERTIFICATE, &config.cert_file)?,
            key: read_private(&config.key_file)?,
            client_ca: clients.map(|clients| read(CLIENT_CA, &clients.file)).transpose()?,
        })
    }

    /// Makes TLS from them. Everything that a library or a half-written file could bring up at a handshake is brought up
    /// here.
    pub(super) fn make(&self, config: &TlsConfig, clock: &Arc<dyn Clock>) -> Result<Made, TlsError> {
        let chain = certificates(CERTIFICATE, &config.cert_file, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| TlsError::NoKey { path: config.key_file.clone() })?;
        let own =
            OwnCertificate::read(&chain[0]).map_err(|_| no_certificate(CERTIFICATE, &config.cert_file))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match (&config.clients, &self.client_ca) {
            (Some(clients), Some(authorities)) => Some(verifier(clients, authorities, &provider)?),
            _ => None,
        };
        let shows_certificates = verifier.is_some();
        let builder = ServerConfig::builder_with_details(provider, Arc::new(TimeOf(Arc::clone(clock))))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Library)?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut made = builder.with_single_cert(chain, key).map_err(|error| unusable(config, error))?;
        made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if shows_certificates {
            // Who resumes a session shows no certificate again: one that has expired since would go on being good.
            made.session_storage = Arc::new(NoServerSessionStorage {});
            made.send_tls13_tickets = 0;
        }
        Ok(Made { config: Arc::new(made), own })
    }
}

fn verifier(
    clients: &ClientAuthorities,
    authorities: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA, &clients.file, authorities)? {
        roots.add(certificate).map_err(|_| no_certificate(CLIENT_CA, &clients.file))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|_| no_certificate(CLIENT_CA, &clients.file))
}

/// All of them or none: with a part left out, some clients would be refused and nobody would know why.
fn certificates(kind: Kind, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    read.ok().filter(|read| !read.is_empty()).ok_or_else(|| no_certificate(kind, path))
}

fn no_certificate(kind: Kind, path: &Path) -> TlsError {
    TlsError::NoCertificate { what: kind.what, path: path.to_owned() }
}

fn unusable(config: &TlsConfig, error: rustls::Error) -> TlsError {
    let (cert, key) = (config.cert_file.clone(), config.key_file.clone());
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::KeyMismatch { key, cert },
        source => TlsError::Unusable { cert, key, source },
    }
}

fn read(kind: Kind, path: &Path) -> Result<Vec<u8>, TlsError> {
    inspect(kind, path)?;
    fs::read(path).map_err(|source| failed(kind, path, source))
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    if let Some(mode) = exposing_mode(&inspect(KEY, path)?) {
        return Err(TlsError::Exposed { path: path.to_owned(), mode });
    }
    fs::read(path).map(Zeroizing::new).map_err(|source| failed(KEY, path, source))
}

/// A pipe would be waited for, and a device read until the memory ends.
fn inspect(kind: Kind, path: &Path) -> Result<fs::Metadata, TlsError> {
    let metadata = fs::metadata(path).map_err(|source| failed(kind, path, source))?;
    if metadata.is_file() && metadata.len() <= MAX_BYTES {
        return Ok(metadata);
    }
    Err(failed(kind, path, io::Error::other("it is not a file of at most 1 MiB")))
}

fn failed(kind: Kind, path: &Path, source: io::Error) -> TlsError {
    let (what, path) = (kind.what, path.to_owned());
    match source.kind() {
        io::ErrorKind::NotFound => TlsError::Missing { what, flag: kind.flag, path },
        _ => TlsError::Io { what, path, source },
    }
}

/// What is new is told by it.
impl Hash for Files {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.certificate, &*self.key, &self.client_ca).hash(state);
    }
}

/// The service's clock, as the library asks for the time.
struct TimeOf(Arc<dyn Clock>);

impl fmt::Debug for TimeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimeOf")
    }
}

impl TimeProvider for TimeOf {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_secs()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}
