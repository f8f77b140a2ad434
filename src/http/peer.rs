//! The other end of a connection, and the client behind a proxy, for limits and logs.
//!
//! An address in a header is what anybody wrote there: it counts only if the connection comes from
//! a proxy that the config trusts.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;
use ipnet::IpNet;
use tokio::net::{UnixStream, unix};

/// The header in which proxies list the addresses that a request came from, the nearest last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A TCP connection from this address.
    Tcp(IpAddr),
    /// A connection over the socket, from a process of this Unix user (`SO_PEERCRED`).
    Unix(Option<u32>),
}

impl Peer {
    pub(super) fn of_tcp(address: &SocketAddr) -> Self {
        Self::Tcp(address.ip().to_canonical())
    }

    /// This process itself, for a request that leaves it by no connection.
    pub(crate) fn of_process() -> Self {
        Self::Unix(Some(rustix::process::geteuid().as_raw()))
    }

    pub(super) fn of_unix(stream: &UnixStream, _: &unix::SocketAddr) -> Self {
        Self::Unix(stream.peer_cred().ok().map(|credentials| credentials.uid()))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(user)) => write!(f, "local user {user}"),
            Self::Unix(None) => f.write_str("local"),
        }
    }
}

/// The networks whose proxies are trusted to name the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Parses an address (`10.0.0.7`) or a network (`10.0.0.0/8`).
    pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(address)
    }

    /// Trusts these networks.
    pub(crate) fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    pub(super) fn trusts(&self, peer: Peer) -> bool {
        match peer {
            Peer::Tcp(address) => self.contains(address),
            Peer::Unix(_) => false,
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: the peer, or the last address before the trusted proxies.
    pub(crate) fn client(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        if !self.trusts(peer) {
            return peer;
        }

        let listed = headers.get_all(FORWARDED_FOR).into_iter();
        let texts: Vec<&str> = listed.filter_map(|value| value.to_str().ok()).collect();
        let mut client = peer;
        for text in texts.iter().flat_map(|text| text.split(',')).rev() {
            let Some(address) = address_of(text.trim()) else {
                return client;
            };
            client = Peer::Tcp(address);
            if !self.contains(address) {
                return client;
            }
        }
        client
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    address
        .or_else(with_port)
        .map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(
            ["10.0.0.0/8", "2001:db8::1"].map(|text| TrustedProxies::parse_network(text).unwrap()),
        );
        let headers = forwarded
            .iter()
            .map(|text| (FORWARDED_FOR.parse().unwrap(), text.parse().unwrap()))
            .collect();
        let peer = Peer::Tcp(peer.parse().unwrap());
        proxies.client(peer, &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("2001:db8::1", &["[2001:db8::2]:443"]), "2001:db8::2");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        assert_eq!(
            client("10.1.1.1", &["1.1.1.1, 198.51.100.1, 10.2.2.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.1.1", &["1.1.1.1", "198.51.100.1:4711"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.1.1.1", &["1.1.1.1, \u{27}x"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["10.3.3.3"]), "10.3.3.3");
    }
}
