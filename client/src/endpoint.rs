//! Where a Countersign server is, and how it is connected to: a URL, whether what is sent there can be read on the way,
//! and whose certificates are believed.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

#[cfg(feature = "tls")]
use crate::roots::Roots;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection that is in use is asked whether it is still there. What a dead one costs is this and the next:
/// half of a verifier's default `max_staleness`.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How long the answer to that may take before the connection is given up.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for a connection that nothing runs on, by TCP: HTTP/2 pings would keep it up where its server wants it to go.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What the sessions that this crate opens are listed under.
const USER_AGENT: &str = concat!("countersign-client/", env!("CARGO_PKG_VERSION"));

/// A server to connect to: `https://auth.example.com`, or `http://127.0.0.1:50051` on the same machine. Passwords and
/// tokens go there, so `http` to anywhere else is refused, unless it is [allowed](Self::allow_plaintext).
///
/// ```
/// use countersign_client::ServerEndpoint;
///
/// let server = ServerEndpoint::parse("http://127.0.0.1:50051")?;
/// assert!(ServerEndpoint::parse("http://auth.internal:50051").is_err());
/// # Ok::<(), countersign_client::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct ServerEndpoint {
    endpoint: Endpoint,
    #[cfg(feature = "tls")]
    roots: Roots,
}

/// Why a text is no server's address, or a server cannot be connected to in this way.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not a URL of scheme, host and port alone. The text is not repeated: it may hold a password.
    #[error("a server's address must be a URL like https://auth.example.com or http://127.0.0.1:50051")]
    Malformed,
    /// No connection could be made to it; some libraries would take another one silently.
    #[error("the port of a server's address must be a number from 1 to 65535")]
    PortMalformed,
    /// Brackets are for IPv6 alone; whatever else stands in them would be looked up as a name.
    #[error("in brackets, as in https://[::1]:50051, a server's address must have an IPv6 address")]
    BracketsMalformed,
    /// Everybody on the way could read what is sent.
    #[error(
        "http:// to another machine would show passwords and tokens to everybody on the way: use https://, or allow \
         plaintext where the way is encrypted otherwise"
    )]
    Plaintext,
    /// The crate was built without TLS.
    #[error("https:// needs the feature `tls` of countersign-client")]
    TlsMissing,
    /// What was given is no certificate in PEM.
    #[error("the certificate must be PEM")]
    CertificateMalformed,
    /// The system's list of certificate authorities cannot be read, or is empty.
    #[error("the system has no certificate authorities to believe: give a certificate")]
    RootsMissing,
}

impl ServerEndpoint {
    /// Reads a URL of scheme, host and, if it is not 443 or 80, port.
    ///
    /// # Errors
    ///
    /// It is another kind of URL; it is `http` and neither a loopback address nor `localhost`; it is `https` and the
    /// feature `tls` is off.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let server = Self::allow_plaintext(url)?;
        if server.is_plaintext() && !server.is_loopback() {
            return Err(EndpointError::Plaintext);
        }
        Ok(server)
    }

    /// The same, and `http` may go to other machines: for networks that encrypt below, such as a mesh or a tunnel.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), but for plaintext.
    pub fn allow_plaintext(url: &str) -> Result<Self, EndpointError> {
        let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let authority = authority.ok_or(EndpointError::Malformed)?.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '#', '@']) {
            return Err(EndpointError::Malformed);
        }
        if url.starts_with("https://") && !cfg!(feature = "tls") {
            return Err(EndpointError::TlsMissing);
        }
        let endpoint = Endpoint::from_shared(url.to_owned()).ok().filter(names_a_host);
        let endpoint = endpoint.ok_or(EndpointError::Malformed)?;
        check_authority(authority)?;
        let endpoint = endpoint.user_agent(USER_AGENT).map_err(|_| EndpointError::Malformed)?;
        Ok(Self {
            endpoint: with_patience(endpoint),
            #[cfg(feature = "tls")]
            roots: Roots::System,
        })
    }

    /// Believes certificates signed by these authorities, one or several in PEM, and no others. Without this, the
    /// system's list is believed. Nothing changes for `http`.
    ///
    /// # Errors
    ///
    /// It holds no certificate.
    #[cfg(feature = "tls")]
    pub fn ca_certificate(self, pem: &[u8]) -> Result<Self, EndpointError> {
        let roots = Roots::parse(pem).ok_or(EndpointError::CertificateMalformed)?;
        Ok(Self { roots, ..self })
    }

    /// A connection that is made when it is first used, and again whenever it is lost.
    ///
    /// # Errors
    ///
    /// It is to be encrypted and there is nobody whose certificates could be believed.
    pub(crate) fn connect_lazy(&self) -> Result<Channel, EndpointError> {
        #[cfg(feature = "tls")]
        if !self.is_plaintext() {
            return Ok(self.roots.apply(self.endpoint.clone())?.connect_lazy());
        }
        Ok(self.endpoint.connect_lazy())
    }

    fn is_plaintext(&self) -> bool {
        self.endpoint.uri().scheme_str() != Some("https")
    }

    /// Whether what is sent there stays on this machine. No name but one is looked up: what a resolver says can change.
    fn is_loopback(&self) -> bool {
        let host = self.endpoint.uri().host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = |address: IpAddr| address.to_canonical().is_loopback();
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(loopback)
    }
}

