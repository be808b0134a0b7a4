//! What a person is asked, and what comes of it: checks `az.browser_bind`, `az.tamper`, `az.consent_*` and
//! `az.midflight_*`.

use paylent_domain::client::GrantType;
use paylent_oauth::{
    Config, Decision,
    ErrorCode::{AccessDenied, UnauthorizedClient},
    PageError, Step,
    store::Application,
};

use crate::common::{
    API, Environment, ISSUER,
    faulty::{Fault, Faulty},
    people::{
        App, Person, STATE, assert_page, assert_told, first_party, nobody_at, parameter, public, returned, scopes,
    },
};

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

#[tokio::test]
async fn az_browser_bind_another_browser_cannot_go_on() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    let other = environment.person();
    let yes = || Decision::Approve(scopes("openid"));
    assert_page(environment.engine.decide(&consent.handle, &other.browser, yes()).await, PageError::OtherBrowser);
    assert_page(environment.engine.resume(&consent.handle, &other.browser).await, PageError::OtherBrowser);
    assert_eq!(PageError::OtherBrowser.status(), 403);
    let answer = returned(environment.engine.decide(&consent.handle, &person.browser, yes()).await);
    assert!(parameter(&answer, "code").is_some(), "the request is pending for its own browser still");
}

#[tokio::test]
async fn se_fixation_a_request_goes_on_under_the_new_name_of_its_browser() {
    let (environment, app, mut person) = scene();
    let was = nobody_at(&person);
    let Step::Login(login) = environment.authorize(&was, &app.request(&[])).await.unwrap() else { panic!() };
    environment.sign_in(&mut person, 0);
    person.browser.id = [7; 32];
    let renamed = &person.browser;
    assert_page(environment.engine.resume(&login.handle, renamed).await, PageError::OtherBrowser);
    assert_page(environment.engine.resume_renamed(&login.handle, renamed, renamed).await, PageError::OtherBrowser);
    let Ok(Step::Consent(consent)) = environment.engine.resume_renamed(&login.handle, &was, renamed).await else {
        panic!()
    };
    let yes = || Decision::Approve(scopes("openid"));
    assert_page(environment.engine.decide(&consent.handle, &was, yes()).await, PageError::OtherBrowser);
    let answer = returned(environment.engine.decide(&consent.handle, renamed, yes()).await);
    assert!(parameter(&answer, "code").is_some());
}

#[tokio::test]
async fn se_fixation_a_request_that_begins_anew_brings_nothing_along() {
    let environment = Environment::interactive();
    let (app, person, other) = (environment.public_app(), environment.person(), environment.person());
    let choose = [("prompt", "select_account")];
    let Step::SelectAccount(asked) = environment.authorize(&person.browser, &app.request(&choose)).await.unwrap()
    else {
        panic!()
    };
    let Ok(Step::Consent(consent)) = environment.engine.choose_account(&asked.handle, &person.browser).await else {
        panic!()
    };
    let Ok(Step::SelectAccount(anew)) = environment.engine.restart(&consent.handle, &other.browser).await else {
        panic!("who chose was another browser")
    };
    assert_eq!(anew.user_id, other.subject.id);
    assert_page(environment.engine.resume(&anew.handle, &person.browser).await, PageError::OtherBrowser);
    let yes = || Decision::Approve(scopes("openid"));
    let first = returned(environment.engine.decide(&consent.handle, &person.browser, yes()).await);
    assert!(parameter(&first, "code").is_some());
    let Ok(Step::Consent(theirs)) = environment.engine.choose_account(&anew.handle, &other.browser).await else {
        panic!()
    };
    let answer = returned(environment.engine.decide(&theirs.handle, &other.browser, yes()).await);
    assert!(parameter(&answer, "code").is_some(), "it is a request of its own");
    environment.clock.advance_seconds(3_601);
    assert_page(environment.engine.restart(&anew.handle, &other.browser).await, PageError::Expired);
    assert_page(environment.engine.restart("x", &other.browser).await, PageError::Handle);
}

#[tokio::test]
async fn az_tamper_an_altered_or_foreign_handle_opens_nothing() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    let neighbour = environment.with_config(Config { realm: [7; 16], interactive: true, ..Config::single(ISSUER) });
    assert_page(neighbour.engine.resume(&consent.handle, &person.browser).await, PageError::Handle);
    let mut flipped = consent.handle.clone().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let logout = environment.engine.logout(&crate::common::form(&[]), &person.browser).await.unwrap();
    let paylent_oauth::LogoutStep::Confirm { handle: of_a_logout, .. } = logout else { panic!() };
    let long = "A".repeat(100_000);
    for handle in ["", "x", &flipped, &of_a_logout, &long, &consent.handle[1..]] {
        assert_page(environment.engine.resume(handle, &person.browser).await, PageError::Handle);
    }
}

