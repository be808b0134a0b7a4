//! Who calls is found out, then judged: whatever a caller forges, its own address decides.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::network::{Caller, TrustedProxies};

/// Where the operator's proxies are.
const PROXIES: [&str; 3] = ["10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48"];

fn trusted() -> TrustedProxies {
    TrustedProxies::parse(PROXIES).unwrap()
}

fn is_proxy(address: IpAddr) -> bool {
    AllowList::parse(PROXIES).unwrap().contains(address)
}

/// Addresses from a small world, so that lists, callers and forgeries meet; as IPv4, IPv6, and mapped.
fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = prop_oneof![(0xcb00_7100..=0xcb00_71ff_u32), any::<u32>()].prop_map(Ipv4Addr::from);
    let v6 = prop_oneof![(0..=0xff_u128).prop_map(|last| (0x2001_0db8 << 96) + last), any::<u128>()];
    prop_oneof![
        v4.clone().prop_map(IpAddr::V4),
        v4.prop_map(|address| IpAddr::V6(address.to_ipv6_mapped())),
        v6.prop_map(|address| IpAddr::V6(Ipv6Addr::from(address))),
    ]
}

fn outside() -> impl Strategy<Value = IpAddr> {
    address().prop_filter("no proxy", |address| !is_proxy(*address))
}

fn proxy() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::V4(Ipv4Addr::new(10, a, b, c))),
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::V6(Ipv4Addr::new(10, a, b, c).to_ipv6_mapped())),
        Just("192.0.2.1".parse().unwrap()),
        any::<u64>().prop_map(|low| IpAddr::V6(Ipv6Addr::from((0x2001_0db8_ffff << 80) + u128::from(low)))),
    ]
}

/// A list whose entries lie around one address: exactly it, the network it is in, its neighbour, or elsewhere.
fn list(around: IpAddr) -> impl Strategy<Value = AllowList> {
    let entry = (0..=130_u8, any::<bool>(), address()).prop_filter_map("a network", move |(prefix, near, other)| {
        let address = if near { around } else { other };
        let network = IpNet::new(address, prefix.min(IpNet::from(address).max_prefix_len())).ok()?.trunc();
        AllowList::parse([network.to_string().as_str()]).ok()
    });
    prop::collection::vec(entry, 1..4).prop_map(|lists| {
        let mut entries: Vec<String> = lists.iter().flat_map(AllowList::entries).collect();
        entries.dedup();
        AllowList::parse(entries.iter().map(String::as_str)).unwrap_or_else(|_| lists[0].clone())
    })
}

/// What somebody writes into `X-Forwarded-For`: good addresses, listed ones, those of proxies, and nonsense.
fn forged() -> impl Strategy<Value = Vec<String>> {
    let element = prop_oneof![
        address().prop_map(|address| address.to_string()),
        proxy().prop_map(|address| address.to_string()),
        "[0-9a-f:.,\" /=;%\u{fffd}]{0,20}",
        Just("for=203.0.113.5".to_owned()),
        Just("unknown".to_owned()),
        Just(String::new()),
    ];
    let value = prop::collection::vec(element, 0..4).prop_map(|elements| elements.join(", "));
    prop::collection::vec(value, 0..3)
}

/// The header as it arrives after each proxy wrote behind it from whom it got the request: into the last line, or a new one.
fn through(mut lines: Vec<String>, caller: IpAddr, proxies: &[IpAddr], joins: bool) -> (IpAddr, Vec<String>) {
    let mut peer = caller;
    for proxy in proxies {
        match lines.last_mut() {
            Some(last) if joins => *last = format!("{last}, {peer}"),
            _ => lines.push(peer.to_string()),
        }
        peer = *proxy;
    }
    (peer, lines)
}

fn resolve(proxies: &TrustedProxies, peer: IpAddr, lines: &[String]) -> Caller {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    proxies.caller(peer, &lines, !lines.is_empty())
}

fn judged() -> impl Strategy<Value = (IpAddr, AllowList)> {
    outside().prop_flat_map(|caller| (Just(caller), list(caller)))
}

proptest! {
    #[test]
    fn ip_spoof_the_callers_own_address_decides_whatever_it_forges(
        (caller, list) in judged(),
        forged in forged(),
        proxies in prop::collection::vec(proxy(), 0..4),
        joins in any::<bool>(),
    ) {
        let (peer, lines) = through(forged, caller, &proxies, joins);
        let found = resolve(&trusted(), peer, &lines);
        prop_assert_eq!(found, Caller::at(plain(caller)), "by {:?} in {:?}", proxies, lines);
        prop_assert_eq!(list.contains(found.ip), list.contains(caller));
    }

    #[test]
    fn ip_spoof_without_trusted_proxies_nothing_forged_is_judged(caller in address(), forged in forged()) {
        let found = resolve(&TrustedProxies::default(), caller, &forged);
        prop_assert_eq!(found, Caller { ip: plain(caller), is_disguised: !forged.is_empty() });
    }

    #[test]
    fn ip_spoof_a_proxy_that_names_nobody_hides_its_caller(
        forged in forged(),
        proxy in proxy(),
        nonsense in prop_oneof![Just("unknown"), Just("_hidden"), Just("203.0.113.5:443"), Just("[2001:db8::1]"), Just("")],
    ) {
        let lines = [forged, vec![nonsense.to_owned()]].concat();
        prop_assert!(resolve(&trusted(), proxy, &lines).is_disguised);
        prop_assert!(trusted().caller(proxy, &[], true).is_disguised, "another header than X-Forwarded-For");
    }

    #[test]
    fn ip_mapped_the_form_of_an_address_decides_nothing((caller, list) in judged(), proxies in prop::collection::vec(proxy(), 0..3)) {
        let other = match caller {
            IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
            IpAddr::V6(address) => address.to_ipv4_mapped().map_or(caller, IpAddr::V4),
        };
        let [one, other] = [caller, other].map(|caller| {
            let (peer, lines) = through(Vec::new(), caller, &proxies, true);
            resolve(&trusted(), peer, &lines)
        });
        prop_assert_eq!(one, other);
        prop_assert_eq!(list.contains(one.ip), list.contains(other.ip));
    }
}
