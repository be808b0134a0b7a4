use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn list(entries: &[&str]) -> AllowList {
    AllowList::parse(entries.iter().copied()).unwrap()
}

#[test]
fn ip_ok_a_network_holds_its_first_and_last_address_and_no_neighbour() {
    for (network, inside, outside) in [
        ("203.0.113.0/24", ["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
        ("203.0.113.4/31", ["203.0.113.4", "203.0.113.5"], ["203.0.113.3", "203.0.113.6"]),
        ("203.0.113.5/32", ["203.0.113.5", "203.0.113.5"], ["203.0.113.4", "203.0.113.6"]),
        ("203.0.113.5", ["203.0.113.5", "203.0.113.5"], ["203.0.113.4", "203.0.113.6"]),
        ("2001:db8::1/128", ["2001:db8::1", "2001:db8::1"], ["2001:db8::", "2001:db8::2"]),
        ("2001:db8::/64", ["2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"], ["2001:db8:0:1::", "2001:db7::"]),
    ] {
        let list = list(&[network]);
        assert!(inside.iter().all(|address| list.contains(ip(address))), "{network}");
        assert!(!outside.iter().any(|address| list.contains(ip(address))), "{network}");
    }
    assert!(!AllowList::default().contains(ip("203.0.113.5")));
}

#[test]
fn ip_mapped_an_ipv4_address_in_ipv6_form_is_that_ipv4_address() {
    assert!(list(&["203.0.113.5"]).contains(ip("::ffff:203.0.113.5")));
    let mapped = list(&["::ffff:203.0.113.0/120", "::ffff:198.51.100.7"]);
    assert_eq!(mapped.to_string(), "203.0.113.0/24\n198.51.100.7");
    assert!(mapped.contains(ip("203.0.113.255")) && mapped.contains(ip("::ffff:cb00:71ff")));
    assert!(!mapped.contains(ip("203.0.114.0")));
}

#[test]
fn ip_mapped_no_other_ipv6_form_stands_for_an_ipv4_address() {
    let list = list(&["203.0.113.5"]);
    for other in ["2002:cb00:7105::", "64:ff9b::203.0.113.5", "::203.0.113.5"] {
        assert!(!list.contains(ip(other)), "{other}");
    }
    assert!(!self::list(&["2002:cb00:7105::/48", "64:ff9b::/96", "::/80"]).contains(ip("203.0.113.5")));
}

#[test]
fn ip_syntax_what_is_not_exactly_one_network_is_refused() {
    for bad in [
        "0.0.0.0/0",
        "::/0",
        "::ffff:0.0.0.0/96",
        "10.0.0.1/24",
        "2001:db8::1/64",
        "::ffff:203.0.113.5/120",
        "::ffff:0.0.0.0/95",
        "10.0.0.0/33",
        "::/129",
        "1.2.3",
        "1.2",
        "1",
        "010.0.0.1",
        "0x7f.0.0.1",
        "1.2.3.4/",
        "/24",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/-1",
        "10.0.0.0/264",
        "fe80::1%eth0",
        "fe80::1%1/128",
        "[::1]",
        "1.2.3.4:80",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4\n",
        "",
        "example.com",
        "1.2.3.4,1.2.3.5",
        "*",
        "1.2.3.*",
    ] {
        assert!(AllowList::parse(["192.0.2.1", bad]).is_err_and(|(index, _)| index == Some(1)), "{bad:?}");
    }
    assert!(AllowList::parse(["10.0.0.0/1", "8000::/1"]).is_err(), "10.0.0.0/1 has bits behind its prefix");
    assert!(AllowList::parse(["128.0.0.0/1", "8000::/1"]).is_ok());
    // Together they are what nobody may write in one.
    for all in [
        &["0.0.0.0/1", "128.0.0.0/1"][..],
        &["::/1", "8000::/1"],
        &["203.0.113.5", "128.0.0.0/1", "0.0.0.0/2", "64.0.0.0/2"],
        &["::ffff:128.0.0.0/97", "0.0.0.0/1"],
        &["8000::/1", "0.0.0.0/1", "4000::/2", "::/2"],
    ] {
        let refused = AllowList::parse(all.iter().copied());
        assert_eq!(refused, Err((Some(all.len() - 1), Invalid("must not hold every address"))), "{all:?}");
        assert!(AllowList::parse(all[..all.len() - 1].iter().copied()).is_ok(), "{all:?}");
    }
    assert!(AllowList::parse(["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"]).is_ok(), "not quite");
}

#[test]
fn ip_syntax_an_entry_is_listed_once_however_it_is_written() {
    for [one, same] in [
        ["203.0.113.5", "203.0.113.5/32"],
        ["203.0.113.5", "::ffff:203.0.113.5"],
        ["10.0.0.0/8", "::ffff:a00:0/104"],
        ["2001:db8::1", "2001:0DB8:0:0::1/128"],
    ] {
        assert_eq!(AllowList::parse([one, same]), Err((Some(1), Invalid("is listed twice"))), "{same}");
    }
    assert!(AllowList::parse(["10.0.0.0/8", "10.0.0.0/9"]).is_ok());
}

#[test]
fn ip_syntax_a_list_has_at_most_a_hundred_entries() {
    let many: Vec<String> = (0..=100).map(|last| format!("192.0.2.{last}")).collect();
    let list = |count| AllowList::parse(many[..count].iter().map(String::as_str));
    assert_eq!(list(100).unwrap().entries().count(), MAX_ENTRIES);
    assert_eq!(list(101), Err((None, Invalid("must have at most 100 entries"))));
}

#[test]
fn entries_are_shown_in_canonical_form_and_in_the_order_they_were_written() {
    let list = list(&["2001:0DB8:0:0:0:0:0:0/32", "10.0.0.0/8", "1.2.3.4/32"]);
    assert_eq!(list.entries().collect::<Vec<_>>(), ["2001:db8::/32", "10.0.0.0/8", "1.2.3.4"]);
    assert!("".parse::<AllowList>().unwrap().is_empty());
}

#[test]
fn a_mode_is_written_as_it_is_read() {
    for mode in [AllowListMode::Enforce, AllowListMode::Observe] {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    assert!("Enforce".parse::<AllowListMode>().is_err());
}

/// The bits of an address, as many as its family has. A mapped address has those of IPv4.
fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// A network as it may be written, and its address and prefix length.
fn network_strategy() -> impl Strategy<Value = (String, IpAddr, usize)> {
    let v4 = (any::<u32>(), 1..=32_usize).prop_map(|(address, prefix)| {
        let address = Ipv4Addr::from(address & (u32::MAX << (32 - prefix)));
        (format!("{address}/{prefix}"), IpAddr::V4(address), prefix)
    });
    let mapped = (any::<u32>(), 1..=32_usize).prop_map(|(address, prefix)| {
        let address = Ipv4Addr::from(address & (u32::MAX << (32 - prefix)));
        (format!("{}/{}", address.to_ipv6_mapped(), prefix + 96), IpAddr::V4(address), prefix)
    });
    let v6 = (any::<u128>(), 1..=128_usize).prop_map(|(address, prefix)| {
        let address = Ipv6Addr::from(address & (u128::MAX << (128 - prefix)));
        (format!("{address}/{prefix}"), IpAddr::V6(address), prefix)
    });
    prop_oneof![v4, mapped, v6]
}

/// Addresses inside, just outside, with one bit flipped, in mapped form, and anywhere.
fn probe(network: IpAddr, prefix: usize, seed: u128, flip: usize) -> [IpAddr; 5] {
    let width = bits(network).len();
    let host = if prefix == width { 0 } else { seed & (u128::MAX >> (128 - (width - prefix))) };
    let number = match network {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let address = |number: u128| match network {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(number as u32)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    };
    let inside = address(number | host);
    let mapped = match inside {
        IpAddr::V4(inside) => IpAddr::V6(inside.to_ipv6_mapped()),
        v6 @ IpAddr::V6(_) => v6,
    };
    let last = number | if prefix == width { 0 } else { u128::MAX >> (128 - (width - prefix)) };
    [
        inside,
        mapped,
        address(number.wrapping_sub(1)),
        address(last.wrapping_add(1)),
        address(number ^ 1 << (flip % width)),
    ]
}

proptest! {
    #[test]
    fn ip_ok_a_list_agrees_with_a_comparison_of_bits(
        networks in prop::collection::vec(network_strategy(), 1..4),
        seed in any::<u128>(),
        flip in 0..128_usize,
    ) {
        let Ok(list) = AllowList::parse(networks.iter().map(|(text, ..)| text.as_str())) else {
            return Err(TestCaseError::reject("the same network twice"));
        };
        let naive = |address: IpAddr| networks.iter().any(|&(_, network, prefix)| {
            let (address, network) = (bits(address), bits(network));
            address.len() == network.len() && address[..prefix] == network[..prefix]
        });
        for &(_, network, prefix) in &networks {
            let probes = probe(network, prefix, seed, flip);
            prop_assert!(list.contains(probes[0]) && list.contains(probes[1]));
            for address in probes {
                prop_assert_eq!(list.contains(address), naive(address), "{} in {}", address, list);
            }
        }
    }

    #[test]
    fn ip_syntax_what_is_shown_reads_as_the_same_list(networks in prop::collection::vec(network_strategy(), 0..8)) {
        let Ok(list) = AllowList::parse(networks.iter().map(|(text, ..)| text.as_str())) else {
            return Err(TestCaseError::reject("the same network twice"));
        };
        prop_assert_eq!(list.to_string().parse::<AllowList>(), Ok(list.clone()));
        let entries: Vec<String> = list.entries().collect();
        prop_assert_eq!(AllowList::parse(entries.iter().map(String::as_str)), Ok(list));
    }

    #[test]
    fn ip_syntax_any_text_is_answered(text in "[0-9a-f:./%]{0,24}") {
        if let Ok(list) = AllowList::parse([text.as_str()]) {
            prop_assert_eq!(list.to_string().parse::<AllowList>(), Ok(list));
        }
    }

    #[test]
    fn ip_syntax_a_bit_behind_the_prefix_is_refused((text, network, prefix) in network_strategy(), bit in 0..128_usize) {
        let width = bits(network).len();
        prop_assume!(prefix < width);
        let bit = bit % (width - prefix);
        let spoiled = match network {
            IpAddr::V4(network) => Ipv4Addr::from(u32::from(network) | 1 << bit).to_string(),
            IpAddr::V6(network) => Ipv6Addr::from(u128::from(network) | 1 << bit).to_string(),
        };
        prop_assert!(AllowList::parse([text.as_str()]).is_ok());
        let entry = format!("{spoiled}/{prefix}");
        prop_assert!(AllowList::parse([entry.as_str()]).is_err());
    }
}
