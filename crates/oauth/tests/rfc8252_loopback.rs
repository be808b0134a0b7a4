//! RFC 8252: a native app listens on the loopback address, at a port it learns only then (section 7.3), or is called by a
//! scheme of its own (section 7.1).

use paylent_oauth::{PageError, Step};

use crate::common::{
    Environment,
    people::{App, assert_page, public},
};

fn native(environment: &Environment, registered: &str) -> App {
    environment.app(|application| {
        public(application);
        application.redirect_uris = vec![registered.to_owned()];
    })
}

#[tokio::test]
async fn ru_loop_port_any_port_of_a_registered_loopback_address_is_accepted() {
    let environment = Environment::interactive();
    let person = environment.person();
    let accepted = [
        ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1:49152/cb"),
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1/cb"),
        ("http://[::1]/cb?a=b", "http://[::1]:1/cb?a=b"),
        ("http://127.0.0.1", "http://127.0.0.1:65535"),
        ("http://localhost:3000/cb", "http://localhost:3000/cb"),
    ];
    for (registered, requested) in accepted {
        let app = native(&environment, registered);
        let answer = environment.answer(&app, &person, &[("redirect_uri", requested)]).await;
        assert_eq!(answer.redirect_uri, requested, "with the port that was asked for");
        let code = answer.parameters[0].1.clone();
        assert!(environment.exchange(&app, &code, &[("redirect_uri", requested)]).await.is_ok());
    }
}

#[tokio::test]
async fn ru_loop_abuse_only_the_port_may_differ() {
    let environment = Environment::interactive();
    let person = environment.person();
    let app = native(&environment, "http://127.0.0.1/cb");
    for requested in [
        "http://127.0.0.1:1/cb?x=1",
        "http://127.0.0.1:1/",
        "http://127.0.0.1:1",
        "http://localhost:1/cb",
        "http://[::1]:1/cb",
        "http://127.1/cb",
        "http://127.0.0.2:1/cb",
        "http://0x7f000001/cb",
        "http://2130706433/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://127.0.0.1@evil.test/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:80:80/cb",
        "https://127.0.0.1:1/cb",
        "HTTP://127.0.0.1:1/cb",
    ] {
        let step = environment.authorize(&person.browser, &app.request(&[("redirect_uri", requested)])).await;
        assert_page(step, PageError::RedirectUri);
    }
}

#[tokio::test]
async fn a_scheme_of_its_own_is_compared_to_the_letter_and_shown() {
    let environment = Environment::interactive();
    let person = environment.person();
    let registered = "com.example.app:/cb";
    let app = native(&environment, registered);
    for requested in ["com.example.app:/cb/", "com.example.app:cb", "COM.example.app:/cb", "com.example.app://cb"] {
        let step = environment.authorize(&person.browser, &app.request(&[("redirect_uri", requested)])).await;
        assert_page(step, PageError::RedirectUri);
    }
    let Ok(Step::Consent(consent)) = environment.authorize(&person.browser, &app.request(&[])).await else {
        panic!("a public client is asked for")
    };
    assert_eq!(consent.client.redirect_host, "com.example.app:");
    let answer = environment.answer(&app, &person, &[]).await;
    assert!(answer.url().starts_with("com.example.app:/cb?code=") && answer.host() == "com.example.app:");
    // A client that registered such an address before it was refused shows no host that it chose.
    let app = native(&environment, "com.example.app://bank.example/cb");
    assert_eq!(environment.answer(&app, &person, &[]).await.host(), "com.example.app:");
}

#[tokio::test]
async fn ru_loop_abuse_other_addresses_have_no_such_freedom() {
    let environment = Environment::interactive();
    let person = environment.person();
    for (registered, requested) in [
        ("https://app.example.com/cb", "http://127.0.0.1/cb"),
        ("https://app.example.com/cb", "https://app.example.com:8443/cb"),
        ("http://localhost/cb", "http://localhost:49152/cb"),
        ("http://127.0.0.2/cb", "http://127.0.0.2:49152/cb"),
        ("https://127.0.0.1/cb", "https://127.0.0.1:49152/cb"),
    ] {
        let app = native(&environment, registered);
        let step = environment.authorize(&person.browser, &app.request(&[("redirect_uri", requested)])).await;
        assert_page(step, PageError::RedirectUri);
    }
}
