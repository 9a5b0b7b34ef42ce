//! Authorities and certificates, servers that show them, and clients that believe them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign::pb::auth::v1::Caller;
use countersign::transport::{ClientAuthorities, TlsConfig};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, SanType,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, DEFAULT_VERSIONS, RootCertStore, SupportedProtocolVersion};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::harness::{Client, Credentials, PASSWORD, Refused, TestServer};

/// Who signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

/// A folder with the files of a server.
pub(super) struct Site {
    pub(super) folder: TempDir,
}

/// How a client connects.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Whom it believes.
    pub(super) believed: &'a Authority,
    /// What it shows.
    pub(super) shown: Option<&'a Pair>,
    /// What it wants to speak inside.
    pub(super) alpn: &'a [&'a [u8]],
    /// Which TLS it speaks.
    pub(super) versions: &'a [&'static SupportedProtocolVersion],
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named(name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this machine.
    pub(super) fn of_server(&self) -> Pair {
        self.sign(|params| {
            params.subject_alt_names = vec![
                SanType::IpAddress([127, 0, 0, 1].into()),
                SanType::DnsName("auth.test".try_into().unwrap()),
            ];
        })
    }

    /// A certificate of a client with this name.
    pub(super) fn of_client(&self, name: &str) -> Pair {
        self.sign(|params| params.distinguished_name = named(name))
    }

    pub(super) fn sign(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        change(&mut params);
        Pair { cert: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// A certificate for this machine that is its own authority.
pub fn self_signed() -> Pair {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    Pair { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

impl Pair {
    /// The certificate, as it is shown.
    pub(super) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap()
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(&self.cert, &self.key)
    }
}

impl Site {
    pub(super) fn new(pair: &Pair) -> Self {
        let site = Self { folder: TempDir::new().unwrap() };
        site.replace(pair);
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces the certificate and its key, each as a whole, one after the other.
    pub(super) fn replace(&self, pair: &Pair) {
        self.put("key.pem", &pair.key);
        self.put("cert.pem", &pair.cert);
    }

    /// Replaces a file as a whole.
    pub(super) fn put(&self, name: &str, content: &str) -> PathBuf {
        put(self.folder.path(), name, content)
    }

    pub(super) fn config(&self) -> TlsConfig {
        TlsConfig { cert_file: self.path("cert.pem"), key_file: self.path("key.pem"), clients: None }
    }

    /// Clients may or must show certificates of this authority.
    pub(super) fn config_with_clients(&self, authority: &Authority, required: bool) -> TlsConfig {
        let file = self.put("ca.pem", &authority.pem());
        TlsConfig { clients: Some(ClientAuthorities { file, required }), ..self.config() }
    }
}

/// Writes a file that nobody else can read, as a whole.
pub fn put(folder: &Path, name: &str, content: &str) -> PathBuf {
    let (draft, path) = (folder.join(format!("{name}.draft")), folder.join(name));
    fs::write(&draft, content).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&draft, &path).unwrap();
    path
}

/// A server with these files.
pub(super) async fn serve(tls: TlsConfig) -> TestServer {
    TestServer::start_with(|config| config.tls = Some(tls)).await
}

/// Begins HTTP/2, and waits for the server's own beginning.
pub(super) async fn begin_http2(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await?;
    stream.read_exact(&mut [0; 9]).await.map(|_| ())
}

impl<'a> Wish<'a> {
    pub(super) fn believing(believed: &'a Authority) -> Self {
        Self { believed, shown: None, alpn: &[b"h2"], versions: DEFAULT_VERSIONS }
    }

    pub(super) fn showing(self, pair: &'a Pair) -> Self {
        Self { shown: Some(pair), ..self }
    }

    pub(super) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.believed.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.shown {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![pair.der()], key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    /// Makes a handshake.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        self.connect_on(TcpStream::connect(address).await?).await
    }

    pub(super) async fn connect_on(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = "127.0.0.1".try_into().unwrap();
        TlsConnector::from(Arc::new(self.config())).connect(name, stream).await
    }

    /// Makes a handshake and waits for the server's word on it: in TLS 1.3 a client has finished its own part before the
    /// server has seen what it shows.
    pub(super) async fn is_let_in(&self, address: SocketAddr) -> bool {
        let Ok(mut stream) = self.connect(address).await else { return false };
        begin_http2(&mut stream).await.is_ok()
    }

    /// The certificate that a new connection is shown.
    pub(super) async fn sees(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = self.connect(address).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    /// A connection of tonic's.
    pub(super) async fn channel(&self, address: SocketAddr) -> Result<Channel, tonic::transport::Error> {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.believed.pem()));
        if let Some(pair) = self.shown {
            tls = tls.identity(pair.identity());
        }
        Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap().connect().await
    }

    pub(super) async fn client(&self, address: SocketAddr) -> Client {
        Client::new(self.channel(address).await.unwrap())
    }

    /// How alice is greeted over a new connection.
    pub(super) async fn caller(&self, address: SocketAddr) -> Caller {
        let client = self.client(address).await;
        let taken = Refused::new(tonic::Code::AlreadyExists, "USERNAME_TAKEN");
        if let Err(refusal) = client.create_user("alice", PASSWORD).await {
            assert_eq!(refusal, taken);
        }
        client.caller(Credentials::Basic("alice", PASSWORD)).await
    }
}
