//! OpenID Connect Core section 5.3: userinfo. Checks `ui.*`.

use paylent_oauth::{BearerError, UserInfoError, store::Profile};
use serde_json::json;

use crate::common::{API, Environment, HERE, people::jwt};

async fn userinfo(environment: &Environment, token: &str) -> Result<serde_json::Value, UserInfoError> {
    environment.engine.userinfo(token, HERE).await.map(|answer| serde_json::to_value(answer).unwrap())
}

#[tokio::test]
async fn ui_scope_a_client_learns_what_the_person_consented_to() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let sub = person.subject.id;
        let profile = json!({
            "sub": sub, "name": "Zoë Jansen", "given_name": "Zoë", "family_name": "Jansen",
            "locale": "nl", "updated_at": 1_700_000_000_i64,
        });
        let email = json!({ "sub": sub, "email": "zoe@example.com", "email_verified": true });
        for (scope, expected) in [
            ("openid", json!({ "sub": sub })),
            ("openid profile", profile),
            ("openid email", email),
            ("openid offline_access", json!({ "sub": sub })),
        ] {
            for resource in ["", API] {
                let tokens = environment.tokens(&app, &person, &[("scope", scope), ("resource", resource)]).await;
                assert_eq!(userinfo(&environment, tokens.access_token.expose()).await.unwrap(), expected, "{scope}");
                let id_token = environment.claims(tokens.id_token.unwrap().expose()).await.1;
                assert_eq!(id_token["sub"], expected["sub"]);
            }
        }
    }
}

#[tokio::test]
async fn ui_scope_a_token_without_openid_and_a_machines_token_do_not_suffice() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let without = environment.tokens(&app, &person, &[("scope", "profile")]).await.access_token;
    let mut machines = vec![without.expose().to_owned()];
    for change in [|_: &mut _| {}, crate::common::opaque] {
        // An API may have a scope of that name; it is not OpenID Connect's.
        let machine = environment.client(|machine| {
            change(machine);
            machine.grants = vec![crate::common::grant(API, "openid", None)];
        });
        machines.push(environment.issued_to(&machine).await);
    }
    for token in machines {
        assert!(matches!(userinfo(&environment, &token).await, Err(UserInfoError::InsufficientScope)));
    }
}

#[tokio::test]
async fn ui_dead_a_dead_token_learns_nothing() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, mut person) = (environment.app(format), environment.person());
        let tokens = environment.tokens(&app, &person, &[]).await;
        let token = tokens.access_token.expose();
        let refresh = tokens.refresh_token.unwrap();
        for other in ["", "x", refresh.expose(), tokens.id_token.unwrap().expose()] {
            assert!(is_invalid(userinfo(&environment, other).await), "rt_as_bearer");
        }
        environment.change_person(&mut person, |subject| subject.active = false);
        assert!(is_invalid(userinfo(&environment, token).await));
        environment.change_person(&mut person, |subject| subject.active = true);
        assert!(userinfo(&environment, token).await.is_ok());
        environment.engine.end_session(person.browser.session.as_ref().unwrap().session_id).await.unwrap();
        assert!(is_invalid(userinfo(&environment, token).await));
    }
}

fn is_invalid<T>(result: Result<T, UserInfoError>) -> bool {
    matches!(result, Err(UserInfoError::Bearer(BearerError::Invalid)))
}

#[tokio::test]
async fn id_email_verified_is_what_it_is_now() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let tokens = environment.tokens(&app, &person, &[("scope", "openid email")]).await;
    let changed =
        Profile { email: Some("new@example.com".to_owned()), email_verified: false, ..person.profile.clone() };
    environment.store.put_person(person.subject.clone(), changed);
    let answer = userinfo(&environment, tokens.access_token.expose()).await.unwrap();
    assert_eq!((&answer["email"], &answer["email_verified"]), (&json!("new@example.com"), &json!(false)));
}
