//! Whose request a proxy brings, and whether that came to it over HTTPS: by what it says, if it is one of ours. Everybody
//! else could say anything. It is decided once a call, before anything is counted; a connection of anybody else costs nothing
//! but one look at its own address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::Peer;
use super::shares::{Share, Shares};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// What brings the calls of a connection whose other end is a proxy of ours.
pub(super) struct Proxy {
    proxies: TrustedProxies,
    shares: Arc<Shares>,
}

impl TrustedProxies {
    /// Reads addresses and networks: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`; the one that is neither, if there is one.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let network = |text: &'a str| {
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            text.parse::<IpNet>().ok().or_else(address).ok_or(text)
        };
        Ok(Self(texts.into_iter().map(network).collect::<Result<_, _>>()?))
    }

    /// Each proxy has added the address that it saw at the end. From there on back, the first that is none of ours is the
    /// client's; what is before it, the client has written.
    ///
    /// Beside it, how many proxies of ours it came through.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> (IpAddr, usize) {
        let (mut client, mut proxies) = (peer.to_canonical(), 0);
        let mut named = from_last(headers, &X_FORWARDED_FOR).map(|text| text.and_then(address));
        while self.trust(client) {
            proxies += 1;
            // Nobody, or nobody that can be told: then the last one that we know is as far as it goes.
            let Some(Some(before)) = named.next() else { break };
            client = before;
        }
        (client, proxies)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whether the outermost of so many proxies says that it was asked over HTTPS. Some add their word to the list as they add an
/// address; of those that pass on one word, or put theirs in its place, it is the only one.
fn is_https(headers: &HeaderMap, proxies: usize) -> bool {
    let word = from_last(headers, &X_FORWARDED_PROTO).take(proxies).last().flatten();
    word.is_some_and(|word| word.trim().eq_ignore_ascii_case("https"))
}

/// The members of a list in several headers, the last one first.
fn from_last<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
    let lists = headers.get_all(name).iter().rev();
    let members = lists.flat_map(|list| list.as_bytes().rsplit(|byte| *byte == b','));
    members.map(|text| std::str::from_utf8(text).ok())
}

/// Some proxies write the port as well.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare().or_else(with_port).map(|address| address.to_canonical())
}

impl Proxy {
    /// What is at the other end of a connection from `address`, if it is a proxy whose word counts.
    pub(super) fn at(address: IpAddr, proxies: &TrustedProxies, shares: &Arc<Shares>) -> Option<Self> {
        let trusted = proxies.trust(address.to_canonical());
        trusted.then(|| Self { proxies: proxies.clone(), shares: Arc::clone(shares) })
    }

    /// Who makes a call that comes from `peer`, and what it counts in.
    pub(super) fn client(&self, mut peer: Peer, headers: &HeaderMap) -> (Peer, Arc<Share>) {
        let (client, proxies) = self.proxies.client(peer.address.ip(), headers);
        peer.address.set_ip(client);
        peer.https |= is_https(headers, proxies);
        let share = self.shares.of(peer.network());
        (peer, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lists: &[&str]) -> String {
        let proxies = TrustedProxies::parse(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(X_FORWARDED_FOR, list.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).0.to_string()
    }

    fn https(peer: &str, addresses: &str, words: &[&'static str]) -> bool {
        let proxies = TrustedProxies::parse(["10.0.0.0/8"]).unwrap();
        let mut headers = HeaderMap::from_iter([(X_FORWARDED_FOR, addresses.parse().unwrap())]);
        for word in words {
            headers.append(X_FORWARDED_PROTO, word.parse().unwrap());
        }
        let (_, count) = proxies.client(peer.parse().unwrap(), &headers);
        is_https(&headers, count)
    }

    #[test]
    fn the_outermost_proxy_of_ours_says_whether_it_was_asked_over_https() {
        let client = "203.0.113.7";
        let two = "203.0.113.7, 10.0.0.2";
        for (peer, addresses, words, expected) in [
            ("10.0.0.1", client, &["https"][..], true),
            ("10.0.0.1", client, &["HTTPS "], true),
            ("10.0.0.1", client, &["http"], false),
            ("10.0.0.1", client, &[], false),
            // What is before its word, the client has written.
            ("10.0.0.1", client, &["https, http"], false),
            ("10.0.0.1", client, &["https", "http"], false),
            ("10.0.0.1", client, &["http, https"], true),
            ("10.0.0.1", two, &["https"], true),
            ("10.0.0.1", two, &["https, http"], true),
            ("10.0.0.1", two, &["https, http, http"], false),
            ("203.0.113.9", client, &["https"], false),
        ] {
            assert_eq!(https(peer, addresses, words), expected, "{peer} {addresses} {words:?}");
        }
    }

    #[test]
    fn the_client_is_the_last_one_that_is_no_proxy_of_ours() {
        for (peer, lists, expected) in [
            ("127.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("127.0.0.1", &["1.1.1.1, 203.0.113.7, 10.2.3.4"], "203.0.113.7"),
            ("10.1.1.1", &["1.1.1.1", "203.0.113.7:4711"], "203.0.113.7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("fd00::1", &["[2001:db8::7]:80"], "2001:db8::7"),
            ("127.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
            ("::ffff:127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            ("127.0.0.1", &["203.0.113.7, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.7, , 10.0.0.2"], "10.0.0.2"),
        ] {
            assert_eq!(client(peer, lists), expected, "{peer} {lists:?}");
        }
    }

    #[test]
    fn nobody_else_names_an_address() {
        for peer in ["203.0.113.9", "11.0.0.1", "2001:db8::9"] {
            assert_eq!(client(peer, &["1.1.1.1"]), peer);
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["proxy.example", "10.0.0.0/33", "*", "10.0.0.1:80"] {
            assert_eq!(TrustedProxies::parse(["10.0.0.1", text]).unwrap_err(), text);
        }
    }
}
