//! OpenID Connect Core section 2: ID tokens. Checks `id.*`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_domain::Clock;
use paylent_oauth::{ErrorCode, crypto::secret::fingerprint, store::Profile};
use serde_json::{Value, json};

use crate::common::{
    Environment, HERE, ISSUER, assert_refused, keys,
    people::{App, Person, jwt},
};

async fn id_token(environment: &Environment, app: &App, person: &Person, changes: &[(&str, &str)]) -> Value {
    let tokens = environment.tokens(app, person, changes).await;
    environment.claims(tokens.id_token.unwrap().expose()).await.1
}

#[tokio::test]
async fn id_claims_an_id_token_says_what_the_specification_asks() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let tokens = environment.tokens(&app, &person, &[("nonce", "n=&\u{e9}")]).await;
        let (header, claims) = environment.claims(tokens.id_token.unwrap().expose()).await;
        assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": keys::ours().kid }));
        let hash = fingerprint(tokens.access_token.expose().as_bytes());
        let (now, session) = (environment.clock.now().seconds(), person.browser.session.as_ref().unwrap());
        let expected = json!({
            "iss": ISSUER, "sub": person.subject.id, "aud": app.id(), "azp": app.id(), "exp": now + 3_600, "iat": now,
            "jti": claims["jti"], "auth_time": now - 60, "nonce": "n=&\u{e9}", "acr": "1", "amr": ["pwd"],
            "sid": session.session_id, "at_hash": URL_SAFE_NO_PAD.encode(&hash[..16]),
        });
        assert_eq!(claims, expected);
    }
}

#[tokio::test]
async fn id_minimal_claims_of_a_person_need_the_scope_and_a_wish() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let talkative = environment.app(|application| application.client.id_token_claims = true);
    let all = "openid profile email";
    let profile = json!({
        "name": "Zoë Jansen", "given_name": "Zoë", "family_name": "Jansen", "locale": "nl",
        "updated_at": 1_700_000_000_i64, "email": "zoe@example.com", "email_verified": true,
    });
    let known = |claims: &Value| {
        let names = profile.as_object().unwrap().keys();
        json!(
            names.filter_map(|name| Some((name.clone(), claims.get(name)?.clone()))).collect::<serde_json::Map<_, _>>()
        )
    };
    assert_eq!(known(&id_token(&environment, &app, &person, &[("scope", all)]).await), json!({}));
    assert_eq!(known(&id_token(&environment, &talkative, &person, &[("scope", all)]).await), profile);
    assert_eq!(known(&id_token(&environment, &talkative, &person, &[]).await), json!({}));
    let wish = r#"{"id_token":{"email":null}}"#;
    let expected = json!({ "email": "zoe@example.com" });
    assert_eq!(known(&id_token(&environment, &app, &person, &[("claims", wish)]).await), expected);
    let in_userinfo = r#"{"userinfo":{"email":null}}"#;
    assert_eq!(known(&id_token(&environment, &app, &person, &[("claims", in_userinfo)]).await), json!({}));
}

#[tokio::test]
async fn what_is_not_known_about_a_person_is_left_out() {
    let environment = Environment::interactive();
    let app = environment.app(|application| application.client.id_token_claims = true);
    let mut person = environment.person();
    person.profile = Profile { given_name: Some("Zoë".to_owned()), ..Profile::default() };
    environment.store.put_person(person.subject.clone(), person.profile.clone());
    let claims = id_token(&environment, &app, &person, &[("scope", "openid profile email")]).await;
    assert_eq!((&claims["name"], &claims["given_name"]), (&json!("Zoë"), &json!("Zoë")));
    for absent in ["family_name", "locale", "email", "email_verified"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let tokens = environment.tokens(&app, &person, &[("scope", "profile")]).await;
    assert!(tokens.id_token.is_none());
    let refreshed = environment.refresh(&app, tokens.refresh_token.unwrap().expose(), &[]).await.unwrap();
    assert!(refreshed.id_token.is_none());
}

#[tokio::test]
async fn id_refresh_a_refreshed_id_token_is_about_the_same_login() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let wish = r#"{"id_token":{"email":null}}"#;
    let first = environment.tokens(&app, &person, &[("nonce", "n"), ("claims", wish)]).await;
    let before = environment.claims(first.id_token.unwrap().expose()).await.1;
    environment.clock.advance_seconds(1_000);
    let second = environment.refresh(&app, first.refresh_token.unwrap().expose(), &[]).await.unwrap();
    let after = environment.claims(second.id_token.unwrap().expose()).await.1;
    for same in ["iss", "sub", "aud", "azp", "auth_time", "sid", "amr", "email"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 1_000);
    assert_eq!(after.get("nonce"), None);
    assert_ne!(after["at_hash"], before["at_hash"]);
}

#[tokio::test]
async fn jw_typ_an_id_token_is_no_access_token() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(jwt), environment.person());
    let id_token = environment.tokens(&app, &person, &[]).await.id_token.unwrap();
    assert!(environment.engine.bearer(id_token.expose(), app.id(), HERE).await.is_err());
    assert!(environment.engine.userinfo(id_token.expose(), HERE).await.is_err());
    assert!(!environment.is_active(&app.registered(), id_token.expose()).await);
}

#[tokio::test]
async fn ky_no_key_without_a_key_there_is_no_id_token_and_no_other() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let code = environment.code(&app, &person, &[]).await;
    environment.store.deactivate_key(&keys::ours().kid);
    assert_refused(environment.exchange(&app, &code, &[]).await, ErrorCode::TemporarilyUnavailable);
    environment.store.add_key(keys::another());
    assert!(environment.exchange(&app, &code, &[]).await.is_ok(), "the code was not consumed");
}
