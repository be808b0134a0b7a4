//! OpenID Connect Core section 3.1.2.1: what a client may ask about the person and the pages. Checks `az.prompt_*`,
//! `az.max_age`, `az.request_uri` and `az.hint_foreign`.

use paylent_oauth::{
    AuthorizeError, Browser,
    ErrorCode::{
        AccessDenied, ConsentRequired, InvalidRequest, LoginRequired, RegistrationNotSupported, RequestNotSupported,
        RequestUriNotSupported,
    },
    LoginReason, Step, Store,
};
use serde_json::json;

use crate::common::{
    Environment, ISSUER,
    keys::{self, forge},
    people::{App, Person, assert_told, first_party},
};

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

#[track_caller]
fn login(step: Result<Step, AuthorizeError>, reason: LoginReason) -> String {
    match step.unwrap() {
        Step::Login(login) if login.reason == reason => login.handle,
        step => panic!("no login for {reason:?}, but {step:?}"),
    }
}

#[track_caller]
fn consent(step: Result<Step, AuthorizeError>) -> String {
    match step.unwrap() {
        Step::Consent(consent) => consent.handle,
        step => panic!("no consent page, but {step:?}"),
    }
}

#[tokio::test]
async fn az_prompt_none_never_shows_a_page() {
    let (environment, app, person) = scene();
    let nobody = Browser { session: None, ..person.browser.clone() };
    let none = app.request(&[("prompt", "none")]);
    assert_told(environment.authorize(&nobody, &none).await, LoginRequired);
    assert_told(environment.authorize(&person.browser, &none).await, ConsentRequired);
    let too_old = app.request(&[("prompt", "none"), ("max_age", "10")]);
    assert_told(environment.authorize(&person.browser, &too_old).await, LoginRequired);
    environment.code(&app, &person, &[]).await;
    assert!(
        matches!(environment.authorize(&person.browser, &none).await.unwrap(), Step::Return(answer) if answer.error.is_none())
    );
    let public = environment.public_app();
    environment.code(&public, &person, &[]).await;
    let silent = environment.authorize(&person.browser, &public.request(&[("prompt", "none")])).await;
    assert_told(silent, ConsentRequired);
}

#[tokio::test]
async fn az_prompt_login_asks_for_the_password_again_once() {
    let environment = Environment::interactive();
    let (app, mut person) = (environment.app(first_party), environment.person());
    let handle =
        login(environment.authorize(&person.browser, &app.request(&[("prompt", "login")])).await, LoginReason::Again);
    login(environment.engine.resume(&handle, &person.browser).await, LoginReason::Again);
    environment.clock.advance_seconds(5);
    environment.sign_in(&mut person, -6);
    login(environment.engine.resume(&handle, &person.browser).await, LoginReason::Again);
    environment.sign_in(&mut person, 0);
    assert!(matches!(environment.engine.resume(&handle, &person.browser).await.unwrap(), Step::Return(_)));
}

#[tokio::test]
async fn az_max_age_is_how_long_ago_the_person_may_have_signed_in() {
    let environment = Environment::interactive();
    let (app, mut person) = (environment.app(first_party), environment.person());
    for (max_age, suffices) in [("0", false), ("60", false), ("61", true), ("86400", true)] {
        let step = environment.authorize(&person.browser, &app.request(&[("max_age", max_age)])).await;
        match suffices {
            true => assert!(matches!(step.unwrap(), Step::Return(_)), "{max_age}"),
            false => drop(login(step, LoginReason::Again)),
        }
    }
    for bad in ["-1", "abc", "1e9999", "1.5", "+5", " 5", "99999999999"] {
        let step = environment.authorize(&person.browser, &app.request(&[("max_age", bad)])).await;
        assert_told(step, InvalidRequest);
    }
    let zero = app.request(&[("max_age", "0")]);
    let handle = login(environment.authorize(&person.browser, &zero).await, LoginReason::Again);
    environment.clock.advance_seconds(30);
    environment.sign_in(&mut person, -2);
    assert!(matches!(environment.engine.resume(&handle, &person.browser).await.unwrap(), Step::Return(_)));
}

#[tokio::test]
async fn a_session_may_grow_too_old_on_the_consent_page() {
    let (environment, app, person) = scene();
    let handle = consent(environment.authorize(&person.browser, &app.request(&[("max_age", "100")])).await);
    environment.clock.advance_seconds(60);
    let yes = paylent_oauth::Decision::Approve(crate::common::people::scopes("openid"));
    login(environment.engine.decide(&handle, &person.browser, yes).await, LoginReason::Again);
}

#[tokio::test]
async fn az_prompt_combo_none_stands_alone_and_unknown_values_are_refused() {
    let (environment, app, person) = scene();
    for prompt in ["none login", "consent none", "unknown", "login unknown", "Login", "create"] {
        let step = environment.authorize(&person.browser, &app.request(&[("prompt", prompt)])).await;
        assert_told(step, InvalidRequest);
    }
}

