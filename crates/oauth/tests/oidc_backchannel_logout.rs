//! OpenID Connect Back-Channel Logout 1.0: who is told that a person signed out, and what.

use paylent_domain::Clock;
use paylent_oauth::{ErrorCode, Store as _, crypto::secret::Secret, store::BackchannelLogout};
use serde_json::json;

use crate::common::{
    Environment, HERE, ISSUER, form, keys,
    people::{App, Person},
};

fn listening(environment: &Environment, uri: &str) -> App {
    environment.app(|application| application.backchannel_logout_uri = Some(uri.to_owned()))
}

async fn sign_out(environment: &Environment, person: &Person) -> Vec<BackchannelLogout> {
    let session = person.browser.session.as_ref().unwrap();
    let mut ended = environment.engine.end_session(session.session_id).await.unwrap().unwrap();
    assert_eq!((ended.session_id, ended.user_id), (session.session_id, person.subject.id));
    ended.logouts.sort_by(|a, b| a.uri.cmp(&b.uri));
    ended.logouts
}

async fn token(environment: &Environment, person: &Person, client_id: &str) -> Result<Secret, paylent_oauth::Error> {
    let session = person.browser.session.as_ref().unwrap();
    environment.engine.logout_token(client_id, session.user_id, session.session_id).await
}

#[tokio::test]
async fn a_logout_token_says_what_the_specification_asks() {
    let environment = Environment::interactive();
    let (app, person) = (listening(&environment, "https://app.example.com/out"), environment.person());
    environment.tokens(&app, &person, &[]).await;
    let [told] = &sign_out(&environment, &person).await[..] else { panic!("one client listens") };
    assert_eq!((told.client_id.as_str(), told.uri.as_str()), (app.id(), "https://app.example.com/out"));
    environment.clock.advance_seconds(86_400);
    let token = token(&environment, &person, &told.client_id).await.unwrap();
    let (header, claims) = environment.claims(token.expose()).await;
    assert_eq!(header, json!({ "alg": "RS256", "typ": "logout+jwt", "kid": keys::ours().kid }));
    let now = environment.clock.now().seconds();
    let expected = json!({
        "iss": ISSUER, "sub": person.subject.id, "aud": app.id(), "iat": now, "exp": now + 120, "jti": claims["jti"],
        "sid": person.browser.session.as_ref().unwrap().session_id,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(claims, expected, "and no nonce");
}

#[tokio::test]
async fn the_listening_clients_of_the_session_are_told_each_once() {
    let environment = Environment::interactive();
    let (one, other) =
        (listening(&environment, "https://one.example.com"), listening(&environment, "https://two.example.com"));
    let unused = listening(&environment, "https://three.example.com");
    let silent = environment.app(|_| {});
    let (person, bystander) = (environment.person(), environment.person());
    for app in [&one, &other, &one, &silent] {
        environment.tokens(app, &person, &[("scope", "openid offline_access")]).await;
    }
    environment.tokens(&unused, &bystander, &[]).await;
    let uris: Vec<String> = sign_out(&environment, &person).await.into_iter().map(|told| told.uri).collect();
    assert_eq!(uris, ["https://one.example.com", "https://two.example.com"]);
}

#[tokio::test]
async fn a_client_that_may_not_act_or_lost_its_grant_is_not_told() {
    let environment = Environment::interactive();
    let person = environment.person();
    let mut disabled = listening(&environment, "https://one.example.com");
    let revoked = listening(&environment, "https://two.example.com");
    environment.tokens(&disabled, &person, &[]).await;
    let tokens = environment.tokens(&revoked, &person, &[]).await;
    environment.change_app(&mut disabled, |application| application.client.active = false);
    environment.revoke(&revoked.registered(), tokens.refresh_token.unwrap().expose()).await.unwrap();
    assert!(sign_out(&environment, &person).await.is_empty());
}

#[tokio::test]
async fn each_logout_token_is_a_new_one() {
    let environment = Environment::interactive();
    let (app, person) = (listening(&environment, "https://app.example.com/out"), environment.person());
    let (one, other) = (token(&environment, &person, app.id()).await, token(&environment, &person, app.id()).await);
    let (_, one) = environment.claims(one.unwrap().expose()).await;
    let (_, other) = environment.claims(other.unwrap().expose()).await;
    assert_ne!(one["jti"], other["jti"]);
}

#[tokio::test]
async fn without_a_key_or_the_client_nothing_is_signed() {
    let environment = Environment::interactive();
    let (app, person) = (listening(&environment, "https://app.example.com/out"), environment.person());
    let refused = token(&environment, &person, "unknown").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TemporarilyUnavailable);
    let kid = environment.store.machine(app.id()).await.unwrap().unwrap().primary_kid.unwrap();
    environment.store.deactivate_key(&kid);
    let refused = token(&environment, &person, app.id()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TemporarilyUnavailable);
}

#[tokio::test]
async fn the_clients_to_tell_come_with_a_sign_out_that_a_client_began() {
    let environment = Environment::interactive();
    let (app, person) = (listening(&environment, "https://app.example.com/out"), environment.person());
    let hint = environment.tokens(&app, &person, &[]).await.id_token.unwrap();
    let step = environment.engine.logout(&form(&[("id_token_hint", hint.expose())]), &person.browser).await.unwrap();
    let paylent_oauth::LogoutStep::Done(signed_out) = step else { panic!("{step:?}") };
    assert_eq!(signed_out.ended.unwrap().logouts.len(), 1);
}

#[tokio::test]
async fn jw_typ_a_logout_token_is_nothing_else() {
    let environment = Environment::interactive();
    let (app, mut person) = (listening(&environment, "https://app.example.com/out"), environment.person());
    environment.tokens(&app, &person, &[]).await;
    sign_out(&environment, &person).await;
    let token = token(&environment, &person, app.id()).await.unwrap();
    assert!(!format!("{token:?}").contains(&token.expose()[..20]), "lg_debug");
    assert!(environment.engine.userinfo(token.expose(), HERE).await.is_err());
    environment.sign_in(&mut person, 0);
    let step = environment.authorize(&person.browser, &app.request(&[("id_token_hint", token.expose())])).await;
    crate::common::people::assert_told(step, ErrorCode::InvalidRequest);
}
