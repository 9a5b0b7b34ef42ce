//! Whose certificates are believed.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use tonic::transport::{ClientTlsConfig, Endpoint};

use crate::EndpointError;

/// The authorities that may vouch for a server.
#[derive(Clone)]
pub(crate) enum Roots {
    /// The system's.
    System,
    /// Only these.
    Given(Vec<TrustAnchor<'static>>),
}

impl Roots {
    /// Reads certificates in PEM; `None` if one cannot be read or there is none. Tonic would leave out what it cannot
    /// read, and believe nobody.
    pub(crate) fn parse(pem: &[u8]) -> Option<Self> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
        let anchor = |certificate| Some(webpki::anchor_from_trusted_cert(certificate).ok()?.to_owned());
        let anchors = certificates.iter().map(anchor).collect::<Option<Vec<_>>>()?;
        (!anchors.is_empty()).then_some(Self::Given(anchors))
    }

    /// Sets an endpoint up to believe them.
    pub(crate) fn apply(&self, endpoint: Endpoint) -> Result<Endpoint, EndpointError> {
        let config = match self {
            Self::System => ClientTlsConfig::new().with_native_roots(),
            Self::Given(anchors) => ClientTlsConfig::new().trust_anchors(anchors.iter().cloned()),
        };
        endpoint.tls_config(config).map_err(|_| EndpointError::RootsMissing)
    }
}
