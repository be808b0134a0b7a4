//! RFC 6749 section 3.1: which authorization requests are right. Checks `az.*` as far as no page is shown.

use paylent_oauth::{
    AuthorizationRequest,
    ErrorCode::{InvalidRequest, InvalidScope, TemporarilyUnavailable, UnsupportedResponseType},
    PageError, Step,
};

use crate::common::{
    API, Environment,
    faulty::{Fault, Faulty},
    people::{App, CALLBACK, Person, assert_page, assert_told, owned, parameter, parse, query, query_of, returned},
};

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

#[tokio::test]
async fn az_unknown_client_and_az_disabled_client_get_the_same_page() {
    let (environment, mut app, person) = scene();
    let long = "x".repeat(10_000);
    for client_id in ["unknown", "", "%", &long, &app.id().to_uppercase()] {
        let step = environment.authorize(&person.browser, &app.request(&[("client_id", client_id)])).await;
        assert_page(step, PageError::UnknownClient);
    }
    environment.change_app(&mut app, |application| application.client.active = false);
    assert_page(environment.authorize(&person.browser, &app.request(&[])).await, PageError::UnknownClient);
    let machine = environment.client(|_| {});
    let of_a_machine = app.request(&[("client_id", machine.id())]);
    assert_page(environment.authorize(&person.browser, &of_a_machine).await, PageError::UnknownClient);
}

#[tokio::test]
async fn az_err_order_an_unregistered_address_is_a_page_whatever_else_is_wrong() {
    let (environment, app, person) = scene();
    let bad = [
        ("redirect_uri", "https://evil.example/cb"),
        ("response_type", "token"),
        ("scope", "unknown"),
        ("code_challenge_method", "plain"),
        ("response_mode", "fragment"),
        ("state", ""),
    ];
    assert_page(environment.authorize(&person.browser, &app.request(&bad)).await, PageError::RedirectUri);
}

#[tokio::test]
async fn az_resp_type_only_code_is_supported() {
    let (environment, app, person) = scene();
    let missing = environment.authorize(&person.browser, &app.request(&[("response_type", "")])).await;
    assert_told(missing, InvalidRequest);
    for other in ["token", "id_token", "code token", "code id_token token", "none", "Code", "code code"] {
        let step = environment.authorize(&person.browser, &app.request(&[("response_type", other)])).await;
        assert_told(step, UnsupportedResponseType);
    }
}

#[tokio::test]
async fn az_dup_a_repeated_parameter_is_refused() {
    let (environment, app, person) = scene();
    let good = query(&app.request(&[("nonce", "n")]));
    for name in ["client_id", "redirect_uri"] {
        let twice = format!("{good}&{name}={}", if name == "client_id" { app.id() } else { "x" });
        assert_eq!(AuthorizationRequest::parse(twice.as_bytes()).unwrap_err(), PageError::Malformed);
    }
    for name in ["state", "scope", "response_type", "code_challenge", "nonce", "unknown&unknown"] {
        let twice = AuthorizationRequest::parse(format!("{good}&{name}=openid").as_bytes()).unwrap();
        let answer = returned(environment.engine.authorize(twice, &person.browser).await);
        assert_eq!(parameter(&answer, "error"), Some("invalid_request"), "{name}");
        assert_eq!(parameter(&answer, "state").is_some(), name != "state", "a doubtful state is not returned");
    }
}

#[tokio::test]
async fn az_null_what_is_not_text_is_a_page() {
    let many: String = (0..1_000).map(|n| format!("p{n}=1&")).collect();
    for bad in ["client_id=%00", "x=%ff", "x=%", "x=%zz", "x=%c0%80", &many] {
        assert_eq!(AuthorizationRequest::parse(bad.as_bytes()).unwrap_err(), PageError::Malformed, "{bad:.40}");
    }
}

#[tokio::test]
async fn az_scope_bad_and_az_scope_dos_unknown_scopes_are_refused() {
    let (environment, app, person) = scene();
    let (many, long) = ("a ".repeat(10_000), "a".repeat(60_000));
    for scope in ["unknown", "documents:read", "openid documents:read", "a\"b", "é", &many, &long] {
        let step = environment.authorize(&person.browser, &app.request(&[("scope", scope)])).await;
        assert_told(step, InvalidScope);
    }
    let step =
        environment.authorize(&person.browser, &app.request(&[("scope", "users:read"), ("resource", API)])).await;
    assert_told(step, InvalidScope);
}

