//! The caller's address behind trusted proxies.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::ConfigError;

/// The networks whose `X-Forwarded-For` is believed. Empty: the header is never read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads addresses and CIDR blocks, such as `10.0.0.0/8` or `::1`.
    ///
    /// # Errors
    /// An entry is neither an address nor a network.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, ConfigError> {
        let parse = |entry: &str| entry.parse::<IpNet>().ok().or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from));
        let bad = ConfigError("trusted_proxies", "must be IP addresses or networks such as 10.0.0.0/8");
        entries
            .into_iter()
            .map(|entry| parse(entry.trim()).ok_or_else(|| bad.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// From where a request comes: the peer's address, or, when the peer is a trusted proxy, the right-most address of
    /// `X-Forwarded-For` that is not one. `None` when it was forwarded and nobody who is believed says for whom: no proxy is
    /// trusted, or a trusted one tells no address that can be read.
    pub(crate) fn client(&self, peer: IpAddr, forwarded_for: &[&[u8]], is_forwarded: bool) -> Option<IpAddr> {
        let mut client = peer.to_canonical();
        let mut is_told = !self.trusts(client);
        for hop in forwarded_for.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b',')) {
            if !self.trusts(client) {
                break;
            }
            let address = std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok());
            client = address?.to_canonical();
            is_told = true;
        }
        (!is_forwarded || (is_told && !self.0.is_empty())).then_some(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}
