//! OpenID Connect RP-Initiated Logout 1.0. Checks `ru.logout` and `se.logout_csrf`.

use paylent_oauth::{AuthorizeError, Browser, ErrorCode::InvalidGrant, LogoutStep, PageError, SignedOut};

use crate::common::{
    Environment, assert_refused, form,
    keys::{self, forge},
    people::{App, Person, STATE, owned},
};

const BYE: &str = "https://app.example.com/bye?from=payt";

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

async fn hint(environment: &Environment, app: &App, person: &Person) -> String {
    environment.tokens(app, person, &[]).await.id_token.unwrap().expose().to_owned()
}

async fn logout(environment: &Environment, browser: &Browser, parameters: &[(&str, &str)]) -> LogoutStep {
    environment.engine.logout(&form(parameters), browser).await.unwrap()
}

#[track_caller]
fn done(step: LogoutStep) -> SignedOut {
    match step {
        LogoutStep::Done(signed_out) => signed_out,
        step => panic!("not done: {step:?}"),
    }
}

#[track_caller]
fn confirm(step: LogoutStep) -> (String, Option<String>) {
    match step {
        LogoutStep::Confirm { handle, client } => (handle, client),
        step => panic!("nobody was asked: {step:?}"),
    }
}

/// Whether the session can still be used for a code.
async fn is_signed_in(environment: &Environment, app: &App, person: &Person) -> bool {
    let code = environment.code(app, person, &[]).await;
    environment.exchange(app, &code, &[]).await.is_ok()
}

#[tokio::test]
async fn with_an_id_token_of_the_session_the_person_is_signed_out_and_returned() {
    let (environment, app, person) = scene();
    let hint = hint(&environment, &app, &person).await;
    environment.clock.advance_seconds(86_400);
    let wish = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "a &\u{e9}")];
    let signed_out = done(logout(&environment, &person.browser, &wish).await);
    assert_eq!(signed_out.redirect.unwrap(), format!("{BYE}&state=a%20%26%C3%A9"));
    assert!(!is_signed_in(&environment, &app, &person).await);
}

#[tokio::test]
async fn se_logout_csrf_without_such_a_token_the_person_is_asked() {
    let (environment, app, mut person) = scene();
    let of_an_earlier_session = hint(&environment, &app, &person).await;
    let of_another = hint(&environment, &app, &environment.person()).await;
    environment.sign_in(&mut person, 0);
    let unsigned = {
        let parts: Vec<&str> = of_an_earlier_session.split('.').collect();
        format!("{}.{}.", parts[0], parts[1])
    };
    for hint in ["", &of_an_earlier_session, &of_another, &unsigned, "x"] {
        confirm(logout(&environment, &person.browser, &[("id_token_hint", hint)]).await);
    }
    assert!(is_signed_in(&environment, &app, &person).await, "the session is alive");
}

#[tokio::test]
async fn a_person_who_confirms_is_signed_out_and_returned() {
    let (environment, app, person) = scene();
    let wish = [("client_id", app.id()), ("post_logout_redirect_uri", BYE), ("state", STATE)];
    let (handle, client) = confirm(logout(&environment, &person.browser, &wish).await);
    assert_eq!(client.as_deref(), Some("Documents"));
    let signed_out = environment.engine.confirm_logout(&handle, &person.browser).await.unwrap();
    assert_eq!(signed_out.redirect, Some(format!("{BYE}&state={STATE}")));
    assert!(!is_signed_in(&environment, &app, &person).await);
}

#[tokio::test]
async fn a_person_who_declines_stays_signed_in() {
    let (environment, app, person) = scene();
    let wish = [("client_id", app.id()), ("post_logout_redirect_uri", BYE), ("state", STATE)];
    let (handle, _) = confirm(logout(&environment, &person.browser, &wish).await);
    environment.engine.decline_logout(&handle, &person.browser).unwrap();
    let other = environment.person();
    let elsewhere = environment.engine.decline_logout(&handle, &other.browser);
    assert!(matches!(elsewhere, Err(PageError::OtherBrowser)), "{elsewhere:?}");
    assert!(is_signed_in(&environment, &app, &person).await);
}

