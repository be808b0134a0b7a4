//! The part of an IP address that stands for one client.

use std::net::IpAddr;

/// The part of an IP address that one client controls: all of an IPv4 address, the first 64 bits of an
/// IPv6 address. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is its IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressPrefix {
    /// An IPv4 address (/32).
    V4([u8; 4]),
    /// The routing prefix and subnet of an IPv6 address (/64): one host can use every address below it.
    V6([u8; 8]),
}

impl From<IpAddr> for AddressPrefix {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> AddressPrefix {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn every_address_of_one_ipv6_subnet_is_one_client() {
        let expected = prefix("2001:db8:1:2::");
        for host in 0..10_000_u64 {
            let address = IpAddr::from([0x2001, 0xdb8, 1, 2, (host >> 3) as u16, host as u16, 7, (host * 31) as u16]);
            assert_eq!(AddressPrefix::from(address), expected);
        }
        assert_ne!(prefix("2001:db8:1:3::"), expected);
    }

    #[test]
    fn the_spelling_of_an_address_does_not_matter() {
        let expected = prefix("2001:db8::a:0:0:1");
        for spelling in ["2001:DB8::A:0:0:1", "2001:0db8:0000:0000:000a:0000:0000:0001", "2001:db8:0:0:ffff::"] {
            assert_eq!(prefix(spelling), expected, "{spelling}");
        }
    }

    #[test]
    fn an_ipv4_mapped_address_is_its_ipv4_address() {
        assert_eq!(prefix("::ffff:203.0.113.5"), prefix("203.0.113.5"));
        assert_eq!(prefix("::FFFF:cb00:7105"), prefix("203.0.113.5"));
        assert_ne!(prefix("::ffff:203.0.113.6"), prefix("203.0.113.5"));
    }

    #[test]
    fn translated_ipv6_forms_are_not_taken_for_ipv4() {
        for form in ["::203.0.113.5", "64:ff9b::203.0.113.5", "2002:cb00:7105::"] {
            assert_ne!(prefix(form), prefix("203.0.113.5"), "{form}");
        }
    }
}
