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

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The peer's address, or, when the peer is a trusted proxy, the right-most address of `X-Forwarded-For` that is not
    /// one. A malformed element ends the walk at the last address that was believed.
    pub(crate) fn client(&self, peer: IpAddr, forwarded_for: &[&[u8]]) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded_for.iter().rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.0.iter().any(|network| network.contains(&client)) {
                break;
            }
            match std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok()) {
                Some(address) => client = address.to_canonical(),
                None => break,
            }
        }
        client
    }
}