#[tokio::test]
async fn a_page_may_be_open_for_an_hour() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    environment.clock.advance_seconds(3_599);
    assert!(environment.engine.resume(&consent.handle, &person.browser).await.is_ok());
    environment.clock.advance_seconds(1);
    assert_page(environment.engine.resume(&consent.handle, &person.browser).await, PageError::Expired);
}

#[tokio::test]
async fn az_consent_widen_a_scope_nobody_asked_for_cannot_be_approved() {
    let (environment, app, person) = scene();
    let request = app.request(&[("scope", "openid documents:read"), ("resource", API)]);
    let Step::Consent(consent) = environment.authorize(&person.browser, &request).await.unwrap() else { panic!() };
    let wider = Decision::Approve(scopes("documents:read documents:write"));
    assert_page(environment.engine.decide(&consent.handle, &person.browser, wider).await, PageError::ScopeNotAsked);
}

#[tokio::test]
async fn a_person_may_leave_scopes_out_and_gets_asked_for_them_again() {
    let (environment, app, person) = scene();
    let asking = [("scope", "openid documents:read documents:write"), ("resource", API)];
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&asking)).await.unwrap() else {
        panic!()
    };
    let some = Decision::Approve(scopes("documents:read"));
    let answer = returned(environment.engine.decide(&consent.handle, &person.browser, some).await);
    let tokens = environment.exchange(&app, parameter(&answer, "code").unwrap(), &[]).await.unwrap();
    assert_eq!(tokens.scope.as_deref(), Some("documents:read openid"));
    let Step::Consent(again) = environment.authorize(&person.browser, &app.request(&asking)).await.unwrap() else {
        panic!()
    };
    let new: Vec<_> = again.scopes.iter().filter(|scope| scope.new).map(|scope| scope.name.as_str()).collect();
    assert_eq!(new, ["documents:write"]);
}

#[tokio::test]
async fn a_consent_is_remembered_and_only_more_is_asked_for_again() {
    let (environment, app, person) = scene();
    let read = [("scope", "openid documents:read"), ("resource", API)];
    environment.code(&app, &person, &read).await;
    for narrower in [&read[..], &[("scope", "openid"), ("resource", API)], &[("scope", ""), ("resource", API)]] {
        let step = environment.authorize(&person.browser, &app.request(narrower)).await.unwrap();
        assert!(matches!(step, Step::Return(_)), "{narrower:?}: {step:?}");
    }
    let wider = [("scope", "openid documents:read documents:write"), ("resource", API)];
    let step = environment.authorize(&person.browser, &app.request(&wider)).await.unwrap();
    let Step::Consent(consent) = step else { panic!("{step:?}") };
    let new: Vec<_> = consent.scopes.iter().map(|scope| (scope.name.as_str(), scope.new)).collect();
    assert_eq!(new, [("openid", false), ("documents:read", false), ("documents:write", true)]);
}

#[tokio::test]
async fn a_consent_is_one_persons_for_one_client_at_one_audience() {
    let (environment, app, person) = scene();
    environment.code(&app, &person, &[("resource", API)]).await;
    let (other_app, other_person) = (environment.app(|_| {}), environment.person());
    for (app, person, resource) in [(&other_app, &person, API), (&app, &other_person, API), (&app, &person, "")] {
        let step = environment.authorize(&person.browser, &app.request(&[("resource", resource)])).await.unwrap();
        assert!(matches!(step, Step::Consent(_)), "{step:?}");
    }
}

#[tokio::test]
async fn az_consent_public_a_public_client_is_asked_about_every_time() {
    let environment = Environment::interactive();
    let (app, person) = (environment.public_app(), environment.person());
    for _ in 0..3 {
        let step = environment.authorize(&person.browser, &app.request(&[])).await.unwrap();
        assert!(matches!(step, Step::Consent(_)), "{step:?}");
        environment.code(&app, &person, &[]).await;
    }
    for change in [|_: &mut _| {}, public] {
        let app = environment.app(|application| {
            change(application);
            first_party(application);
        });
        let step = environment.authorize(&person.browser, &app.request(&[])).await.unwrap();
        assert!(matches!(step, Step::Return(_)), "nobody is asked about a first-party client: {step:?}");
    }
}

