//! Whose address the issuer is told.

use paylent_resource_server::{Mode, Rejection, TrustedProxies};

use crate::common::{INTROSPECT, World, introspection, opaque};

async fn behind(proxies: &[&str]) -> World {
    let trusted = TrustedProxies::parse(proxies.iter().copied()).unwrap();
    let mode = Mode::Auto(introspection().sending_client_ip());
    let world = World::with(mode, |config| config.trusted_proxies = trusted).await;
    world.issuer.answers(INTROSPECT, &world.description());
    world
}

async fn told(world: &World, peer: &str, headers: &[(&str, &str)]) -> String {
    world.check_from(&opaque('a'), peer, headers).await.unwrap();
    world.issuer.seen().last().unwrap().form["client_ip"].clone()
}

#[tokio::test]
async fn the_peer_is_told_in_plain_form() {
    let world = behind(&[]).await;
    assert_eq!(told(&world, "203.0.113.5", &[]).await, "203.0.113.5");
    assert_eq!(told(&world, "::ffff:203.0.113.5", &[]).await, "203.0.113.5");
    assert_eq!(told(&world, "2001:db8::1", &[]).await, "2001:db8::1");
}

#[tokio::test]
async fn ip_spoof_the_rightmost_address_that_is_no_trusted_proxy_counts() {
    let world = behind(&["10.0.0.0/8", "127.0.0.1"]).await;
    for (peer, header, expected) in [
        ("10.0.0.1", "1.1.1.1, 203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.5, 10.9.9.9", "203.0.113.5"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "garbage, 203.0.113.5", "203.0.113.5"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        // A stranger's header says nothing.
        ("198.51.100.7", "203.0.113.5", "198.51.100.7"),
    ] {
        assert_eq!(told(&world, peer, &[("x-forwarded-for", header)]).await, expected, "{header} by {peer}");
    }
    let twice = [("x-forwarded-for", "203.0.113.5"), ("x-forwarded-for", "203.0.113.6")];
    assert_eq!(told(&world, "10.0.0.1", &twice).await, "203.0.113.6");
}

#[tokio::test]
async fn a_token_is_not_risked_while_no_proxy_is_trusted() {
    let world = behind(&[]).await;
    for header in ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-proto", "x-forwarded-host"] {
        let outcome = world.check_from(&opaque('a'), "10.0.0.1", &[(header, "203.0.113.5")]).await;
        assert_eq!(outcome, Err(Rejection::UntrustedProxy));
        assert_eq!(outcome.unwrap_err().status(), 403);
    }
    assert_eq!(world.issuer.asked(), 0);
    // Signed tokens have no allow list.
    assert!(world.check_from(&world.token(0), "10.0.0.1", &[("forwarded", "for=203.0.113.5")]).await.is_ok());
}

#[tokio::test]
async fn a_token_is_not_risked_for_a_proxy_that_names_nobody() {
    let world = behind(&["10.0.0.0/8"]).await;
    assert_eq!(told(&world, "10.0.0.1", &[]).await, "10.0.0.1", "it calls for itself");
    let asked = world.issuer.asked();
    for header in [
        ("x-forwarded-for", "garbage"),
        ("x-forwarded-for", ""),
        ("x-forwarded-for", "203.0.113.5:80"),
        ("x-forwarded-for", "203.0.113.5, x, 10.9.9.9"),
        ("forwarded", "for=203.0.113.5"),
        ("x-real-ip", "203.0.113.5"),
    ] {
        let outcome = world.check_from(&opaque('a'), "10.0.0.1", &[header]).await;
        assert_eq!(outcome, Err(Rejection::UntrustedProxy), "{header:?}");
    }
    assert_eq!(world.issuer.asked(), asked);
}

#[tokio::test]
async fn an_address_that_must_be_told_must_be_known() {
    let world = behind(&[]).await;
    let rejection = world.check_from(&opaque('a'), "no address", &[]).await.unwrap_err();
    assert_eq!(rejection.status(), 500);
    assert_eq!(world.issuer.asked(), 0);
}

#[tokio::test]
async fn without_the_allow_list_no_address_is_needed_and_none_is_told() {
    let world = World::new(Mode::Introspection(introspection())).await;
    world.issuer.answers(INTROSPECT, &world.description());
    assert!(world.check_from(&opaque('a'), "no address", &[("x-forwarded-for", "1.1.1.1")]).await.is_ok());
    assert!(!world.issuer.seen()[0].form.contains_key("client_ip"));
}

#[test]
fn a_malformed_proxy_list_is_refused() {
    for bad in ["10.0.0.0/33", "proxy.example", ""] {
        assert!(TrustedProxies::parse([bad]).is_err(), "{bad}");
    }
}
