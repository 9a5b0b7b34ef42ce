//! The host that a request asks for: where HTTP has it, whether it is there as it must be, and whether a listener that only
//! this machine reaches may be asked for under that name.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{ACCEPT_LANGUAGE, HOST, ORIGIN};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Request, Version};

use super::WebOrigin;
use super::origin::split;
use crate::rest::Problem;

const NOT_ONE: Problem =
    Problem::Field(std::borrow::Cow::Borrowed("host"), "must be there once, with a host and perhaps a port");
const NOT_THE_SAME: Problem = Problem::Field(
    std::borrow::Cow::Borrowed("host"),
    "must not name another host than the request's :authority",
);

/// The host that a request asks for; `None` where HTTP leaves that open. HTTP/1.1 must have one header of that name, whatever
/// else names the host (RFC 9112, section 3.2); if the target does, it counts, and the header does not (section 3.2.2). In
/// HTTP/2, a header that contradicts `:authority` makes a malformed request (RFC 9113, section 8.3.1).
pub(super) fn read<B>(request: &Request<B>) -> Result<Option<Authority>, Problem> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(header), None) => Some(host_of(header).ok_or(NOT_ONE)?),
        (None, _) if request.version() != Version::HTTP_11 => None,
        (None, _) | (Some(_), Some(_)) => return Err(NOT_ONE),
    };
    let scheme = request.uri().scheme().unwrap_or(&Scheme::HTTP);
    match (request.uri().authority(), header) {
        (Some(target), Some(header)) if request.version() >= Version::HTTP_2 => {
            let place = |authority| split(authority, scheme);
            if place(target) == place(&header) { Ok(Some(header)) } else { Err(NOT_THE_SAME) }
        }
        (Some(target), _) => Ok(Some(target.clone())),
        (None, header) => Ok(header),
    }
}

/// Whether a browser sent it. Not each of them says from where it comes: over plain HTTP, what a page asks of the host that it
/// came from has neither of the first two. All of them say which languages their user reads.
pub(super) fn is_of_browser(headers: &HeaderMap) -> bool {
    let mut names = headers.keys();
    names.any(|name| *name == ORIGIN || *name == ACCEPT_LANGUAGE || name.as_str().starts_with("sec-fetch-"))
}

/// Whether a page under this host may be one of this machine, or of an origin that is listed. Any other name is somebody's who
/// may point it here: his page would have an origin of its own, and a browser take what it asks for for its own.
pub(super) fn is_of_loopback(host: &Authority, listed: &[WebOrigin]) -> bool {
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<Ipv6Addr>().map(IpAddr::from).or_else(|_| bare.parse());
    address.is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
        || listed.iter().any(|origin| origin.has_host(host))
}

fn host_of(header: &HeaderValue) -> Option<Authority> {
    let authority = Authority::try_from(header.as_bytes()).ok()?;
    (!authority.as_str().contains('@') && split(&authority, &Scheme::HTTP).is_some()).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(version: Version, uri: &str, hosts: &[&str]) -> Result<Option<String>, Problem> {
        let mut request = Request::get(uri).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        read(&request.body(()).unwrap()).map(|host| host.map(|host| host.to_string()))
    }

    #[test]
    fn http_1_1_names_its_host_once() {
        let one = Version::HTTP_11;
        assert_eq!(asked(one, "/", &["auth.example:81"]), Ok(Some("auth.example:81".to_owned())));
        assert_eq!(asked(one, "/", &["[::1]:81"]), Ok(Some("[::1]:81".to_owned())));
        for (uri, hosts) in [
            ("/", &[][..]),
            ("/", &["a", "a"]),
            ("/", &["a, b"]),
            ("/", &[""]),
            ("/", &["a:b"]),
            ("/", &["a:70000"]),
            ("/", &["user@a"]),
            ("/", &["a/b"]),
            ("http://a/", &[]),
            ("http://a/", &["a", "a"]),
        ] {
            assert_eq!(asked(one, uri, hosts), Err(NOT_ONE), "{uri} {hosts:?}");
        }
        assert_eq!(asked(one, "http://a/", &["b"]), Ok(Some("a".to_owned())), "the target counts");
        assert_eq!(asked(Version::HTTP_10, "/", &[]), Ok(None));
        assert_eq!(asked(Version::HTTP_10, "/", &["a", "b"]), Err(NOT_ONE));
    }

    #[test]
    fn in_http_2_the_header_says_what_the_authority_says_or_nothing() {
        let two = Version::HTTP_2;
        for hosts in [&[][..], &["a"], &["A:443"]] {
            assert!(asked(two, "https://a/", hosts).is_ok_and(|host| host.is_some()), "{hosts:?}");
        }
        assert_eq!(asked(two, "/", &["b"]), Ok(Some("b".to_owned())));
        for hosts in [&["b"][..], &["a:80"]] {
            assert_eq!(asked(two, "https://a/", hosts), Err(NOT_THE_SAME), "{hosts:?}");
        }
        assert_eq!(asked(two, "https://a/", &["a", "a"]), Err(NOT_ONE));
    }

    #[test]
    fn only_names_that_nobody_else_can_give_are_this_machines() {
        let listed = [WebOrigin::parse("https://auth.example").unwrap()];
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:50051", true),
            ("localhost.:50051", true),
            ("app.localhost", true),
            ("127.0.0.1:50051", true),
            ("127.8.8.8", true),
            ("[::1]:50051", true),
            ("[::ffff:127.0.0.1]", true),
            ("auth.example", true),
            ("AUTH.example:50051", true),
            ("evil.example:50051", false),
            ("auth.example.evil", false),
            ("localhost.evil.example", false),
            ("notlocalhost", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1.nip.io", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
        ] {
            assert_eq!(is_of_loopback(&host.parse().unwrap(), &listed), expected, "{host}");
        }
    }

    #[test]
    fn browsers_are_told_from_programs_by_what_only_they_send() {
        let of = |name: &'static str| {
            is_of_browser(&HeaderMap::from_iter([(name.parse().unwrap(), "x".parse().unwrap())]))
        };
        for name in ["origin", "sec-fetch-site", "sec-fetch-mode", "accept-language"] {
            assert!(of(name), "{name}");
        }
        for name in ["user-agent", "accept", "authorization", "x-sec-fetch-site"] {
            assert!(!of(name), "{name}");
        }
    }
}