#[tokio::test]
async fn a_confirmation_belongs_to_one_browser_and_one_hour() {
    let (environment, _, person) = scene();
    let (handle, _) = confirm(logout(&environment, &person.browser, &[]).await);
    let page = |result: Result<SignedOut, AuthorizeError>| match result {
        Err(AuthorizeError::Page(page)) => page,
        other => panic!("no page: {other:?}"),
    };
    let other = environment.person();
    assert_eq!(page(environment.engine.confirm_logout(&handle, &other.browser).await), PageError::OtherBrowser);
    assert_eq!(page(environment.engine.confirm_logout("x", &person.browser).await), PageError::Handle);
    environment.clock.advance_seconds(3_600);
    assert_eq!(page(environment.engine.confirm_logout(&handle, &person.browser).await), PageError::Expired);
}

#[tokio::test]
async fn ru_logout_nobody_is_sent_to_an_address_that_is_not_registered() {
    let (environment, mut app, person) = scene();
    let hint = hint(&environment, &app, &person).await;
    let other = environment.app(|application| {
        application.post_logout_redirect_uris = vec!["https://other.example.com/".to_owned()];
    });
    let nobody = Browser { session: None, ..person.browser.clone() };
    let near = [
        "https://evil.test/",
        "https://app.example.com/bye",
        "https://app.example.com/bye?from=payt&x=1",
        "https://APP.example.com/bye?from=payt",
        "https://other.example.com/",
        "javascript:alert(1)",
    ];
    for uri in near {
        for named in [("id_token_hint", hint.as_str()), ("client_id", app.id())] {
            let step = logout(&environment, &nobody, &[named, ("post_logout_redirect_uri", uri)]).await;
            assert_eq!(done(step).redirect, None, "{uri}");
        }
    }
    // Who is signed in is asked, also when the ID token proves that the client knows who they are.
    let wish = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://evil.test/")];
    let (handle, _) = confirm(logout(&environment, &person.browser, &wish).await);
    assert!(is_signed_in(&environment, &app, &person).await);
    assert_eq!(environment.engine.confirm_logout(&handle, &person.browser).await.unwrap().redirect, None);
    let forged = forge(&keys::another(), &keys::ours().kid, "JWT", &serde_json::json!({ "aud": app.id() }));
    for nothing in [
        &[("post_logout_redirect_uri", BYE)][..],
        &[("post_logout_redirect_uri", BYE), ("client_id", "unknown")],
        &[("post_logout_redirect_uri", BYE), ("id_token_hint", &forged), ("client_id", app.id())],
        &[("post_logout_redirect_uri", BYE), ("id_token_hint", &hint), ("client_id", other.id())],
    ] {
        assert_eq!(done(logout(&environment, &nobody, nothing).await).redirect, None, "{nothing:?}");
    }
    let id = app.id().to_owned();
    let good = [("post_logout_redirect_uri", BYE), ("id_token_hint", hint.as_str()), ("client_id", &id)];
    assert_eq!(done(logout(&environment, &nobody, &good).await).redirect.as_deref(), Some(BYE));
    environment.change_app(&mut app, |application| application.client.active = false);
    assert_eq!(done(logout(&environment, &nobody, &good).await).redirect, None);
}

#[tokio::test]
async fn a_signed_out_person_is_signed_out_again() {
    let (environment, _, person) = scene();
    let session = person.browser.session.as_ref().unwrap().session_id;
    assert!(environment.engine.end_session(session).await.unwrap().is_some());
    assert!(environment.engine.end_session(session).await.unwrap().is_none());
    let (handle, _) = confirm(logout(&environment, &person.browser, &[]).await);
    assert!(environment.engine.confirm_logout(&handle, &person.browser).await.unwrap().ended.is_none());
}

#[tokio::test]
async fn tokens_end_with_the_session_unless_they_were_for_while_the_person_is_away() {
    let environment = Environment::interactive();
    let mut person = environment.person();
    let app = environment.app(|_| {});
    let connected = environment.app(owned);
    for (app, scope, survives) in
        [(&app, "openid", false), (&app, "openid offline_access", true), (&connected, "openid", true)]
    {
        environment.sign_in(&mut person, 0);
        let tokens = environment.tokens(app, &person, &[("scope", scope)]).await;
        environment.engine.end_session(person.browser.session.as_ref().unwrap().session_id).await.unwrap();
        let access = tokens.access_token.expose();
        assert_eq!(environment.is_active(&app.registered(), access).await, survives, "{scope}");
        let refreshed = environment.refresh(app, tokens.refresh_token.unwrap().expose(), &[]).await;
        match survives {
            true => assert!(refreshed.is_ok()),
            false => assert_refused(refreshed, InvalidGrant),
        }
    }
}
