//! RFC 6749 section 3.1.2 and RFC 9700 section 4.1.3: an address is compared byte for byte. Checks `ru.*`.

use paylent_oauth::{ErrorCode::InvalidGrant, PageError};

use crate::common::{
    Environment, assert_refused,
    people::{CALLBACK, assert_page, query_of},
};

#[tokio::test]
async fn ru_every_address_but_the_registered_one_is_a_page() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let near = [
        // ru.case
        "https://app.example.com/CB?provider=payt",
        "HTTPS://app.example.com/cb?provider=payt",
        "https://APP.example.com/cb?provider=payt",
        // ru.path
        "https://app.example.com/cb/?provider=payt",
        "https://app.example.com?provider=payt",
        "https://app.example.com/cb/more?provider=payt",
        "https://app.example.com/cb/../cb?provider=payt",
        "https://app.example.com/cb/..;/x?provider=payt",
        "https://app.example.com//cb?provider=payt",
        // ru.query
        "https://app.example.com/cb",
        "https://app.example.com/cb?provider=payt&x=1",
        "https://app.example.com/cb?provider=payt&",
        "https://app.example.com/cb?provider=payt?",
        "https://app.example.com/cb?provider=Payt",
        // ru.fragment
        "https://app.example.com/cb?provider=payt#f",
        "https://app.example.com/cb?provider=payt#",
        "https://app.example.com/cb?provider=payt%23f",
        // ru.userinfo
        "https://app.example.com@evil.test/cb?provider=payt",
        "https://evil.test\\@app.example.com/cb?provider=payt",
        // ru.suffix
        "https://app.example.com.evil.test/cb?provider=payt",
        "https://evilapp.example.com/cb?provider=payt",
        "https://app-example.com/cb?provider=payt",
        "https://app.example.com./cb?provider=payt",
        // ru.port
        "https://app.example.com:443/cb?provider=payt",
        "https://app.example.com:0443/cb?provider=payt",
        "https://app.example.com:8443/cb?provider=payt",
        // ru.enc
        "https://app.example.com/%63b?provider=payt",
        "https://app.example.com/cb%2e%2e%2f?provider=payt",
        "https://app.example.com/cb?provider=payt ",
        " https://app.example.com/cb?provider=payt",
        "https://app.example.com/cb\t?provider=payt",
        "https://app.example.com/cb\r\n?provider=payt",
        // ru.unicode
        "https://app\u{3002}example\u{3002}com/cb?provider=payt",
        "https://\u{430}pp.example.com/cb?provider=payt",
        "http://app.example.com/cb?provider=payt",
        "javascript:alert(1)",
        "//app.example.com/cb?provider=payt",
        "/cb?provider=payt",
    ];
    for redirect_uri in near {
        let step = environment.authorize(&person.browser, &app.request(&[("redirect_uri", redirect_uri)])).await;
        assert_page(step, PageError::RedirectUri);
    }
}

#[tokio::test]
async fn ru_success_query_the_registered_query_comes_first() {
    let environment = Environment::interactive();
    let person = environment.person();
    let starts = [
        (CALLBACK, "https://app.example.com/cb?provider=payt&code=pay_ac_"),
        ("https://app.example.com/cb", "https://app.example.com/cb?code=pay_ac_"),
        ("https://app.example.com/cb?", "https://app.example.com/cb?code=pay_ac_"),
        ("https://app.example.com/cb?a=b&", "https://app.example.com/cb?a=b&code=pay_ac_"),
        ("https://app.example.com?a=%20+b", "https://app.example.com?a=%20+b&code=pay_ac_"),
    ];
    for (registered, start) in starts {
        let app = environment.app(|application| application.redirect_uris = vec![registered.to_owned()]);
        let url = environment.answer(&app, &person, &[]).await.url();
        assert!(url.starts_with(start), "{url}");
    }
    let app = environment.app(|_| {});
    let parameters = query_of(&environment.answer(&app, &person, &[]).await.url());
    let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["code", "iss", "provider", "state"]);
}

#[tokio::test]
async fn ru_token_mismatch_the_token_request_names_the_same_address() {
    let environment = Environment::interactive();
    let second = "https://app.example.com/second";
    let app = environment.app(|application| application.redirect_uris.push(second.to_owned()));
    let person = environment.person();
    let code = environment.code(&app, &person, &[]).await;
    for other in ["", second, "https://app.example.com/cb", "https://app.example.com/cb?provider=payt&"] {
        assert_refused(environment.exchange(&app, &code, &[("redirect_uri", other)]).await, InvalidGrant);
    }
    assert!(environment.exchange(&app, &code, &[]).await.is_ok(), "the code was not consumed");
}