#[tokio::test]
async fn prompt_consent_asks_although_it_was_given() {
    let environment = Environment::interactive();
    let person = environment.person();
    for app in [environment.app(|_| {}), environment.app(first_party)] {
        environment.code(&app, &person, &[]).await;
        consent(environment.authorize(&person.browser, &app.request(&[("prompt", "consent")])).await);
    }
}

#[tokio::test]
async fn prompt_select_account_is_satisfied_by_a_choice_or_by_signing_in() {
    let environment = Environment::interactive();
    let (app, mut person) = (environment.app(first_party), environment.person());
    let request = app.request(&[("prompt", "select_account")]);
    let Step::SelectAccount(page) = environment.authorize(&person.browser, &request).await.unwrap() else { panic!() };
    assert_eq!(page.user_id, person.subject.id);
    let step = environment.engine.resume(&page.handle, &person.browser).await.unwrap();
    assert!(matches!(step, Step::SelectAccount(_)), "coming back is no choice: {step:?}");
    let step = environment.engine.choose_account(&page.handle, &person.browser).await.unwrap();
    assert!(matches!(step, Step::Return(_)), "{step:?}");
    let Step::SelectAccount(page) = environment.authorize(&person.browser, &request).await.unwrap() else { panic!() };
    environment.clock.advance_seconds(1);
    environment.sign_in(&mut person, 0);
    let step = environment.engine.resume(&page.handle, &person.browser).await.unwrap();
    assert!(matches!(step, Step::Return(_)), "{step:?}");
}

#[tokio::test]
async fn prompts_are_shown_one_after_the_other() {
    let (environment, app, mut person) = scene();
    environment.code(&app, &person, &[]).await;
    let request = app.request(&[("prompt", "select_account consent")]);
    let Step::SelectAccount(page) = environment.authorize(&person.browser, &request).await.unwrap() else { panic!() };
    let handle = consent(environment.engine.choose_account(&page.handle, &person.browser).await);
    consent(environment.engine.resume(&handle, &person.browser).await);
    let all = app.request(&[("prompt", "login consent select_account")]);
    let handle = login(environment.authorize(&person.browser, &all).await, LoginReason::Again);
    environment.clock.advance_seconds(1);
    environment.sign_in(&mut person, 0);
    consent(environment.engine.resume(&handle, &person.browser).await);
}

#[tokio::test]
async fn az_request_uri_request_objects_are_refused() {
    let (environment, app, person) = scene();
    for (name, code) in [
        ("request", RequestNotSupported),
        ("request_uri", RequestUriNotSupported),
        ("registration", RegistrationNotSupported),
    ] {
        let step = environment.authorize(&person.browser, &app.request(&[(name, "http://127.0.0.1:1/x")])).await;
        assert_told(step, code);
    }
}

#[tokio::test]
async fn wishes_that_cannot_be_met_are_ignored() {
    let (environment, app, person) = scene();
    let wishes = [("acr_values", "urn:x"), ("ui_locales", "nl"), ("display", "popup"), ("claims_locales", "nl")];
    consent(environment.authorize(&person.browser, &app.request(&wishes)).await);
}

#[tokio::test]
async fn a_login_hint_reaches_the_login_page() {
    let (environment, app, person) = scene();
    let nobody = Browser { session: None, ..person.browser.clone() };
    let long = "x".repeat(300);
    for (hint, expected) in [("zoe@example.com", Some("zoe@example.com")), (&long, None), ("", None)] {
        let step = environment.authorize(&nobody, &app.request(&[("login_hint", hint)])).await.unwrap();
        let Step::Login(login) = step else { panic!() };
        assert_eq!(login.hint.as_deref(), expected);
    }
}

#[tokio::test]
async fn an_id_token_hint_names_the_person_the_client_means() {
    let (environment, app, mut person) = scene();
    let hint = environment.tokens(&app, &person, &[]).await.id_token.unwrap().expose().to_owned();
    environment.clock.advance_seconds(100_000);
    let none = app.request(&[("prompt", "none"), ("id_token_hint", &hint)]);
    assert!(
        matches!(environment.authorize(&person.browser, &none).await.unwrap(), Step::Return(answer) if answer.error.is_none())
    );
    let mut other = environment.person();
    environment.code(&app, &other, &[]).await;
    assert_told(environment.authorize(&other.browser, &none).await, LoginRequired);
    let asking = app.request(&[("id_token_hint", &hint)]);
    let handle = login(environment.authorize(&other.browser, &asking).await, LoginReason::OtherAccount);
    environment.clock.advance_seconds(1);
    environment.sign_in(&mut other, 0);
    assert_told(environment.engine.resume(&handle, &other.browser).await, LoginRequired);
    person.browser.id = other.browser.id;
    environment.sign_in(&mut person, 0);
    assert!(matches!(environment.engine.resume(&handle, &person.browser).await.unwrap(), Step::Return(_)));
}

