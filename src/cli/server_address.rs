//! Where a server is: a URL, and whether what is sent there can be read on the way.

use std::fmt;
use std::net::IpAddr;

use clap::Arg;
use tonic::transport::Endpoint;

use super::given::Given;
use super::{refusal, server_tls};
use crate::config::SERVER_VARIABLE;

/// Where `countersign serve` listens if it is not told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:50051";

/// A server's address: a scheme, a host and a port, which is all that is really done with it.
#[derive(Debug)]
pub(super) struct ServerAddress(Endpoint);

impl ServerAddress {
    /// What a text must be to be one.
    const RULE: &str = "must be a URL like http://127.0.0.1:50051 or https://auth.example.com";

    /// The arguments beside the variables.
    pub(super) fn arguments() -> Vec<Arg> {
        let server = Arg::new("server").long("server").value_name("URL").help(format!(
            "The server to ask, instead of the variable {SERVER_VARIABLE} [default: {DEFAULT_SERVER}]"
        ));
        [server].into_iter().chain(server_tls::arguments()).collect()
    }

    /// The address that was given, and the place that it came from. If it cannot be used, that is noted.
    pub(super) fn read(given: &mut Given) -> Option<(&'static str, Self)> {
        let (place, url) = match (given.text("server"), given.variables.get(SERVER_VARIABLE)) {
            (Some(url), _) => ("--server", url),
            (None, Some(url)) => (SERVER_VARIABLE, url.clone()),
            (None, None) => ("--server", DEFAULT_SERVER.to_owned()),
        };
        let Some(address) = Self::parse(&url) else {
            given.problems.add(place, Self::RULE);
            return None;
        };
        if address.is_plaintext() {
            return Some((place, address));
        }
        match address.0.tls_config(server_tls::read(given)?) {
            Ok(endpoint) => Some((place, Self(endpoint))),
            Err(error) => {
                let cause = refusal::deepest(&error);
                given.problems.add(place, format!("TLS cannot be spoken as it was asked: {cause}"));
                None
            }
        }
    }

    /// Reads the text of a flag or a variable.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let url = url.trim_end_matches('/');
        let authority = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
        let plain = !authority.is_empty() && !authority.contains(['/', '?', '#', '@']);
        let endpoint = plain.then(|| Endpoint::from_shared(url.to_owned()).ok())??;
        endpoint.uri().host().is_some_and(|host| !host.is_empty()).then_some(Self(endpoint))
    }

    /// Whether everybody on the way can read what is sent there.
    pub(super) fn is_plaintext(&self) -> bool {
        self.0.uri().scheme_str() != Some("https")
    }

    /// Whether what is sent there stays on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.0.uri().host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = |address: IpAddr| address.to_canonical().is_loopback();
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(loopback)
    }

    /// What a connection is made from.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.0.clone()
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.uri().to_string().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_plain_url_of_host_and_port() {
        for url in [
            "http://127.0.0.1:50051",
            "http://[::1]:50051/",
            "http://auth.internal",
            "https://auth.example.com",
        ] {
            assert_eq!(ServerAddress::parse(url).unwrap().to_string(), url.trim_end_matches('/'));
        }
        for url in [
            "",
            "http://",
            "http://:50051",
            "127.0.0.1:50051",
            "ftp://127.0.0.1:50051",
            "https://",
            "http://root:hunter2@127.0.0.1:50051",
            "http://127.0.0.1:50051/x",
            "http://127.0.0.1:50051?x",
            "http://a b",
        ] {
            assert!(ServerAddress::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn only_what_cannot_leave_the_machine_is_loopback() {
        for (host, expected) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("LocalHost", true),
            ("0.0.0.0", false),
            ("[::]", false),
            ("10.0.0.1", false),
            ("127.0.0.1.example.com", false),
            ("localhost.example.com", false),
        ] {
            let address = ServerAddress::parse(&format!("http://{host}:50051")).unwrap();
            assert_eq!(address.is_loopback(), expected, "{host}");
        }
    }
}