#[tokio::test]
async fn az_state_echo_state_comes_back_as_it_was_sent() {
    let (environment, app, person) = scene();
    let odd = "a&b=%25 +'\"<script>\r\nSet-Cookie: x \u{1F642}#?";
    let full = format!("{odd}{}", "x".repeat(2_048 - odd.len()));
    for state in [odd, &full] {
        let answer = environment.answer(&app, &person, &[("state", state)]).await;
        let url = answer.url();
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        assert_eq!(query_of(&url)["state"], state);
    }
    let longer = format!("{full}x");
    let answer = returned(environment.authorize(&person.browser, &app.request(&[("state", &longer)])).await);
    assert_eq!((parameter(&answer, "error"), parameter(&answer, "state")), (Some("invalid_request"), None));
    let answer = environment.answer(&app, &person, &[("state", "")]).await;
    assert_eq!((parameter(&answer, "error"), parameter(&answer, "state")), (None, None));
}

#[tokio::test]
async fn an_organizations_application_must_send_state() {
    let (environment, mut app, person) = scene();
    environment.change_app(&mut app, owned);
    assert_told(environment.authorize(&person.browser, &app.request(&[("state", "")])).await, InvalidRequest);
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    assert_eq!(consent.client.organization.as_deref(), Some("Acme"));
}

#[tokio::test]
async fn az_resp_mode_query_and_form_post_and_no_other() {
    let (environment, app, person) = scene();
    for mode in ["fragment", "form_post.jwt", "web_message", "query.jwt", "Query"] {
        let step = environment.authorize(&person.browser, &app.request(&[("response_mode", mode)])).await;
        assert_told(step, InvalidRequest);
    }
    use paylent_oauth::ResponseMode::{FormPost, Query};
    for (mode, expected) in [("", Query), ("query", Query), ("form_post", FormPost)] {
        let answer = environment.answer(&app, &person, &[("response_mode", mode)]).await;
        assert_eq!((answer.mode, answer.redirect_uri.as_str()), (expected, CALLBACK));
    }
    let refused = app.request(&[("response_mode", "form_post"), ("scope", "unknown")]);
    assert_eq!(returned(environment.authorize(&person.browser, &refused).await).mode, FormPost);
}

#[tokio::test]
async fn an_address_may_be_left_out_when_there_is_one_and_no_openid() {
    let (environment, mut app, person) = scene();
    let without = [("redirect_uri", ""), ("scope", "profile")];
    let code = environment.code(&app, &person, &without).await;
    assert!(environment.exchange(&app, &code, &[("redirect_uri", "")]).await.is_ok());
    let step = environment.authorize(&person.browser, &app.request(&[("redirect_uri", "")])).await;
    assert_told(step, InvalidRequest);
    environment
        .change_app(&mut app, |application| application.redirect_uris.push("https://app.example.com/2".to_owned()));
    assert_page(environment.authorize(&person.browser, &app.request(&without)).await, PageError::RedirectUri);
}

#[tokio::test]
async fn when_the_store_fails_the_client_is_told_once_it_is_known() {
    let (environment, app, person) = scene();
    for (failing, is_told) in [(1, false), (2, true)] {
        let store = Faulty::at(failing, Fault::BeforeTheWork, environment.store.clone());
        let attempt = environment.behind(&store);
        let step = attempt.authorize(&person.browser, &app.request(&[])).await;
        match is_told {
            true => assert_told(step, TemporarilyUnavailable),
            false => assert!(matches!(step, Err(paylent_oauth::AuthorizeError::Failed(_))), "{step:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_is_read_from_a_query_or_a_body() {
    let (environment, app, person) = scene();
    let step = environment.engine.authorize(parse(&app.request(&[("unknown", "ignored")])), &person.browser).await;
    assert!(matches!(step, Ok(Step::Consent(_))));
}
