//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Networks of the machine and of its owner: for development only.
const PRIVATE_V4: [Ipv4Net; 5] = [
    v4([127, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([100, 64, 0, 0], 10),
];
const PRIVATE_V6: [Ipv6Net; 2] = [v6([0, 0, 0, 0, 0, 0, 0, 1], 128), v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7)];

/// Where no application is, in any network: the IANA special-purpose registries, and multicast. Link-local addresses are
/// here because clouds keep their secrets at 169.254.169.254.
const NEVER_V4: [Ipv4Net; 10] = [
    v4([0, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];
const NEVER_V6: [Ipv6Net; 3] = [
    // Protocol assignments, Teredo among them.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];
/// All public IPv6 addresses are here (RFC 4291 section 2.4).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// Whether an address may be connected to: the public ones, and with `private` those of this machine and its networks.
pub(crate) fn may_be_reached(address: IpAddr, private: bool) -> bool {
    match address {
        IpAddr::V4(address) => v4_may_be_reached(address, private),
        IpAddr::V6(address) => match embedded(address) {
            Some(within) => v4_may_be_reached(within, private),
            None if PRIVATE_V6.iter().any(|network| network.contains(&address)) => private,
            None => GLOBAL_V6.contains(&address) && !NEVER_V6.iter().any(|network| network.contains(&address)),
        },
    }
}

fn v4_may_be_reached(address: Ipv4Addr, private: bool) -> bool {
    match PRIVATE_V4.iter().any(|network| network.contains(&address)) {
        true => private,
        false => !NEVER_V4.iter().any(|network| network.contains(&address)),
    }
}

/// The IPv4 address to which packets for this address go in the end.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    let [_, _, e, f, g, h, ..] = address.octets();
    if MAPPED.contains(&address) || NAT64.contains(&address) {
        Some(Ipv4Addr::new(a, b, c, d))
    } else if SIX_TO_FOUR.contains(&address) {
        Some(Ipv4Addr::new(e, f, g, h))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_reached(address: &str, private: bool) -> bool {
        may_be_reached(address.parse().unwrap(), private)
    }

    #[test]
    fn sf_urls_public_addresses_are_reached() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:200::1",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert!(is_reached(address, false) && is_reached(address, true), "{address}");
        }
    }

    #[test]
    fn sf_urls_private_addresses_are_reached_in_development_only() {
        for address in [
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fdff:ffff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::192.168.0.1",
            "2002:7f00:1::",
            "2002:a00:1::1",
        ] {
            assert!(!is_reached(address, false) && is_reached(address, true), "{address}");
        }
    }

    #[test]
    fn sf_urls_special_addresses_are_never_reached() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::7f00:1",
            "::8.8.8.8",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "64:ff9b:1::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!is_reached(address, false) && !is_reached(address, true), "{address}");
        }
    }
}
