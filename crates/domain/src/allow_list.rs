//! IP allow lists: from where the tokens of an application may be used.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::{Invalid, network::plain};

/// How many entries a list may have.
pub const MAX_ENTRIES: usize = 100;

/// Addresses and networks, in the order they were written. An empty list restricts nothing: who holds one asks
/// [`AllowList::is_empty`] first.
///
/// Its text form is one entry on each line, each in canonical form: `203.0.113.5`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

impl AllowList {
    /// Reads addresses and CIDR blocks (RFC 4632, RFC 4291 section 2.3). An IPv4 address or network written as an IPv6 one
    /// (`::ffff:203.0.113.0/120`) becomes that of IPv4. No other IPv6 form stands for an IPv4 address: not 6to4, not NAT64.
    ///
    /// # Errors
    /// The index of the offending entry (none when there are too many) and the rule it breaks: it is malformed, has bits
    /// set behind its prefix, is listed twice, or the list holds every address with it.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, (Option<usize>, Invalid)> {
        let mut networks = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            if index == MAX_ENTRIES {
                return Err((None, Invalid("must have at most 100 entries")));
            }
            let network = network(entry).map_err(|reason| (Some(index), reason))?;
            if networks.contains(&network) {
                return Err((Some(index), Invalid("is listed twice")));
            }
            networks.push(network);
            if IpNet::aggregate(&networks).iter().any(|all| all.prefix_len() == 0) {
                return Err((Some(index), EVERYBODY));
            }
        }
        Ok(Self(networks))
    }

    /// Whether an address is listed, by itself or in a network. An IPv4 address seen through a dual-stack socket is that
    /// IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether nothing is listed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in canonical form, a network of one address as that address.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|network| match network.prefix_len() == network.max_prefix_len() {
            true => network.addr().to_string(),
            false => network.to_string(),
        })
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.entries().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}

impl FromStr for AllowList {
    type Err = Invalid;

    /// Reads what was parsed before. It is not asked again whether that holds every address, for this is done at every use
    /// of a token.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.lines().map(network).collect::<Result<_, _>>().map(Self)
    }
}

const EVERYBODY: Invalid = Invalid("must not hold every address");

/// How many bits of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) stand before the IPv4 address.
const MAPPED_PREFIX: u8 = 96;

fn network(entry: &str) -> Result<IpNet, Invalid> {
    const BAD: Invalid = Invalid("must be an IP address or a network such as 203.0.113.0/24");
    let (address, prefix) = match entry.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix_length(prefix).ok_or(BAD)?)),
        None => (entry, None),
    };
    // The parser refuses leading zeros, missing parts and zone ids.
    let written: IpAddr = address.parse().map_err(|_| BAD)?;
    let network = match prefix {
        Some(prefix) => IpNet::new(written, prefix).map_err(|_| BAD)?,
        None => IpNet::from(written),
    };
    if network.trunc() != network {
        return Err(Invalid("must have no bits set behind the prefix: write 10.0.0.0/24, not 10.0.0.1/24"));
    }
    let network = unmapped(network);
    if network.prefix_len() == 0 {
        return Err(EVERYBODY);
    }
    Ok(network)
}

/// One to three digits without a sign and without leading zeros.
fn prefix_length(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// The IPv4 network, when it was written in IPv4-mapped form.
fn unmapped(network: IpNet) -> IpNet {
    match (plain(network.addr()), network.prefix_len().checked_sub(MAPPED_PREFIX)) {
        (address @ IpAddr::V4(_), Some(prefix)) if network.addr().is_ipv6() => {
            IpNet::new(address, prefix).unwrap_or(network)
        }
        _ => network,
    }
}

/// What happens to a token that comes from an address that is not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowListMode {
    /// It is refused and revoked, and the application's people are told.
    #[default]
    Enforce,
    /// It is accepted, and the application's people are told.
    Observe,
}

impl AllowListMode {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

impl FromStr for AllowListMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "observe" => Ok(Self::Observe),
            _ => Err(Invalid("must be enforce or observe")),
        }
    }
}

#[cfg(test)]
mod behind_proxies;
#[cfg(test)]
mod tests;