impl fmt::Display for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint.uri().to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerEndpoint({self})")
    }
}

fn names_a_host(endpoint: &Endpoint) -> bool {
    endpoint.uri().host().is_some_and(|host| !host.is_empty())
}

/// What the URL's parser lets pass: it takes anything for a port, and anything in brackets for a host.
fn check_authority(authority: &str) -> Result<(), EndpointError> {
    let after_host = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or(EndpointError::BracketsMalformed)?;
            host.parse::<Ipv6Addr>().map_err(|_| EndpointError::BracketsMalformed)?;
            after
        }
        None => authority.find(':').map_or("", |colon| &authority[colon..]),
    };
    let Some(port) = after_host.strip_prefix(':') else {
        return if after_host.is_empty() { Ok(()) } else { Err(EndpointError::Malformed) };
    };
    let is_number = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    let is_port = is_number && port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_port { Ok(()) } else { Err(EndpointError::PortMalformed) }
}

fn with_patience(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Some(TCP_KEEP_ALIVE))
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_of_host_and_port() {
        for url in ["http://127.0.0.1:50051", "http://[::1]:50051/", "http://localhost"] {
            assert_eq!(ServerEndpoint::parse(url).unwrap().to_string(), url.trim_end_matches('/'));
        }
        for url in [
            "",
            "http://",
            "http://:50051",
            "127.0.0.1:50051",
            "ftp://127.0.0.1:50051",
            "http://root:hunter2@127.0.0.1:50051",
            "http://127.0.0.1:50051/x",
            "http://127.0.0.1:50051?x",
            "http://a b",
        ] {
            assert_eq!(ServerEndpoint::parse(url).unwrap_err(), EndpointError::Malformed, "{url}");
        }
    }

    #[test]
    fn what_is_no_port_or_no_address_is_named_when_it_is_given() {
        for (url, error) in [
            ("http://127.0.0.1:99999", EndpointError::PortMalformed),
            ("http://127.0.0.1:65536", EndpointError::PortMalformed),
            ("http://127.0.0.1:-1", EndpointError::PortMalformed),
            ("http://127.0.0.1:+1", EndpointError::PortMalformed),
            ("http://127.0.0.1:0", EndpointError::PortMalformed),
            ("http://127.0.0.1:", EndpointError::PortMalformed),
            ("http://localhost:http", EndpointError::PortMalformed),
            ("http://[::1]:99999/", EndpointError::PortMalformed),
            ("http://[127.0.0.1]", EndpointError::BracketsMalformed),
            ("http://[localhost]:50051", EndpointError::BracketsMalformed),
            ("http://[::1", EndpointError::Malformed),
            ("http://[::1]50051", EndpointError::Malformed),
            ("http://::1", EndpointError::Malformed),
        ] {
            assert_eq!(ServerEndpoint::parse(url).unwrap_err(), error, "{url}");
        }
        for url in ["http://127.0.0.1:1", "http://[::1]:65535", "http://[::1]"] {
            ServerEndpoint::parse(url).unwrap();
        }
    }

    #[test]
    fn plaintext_stays_on_the_machine_unless_it_is_allowed() {
        for host in ["127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "LocalHost"] {
            ServerEndpoint::parse(&format!("http://{host}:50051")).unwrap();
        }
        for host in ["0.0.0.0", "[::]", "10.0.0.1", "127.0.0.1.example.com", "localhost.example.com"] {
            let url = format!("http://{host}:50051");
            assert_eq!(ServerEndpoint::parse(&url).unwrap_err(), EndpointError::Plaintext, "{host}");
            ServerEndpoint::allow_plaintext(&url).unwrap();
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn encrypted_goes_anywhere() {
        let server = ServerEndpoint::parse("https://auth.example.com").unwrap();
        assert_eq!(format!("{server:?}"), "ServerEndpoint(https://auth.example.com)");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn encrypted_needs_the_feature() {
        let refused = ServerEndpoint::parse("https://auth.example.com").unwrap_err();
        assert_eq!(refused, EndpointError::TlsMissing);
    }

    #[cfg(feature = "tls")]
    #[test]
    fn what_is_no_certificate_is_refused() {
        let server = ServerEndpoint::parse("https://auth.example.com").unwrap();
        let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        for pem in ["", "hello", empty] {
            let refused = server.clone().ca_certificate(pem.as_bytes()).unwrap_err();
            assert_eq!(refused, EndpointError::CertificateMalformed, "{pem}");
        }
    }
}
