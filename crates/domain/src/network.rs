//! Where a request comes from: the client's address behind trusted proxies, and nothing else.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::Invalid;

/// Where a request comes from. The front door finds it out once; everyone below takes it from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub ip: IpAddr,
    /// Whether the address may be that of a proxy which nobody told us of, or which does not say for whom it speaks.
    pub is_disguised: bool,
    /// The `User-Agent` header, if it is text.
    pub user_agent: Option<String>,
    /// The id of the request, in logs and in error documents.
    pub request_id: String,
}

impl Origin {
    /// What an allow list is asked about.
    #[must_use]
    pub const fn caller(&self) -> Caller {
        Caller { ip: self.ip, is_disguised: self.is_disguised }
    }
}

/// From where a token or a client's secret is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The address.
    pub ip: IpAddr,
    /// Whether it may be the address of a proxy that nobody told us of. Then it proves nothing, for or against the caller.
    pub is_disguised: bool,
}

impl Caller {
    /// A caller of whom nothing is known.
    pub const UNKNOWN: Self = Self { ip: IpAddr::V6(Ipv6Addr::UNSPECIFIED), is_disguised: true };

    /// A caller whose address is certain.
    #[must_use]
    pub const fn at(ip: IpAddr) -> Self {
        Self { ip, is_disguised: false }
    }
}

/// The part of an address that one client controls, as text: all of an IPv4 address, the first 64 bits of an IPv6 one.
#[must_use]
pub fn client_network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// The networks whose `X-Forwarded-For` we believe. Empty: no forwarding header is ever read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and CIDR blocks, such as `10.0.0.0/8` or `::1`.
    ///
    /// # Errors
    /// An entry is neither an address nor a network.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let parse = |entry: &str| {
            let entry = entry.trim();
            entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
        };
        entries
            .into_iter()
            .map(|entry| parse(entry).ok_or(Invalid("must be IP addresses or networks such as 10.0.0.0/8")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// From where a request comes: the peer's address, or, when the peer is a trusted proxy, the right-most address of
    /// `X-Forwarded-For` that is not one. `forwarded_for` holds the header's values in order. A malformed element ends
    /// the walk at the last address that was believed.
    ///
    /// When the request says that it was forwarded (`is_forwarded`: by any header that proxies send) and nobody believed
    /// says for whom, the address may be a proxy's: no proxy is trusted, or a trusted one tells no address that can be read.
    #[must_use]
    pub fn caller(&self, peer: IpAddr, forwarded_for: &[&str], is_forwarded: bool) -> Caller {
        let mut ip = plain(peer);
        let mut is_told = !self.trusts(ip);
        for hop in forwarded_for.iter().rev().flat_map(|value| value.rsplit(',')) {
            if !self.trusts(ip) {
                break;
            }
            let address = hop.trim().parse::<IpAddr>();
            is_told = address.is_ok();
            match address {
                Ok(address) => ip = plain(address),
                Err(_) => break,
            }
        }
        Caller { ip, is_disguised: is_forwarded && (self.0.is_empty() || !is_told) }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An IPv4 address seen through a dual-stack socket is that IPv4 address.
#[must_use]
pub fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    impl TrustedProxies {
        fn client(&self, peer: IpAddr, forwarded_for: &[&str]) -> IpAddr {
            self.caller(peer, forwarded_for, !forwarded_for.is_empty()).ip
        }
    }

    #[test]
    fn rl_xff_a_header_from_an_untrusted_peer_is_ignored() {
        let none = TrustedProxies::default();
        assert_eq!(none.client(ip("198.51.100.7"), &["203.0.113.5"]), ip("198.51.100.7"));
    }

    #[test]
    fn rl_proxy_the_rightmost_untrusted_hop_counts() {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "127.0.0.1"]).unwrap();
        assert_eq!(proxies.client(ip("127.0.0.1"), &["1.1.1.1, 203.0.113.5, 10.1.2.3"]), ip("203.0.113.5"));
        assert_eq!(proxies.client(ip("127.0.0.1"), &["1.1.1.1", "203.0.113.5", "10.9.9.9"]), ip("203.0.113.5"));
        assert_eq!(proxies.client(ip("127.0.0.1"), &["garbage"]), ip("127.0.0.1"));
        assert_eq!(proxies.client(ip("127.0.0.1"), &[]), ip("127.0.0.1"));
        assert_eq!(proxies.client(ip("::ffff:127.0.0.1"), &["::ffff:203.0.113.5"]), ip("203.0.113.5"));
    }

    #[test]
    fn ip_spoof_what_a_proxy_hides_is_known_to_be_hidden() {
        let (none, some) = (TrustedProxies::default(), TrustedProxies::parse(["10.0.0.0/8"]).unwrap());
        let (proxy, outside) = (ip("10.0.0.1"), ip("198.51.100.7"));
        let hidden = |proxies: &TrustedProxies, peer, forwarded_for: &[&str]| {
            proxies.caller(peer, forwarded_for, true).is_disguised
        };
        assert!(hidden(&none, outside, &["203.0.113.5"]) && hidden(&none, outside, &[]));
        assert!(!none.caller(outside, &[], false).is_disguised && !some.caller(proxy, &[], false).is_disguised);
        assert!(!hidden(&some, outside, &["203.0.113.5"]), "who is no proxy hides nobody");
        assert!(!hidden(&some, proxy, &["203.0.113.5"]) && !hidden(&some, proxy, &["10.0.0.1"]));
        assert!(
            !hidden(&some, proxy, &["garbage, 203.0.113.5"]),
            "what stands before the caller is the caller's affair"
        );
        for untold in
            [&[][..], &[""], &["garbage"], &["203.0.113.5:80"], &["203.0.113.5,"], &["203.0.113.5, x, 10.2.2.2"]]
        {
            assert!(hidden(&some, proxy, untold), "{untold:?}");
        }
    }

    #[test]
    fn lo_bucket_all_addresses_of_one_network_are_one_place() {
        assert_eq!(client_network(ip("203.0.113.5")), "203.0.113.5");
        assert_eq!(client_network(ip("::ffff:203.0.113.5")), "203.0.113.5");
        assert_eq!(client_network(ip("2001:db8:1:2::1")), "2001:db8:1:2::/64");
        assert_eq!(client_network(ip("2001:db8:1:2:ffff:1:2:3")), client_network(ip("2001:db8:1:2::1")));
        assert_ne!(client_network(ip("2001:db8:1:3::1")), client_network(ip("2001:db8:1:2::1")));
    }

    #[test]
    fn a_malformed_proxy_list_is_refused() {
        assert!(TrustedProxies::parse(["10.0.0.0/33"]).is_err());
        assert!(TrustedProxies::parse(["proxy.example"]).is_err());
    }
}