#[tokio::test]
async fn a_person_may_take_back_a_scope_and_keeps_what_was_not_asked_about() {
    let (environment, app, person) = scene();
    let all = [("scope", "openid documents:read documents:write"), ("resource", API)];
    environment.code(&app, &person, &all).await;
    let again = [("scope", "openid documents:write"), ("resource", API), ("prompt", "consent")];
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&again)).await.unwrap() else {
        panic!()
    };
    let less = Decision::Approve(scopes("openid"));
    returned(environment.engine.decide(&consent.handle, &person.browser, less).await);
    let step = environment.authorize(&person.browser, &app.request(&all)).await.unwrap();
    let Step::Consent(consent) = step else { panic!("{step:?}") };
    let new: Vec<_> = consent.scopes.iter().filter(|scope| scope.new).map(|scope| scope.name.as_str()).collect();
    assert_eq!(new, ["documents:write"]);
}

#[tokio::test]
async fn a_first_party_client_has_no_consents_to_look_up() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(first_party), environment.person());
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    returned(environment.interactively_behind(&store).authorize(&person.browser, &app.request(&[])).await);
    assert_eq!((store.calls(), store.writes()), (2, 1), "the client, the code");
}

#[tokio::test]
async fn az_consent_double_a_request_is_answered_with_one_code() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    let yes = || environment.engine.decide(&consent.handle, &person.browser, Decision::Approve(scopes("openid")));
    assert!(parameter(&returned(yes().await), "code").is_some());
    assert_page(yes().await, PageError::AlreadyDecided);
    assert_page(environment.engine.resume(&consent.handle, &person.browser).await, PageError::AlreadyDecided);
}

#[tokio::test]
async fn a_person_may_refuse() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    let step = environment.engine.decide(&consent.handle, &person.browser, Decision::Deny).await;
    let answer = returned(step);
    assert_eq!((parameter(&answer, "error"), parameter(&answer, "state")), (Some("access_denied"), Some(STATE)));
    let step = environment.engine.decide(&consent.handle, &person.browser, Decision::Deny).await;
    assert_told(step, AccessDenied);
}

#[tokio::test]
async fn se_switch_one_person_cannot_approve_what_another_was_shown() {
    let (environment, app, person) = scene();
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    let mut other = environment.person();
    other.browser.id = person.browser.id;
    let yes = Decision::Approve(scopes("openid"));
    let step = environment.engine.decide(&consent.handle, &other.browser, yes.clone()).await.unwrap();
    let Step::Consent(anew) = step else { panic!("{step:?}") };
    assert_eq!(anew.user_id, other.subject.id);
    let signed_out = nobody_at(&person);
    let step = environment.engine.decide(&consent.handle, &signed_out, yes).await.unwrap();
    assert!(matches!(step, Step::Login(_)), "az_midflight_user: {step:?}");
}

#[tokio::test]
async fn a_login_page_cannot_be_taken_for_a_consent() {
    let (environment, app, person) = scene();
    let step = environment.authorize(&nobody_at(&person), &app.request(&[])).await.unwrap();
    let Step::Login(login) = step else { panic!("{step:?}") };
    let yes = Decision::Approve(scopes("openid"));
    let step = environment.engine.decide(&login.handle, &person.browser, yes).await.unwrap();
    assert!(matches!(step, Step::Consent(_)), "nobody was asked yet: {step:?}");
}

#[tokio::test]
async fn az_midflight_client_a_client_that_changed_is_judged_anew() {
    let environment = Environment::interactive();
    let person = environment.person();
    type Change = fn(&mut Application);
    let changes: [(Change, PageError); 2] = [
        (|application| application.client.active = false, PageError::UnknownClient),
        (
            |application| application.redirect_uris = vec!["https://app.example.com/new".to_owned()],
            PageError::RedirectUri,
        ),
    ];
    for (change, expected) in changes {
        let mut app = environment.app(|_| {});
        let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
            panic!()
        };
        environment.change_app(&mut app, change);
        let yes = Decision::Approve(scopes("openid"));
        assert_page(environment.engine.decide(&consent.handle, &person.browser, yes).await, expected);
    }
    let mut app = environment.app(|_| {});
    let Step::Consent(consent) = environment.authorize(&person.browser, &app.request(&[])).await.unwrap() else {
        panic!()
    };
    environment.change_app(&mut app, |application| application.client.grant_types = vec![GrantType::RefreshToken]);
    assert_told(environment.engine.resume(&consent.handle, &person.browser).await, UnauthorizedClient);
}
