//! What a configuration may be, and what it shows.

use std::time::Duration;

use paylent_resource_server::{Config, Introspection, Mode, Validator};

use crate::common::introspection;

fn config(issuer: &str) -> Config {
    Config::new(issuer, "https://orders.example", Mode::Auto(introspection()))
}

#[test]
fn an_issuer_is_reached_by_https_or_on_this_machine() {
    for good in [
        "https://acme.paylent.example",
        "http://localhost:8080",
        "http://acme.localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:80",
    ] {
        assert!(Validator::new(config(good)).is_ok(), "{good}");
    }
    for bad in [
        "",
        "acme.example",
        "http://acme.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "https://user@acme.example",
        "https://u:p@acme.example",
        "https://acme.example?x",
        "https://acme.example#x",
        "ftp://localhost",
    ] {
        assert!(Validator::new(config(bad)).is_err(), "{bad}");
        let elsewhere = Config { introspection_endpoint: Some(bad.to_owned()), ..config("https://acme.example") };
        assert!(Validator::new(elsewhere).is_err(), "{bad}");
        let elsewhere = Config { jwks_uri: Some(bad.to_owned()), ..config("https://acme.example") };
        assert!(Validator::new(elsewhere).is_err(), "{bad}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let with =
        |introspection| Validator::new(Config::new("https://acme.example", "a", Mode::Introspection(introspection)));
    assert!(with(introspection()).is_ok());
    assert!(with(Introspection::new("", "secret")).is_err());
    assert!(with(Introspection::new("client", "")).is_err());
    assert!(with(Introspection { cache: Duration::from_millis(5_001), ..introspection() }).is_err());
    assert!(Validator::new(Config::new("https://acme.example", "", Mode::Jwks)).is_err());
}

#[test]
fn a_secret_is_not_shown() {
    let shown =
        format!("{:?} {:?}", config("https://acme.example"), Validator::new(config("https://acme.example")).unwrap());
    assert!(shown.contains("orders api") && !shown.contains("se:cret"), "{shown}");
}