#[tokio::test]
async fn az_hint_foreign_what_is_no_id_token_of_ours_is_refused() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(crate::common::people::jwt), environment.person());
    let tokens = environment.tokens(&app, &person, &[]).await;
    let good = tokens.id_token.unwrap().expose().to_owned();
    let (key, now) = (keys::ours(), paylent_domain::Clock::now(&*environment.clock).seconds());
    let claims = |iss: &str, aud: &str| json!({ "iss": iss, "aud": aud, "sub": person.subject.id, "jti": "j", "iat": now, "exp": now + 60 });
    let parts: Vec<&str> = good.split('.').collect();
    let others = [
        forge(&key, &key.kid, "JWT", &claims("https://neighbour.example.com", app.id())),
        forge(&key, &key.kid, "JWT", &claims(ISSUER, environment.app(|_| {}).id())),
        forge(&keys::another(), &key.kid, "JWT", &claims(ISSUER, app.id())),
        forge(&key, &key.kid, "logout+jwt", &claims(ISSUER, app.id())),
        tokens.access_token.expose().to_owned(),
        format!("{}.{}.", parts[0], parts[1]),
        "x".to_owned(),
    ];
    for hint in &others {
        let step = environment.authorize(&person.browser, &app.request(&[("id_token_hint", hint)])).await;
        assert_told(step, InvalidRequest);
    }
    let fine = forge(&key, &key.kid, "JWT", &claims(ISSUER, app.id()));
    for hint in [&good, &fine] {
        let step = environment.authorize(&person.browser, &app.request(&[("id_token_hint", hint)])).await.unwrap();
        assert!(matches!(step, Step::Return(answer) if answer.error.is_none()));
    }
    environment.store.add_key(keys::another());
    environment.store.deactivate_key(&key.kid);
    let step = environment.authorize(&person.browser, &app.request(&[("id_token_hint", &good)])).await;
    assert_told(step, InvalidRequest);
}

#[tokio::test]
async fn the_claims_parameter_may_name_the_person() {
    let (environment, app, person) = scene();
    environment.code(&app, &person, &[]).await;
    let me = json!({ "id_token": { "sub": { "value": person.subject.id } } }).to_string();
    let other = json!({ "id_token": { "sub": { "value": "somebody else" } } }).to_string();
    let none = |claims| app.request(&[("prompt", "none"), ("claims", claims)]);
    assert!(
        matches!(environment.authorize(&person.browser, &none(&me)).await.unwrap(), Step::Return(answer) if answer.error.is_none())
    );
    assert_told(environment.authorize(&person.browser, &none(&other)).await, LoginRequired);
    let hint = environment.tokens(&app, &person, &[]).await.id_token.unwrap();
    let both = app.request(&[("id_token_hint", hint.expose()), ("claims", &other)]);
    assert_told(environment.authorize(&person.browser, &both).await, InvalidRequest);
}

#[tokio::test]
async fn an_essential_acr_cannot_be_met_and_a_malformed_claims_parameter_is_refused() {
    let (environment, app, person) = scene();
    let essential = r#"{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}"#;
    assert_told(environment.authorize(&person.browser, &app.request(&[("claims", essential)])).await, AccessDenied);
    for bad in ["x", "[]", r#"{"id_token":1}"#] {
        assert_told(environment.authorize(&person.browser, &app.request(&[("claims", bad)])).await, InvalidRequest);
    }
}

#[tokio::test]
async fn claims_asked_for_by_name_are_consented_to_as_the_scopes_that_cover_them() {
    let (environment, app, person) = scene();
    let claims = r#"{"userinfo":{"email":null},"id_token":{"name":null}}"#;
    let step = environment.authorize(&person.browser, &app.request(&[("claims", claims)])).await.unwrap();
    let Step::Consent(consent) = step else { panic!() };
    let names: Vec<&str> = consent.scopes.iter().map(|scope| scope.name.as_str()).collect();
    assert_eq!(names, ["openid", "profile", "email"]);
}

#[tokio::test]
async fn a_nonce_has_a_limit() {
    let (environment, app, person) = scene();
    let (longest, longer) = ("n".repeat(512), "n".repeat(513));
    let code = environment.code(&app, &person, &[("nonce", &longest)]).await;
    let stored = environment.store.code(&paylent_oauth::crypto::secret::SecretHash::of(&code)).await.unwrap().unwrap();
    assert_eq!(stored.code.nonce, Some(longest));
    assert_told(environment.authorize(&person.browser, &app.request(&[("nonce", &longer)])).await, InvalidRequest);
}
