//! RFC 7662, introspection. Checks `in.*`.

use paylent_domain::{Clock, client::ClientType};
use paylent_oauth::{
    Config, ErrorCode, Introspection, IntrospectionRequest,
    crypto::secret::{self, SecretKind},
};

use crate::common::{
    API, Environment, ISSUER, OTHER_API, Registered, SCOPES, assert_refused, form, grant, keys, opaque, people,
};

const INACTIVE: &str = r#"{"active":false}"#;

async fn body(environment: &Environment, client: &Registered, token: &str) -> String {
    serde_json::to_string(&environment.introspect(client, token).await.unwrap()).unwrap()
}

#[tokio::test]
async fn in_unauth_only_an_authenticated_confidential_client_may_ask() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    assert_refused(IntrospectionRequest::parse(&[], form(&[("token", &token)])), ErrorCode::InvalidClient);
    let wrong = Registered { machine: client.machine.clone(), secret: "wrong".to_owned() };
    assert_refused(environment.introspect(&wrong, &token).await, ErrorCode::InvalidClient);
    let public = environment.public_client();
    let own = environment.stored_token(&public, None).await;
    assert_refused(environment.introspect(&public, &own).await, ErrorCode::InvalidClient);
}

#[tokio::test]
async fn in_unauth_a_public_client_may_not_ask_even_if_a_secret_was_left_behind() {
    let environment = Environment::new();
    let mut client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    environment.change(&mut client, |machine| machine.client.client_type = ClientType::Public);
    let request = IntrospectionRequest::parse(&[], form(&[("client_id", client.id()), ("token", &token)])).unwrap();
    assert_refused(environment.engine.introspect(request).await, ErrorCode::InvalidClient);
}

#[tokio::test]
async fn in_foreign_another_clients_token_is_inactive_and_nothing_more() {
    let environment = Environment::new();
    let stranger = environment.client(|_| {});
    for change in [|_: &mut _| {}, opaque] {
        let owner = environment.client(change);
        let token = environment.issued_to(&owner).await;
        assert_eq!(body(&environment, &stranger, &token).await, INACTIVE);
        assert!(environment.is_active(&owner, &token).await);
    }
}

#[tokio::test]
async fn in_foreign_an_introspection_client_of_the_audience_sees_what_the_owner_sees() {
    let environment = Environment::new();
    let resource_server = environment.client(|machine| machine.grants.clear());
    for change in [|_: &mut _| {}, opaque] {
        let owner = environment.client(change);
        let token = environment.issued_to(&owner).await;
        environment.store.set_introspection_clients(API, &[]);
        assert_eq!(body(&environment, &resource_server, &token).await, INACTIVE, "not allowed yet");
        environment.store.set_introspection_clients(API, &[resource_server.id()]);
        let seen = environment.introspect(&resource_server, &token).await.unwrap();
        assert!(seen.active);
        assert_eq!(seen.client_id.as_deref(), Some(owner.id()), "the client it was issued to, not the one that asks");
        assert_eq!(seen, environment.introspect(&owner, &token).await.unwrap());
        environment.store.set_introspection_clients(API, &[]);
        assert_eq!(body(&environment, &resource_server, &token).await, INACTIVE, "no longer allowed");
    }
}

#[tokio::test]
async fn in_foreign_an_introspection_client_of_another_audience_learns_nothing() {
    let environment = Environment::new();
    let other = environment.client(|machine| machine.grants = vec![grant(OTHER_API, SCOPES, None)]);
    environment.store.set_introspection_clients(OTHER_API, &[other.id()]);
    for change in [|_: &mut _| {}, opaque] {
        let owner = environment.client(change);
        let (token, unknown) = (environment.issued_to(&owner).await, secret::generate(SecretKind::AccessToken));
        let seen = body(&environment, &other, &token).await;
        assert_eq!(seen, body(&environment, &other, unknown.unwrap().expose()).await);
        assert_eq!(seen, INACTIVE);
        let for_the_issuer = environment.client(|machine| {
            change(machine);
            machine.grants.clear();
        });
        let token = environment.issued_to(&for_the_issuer).await;
        assert_eq!(body(&environment, &other, &token).await, INACTIVE, "a token for the issuer itself");
    }
}

#[tokio::test]
async fn in_foreign_the_audiences_introspection_client_still_must_be_confidential_and_authenticated() {
    let environment = Environment::new();
    let (public, confidential) = (environment.public_client(), environment.client(|_| {}));
    let inactive = environment.client(|machine| machine.client.active = false);
    environment.store.set_introspection_clients(API, &[public.id(), confidential.id(), inactive.id()]);
    let wrong = Registered { machine: confidential.machine.clone(), secret: "wrong".to_owned() };
    for change in [|_: &mut _| {}, opaque] {
        let token = environment.issued_to(&environment.client(change)).await;
        for refused in [&public, &wrong, &inactive] {
            assert_refused(environment.introspect(refused, &token).await, ErrorCode::InvalidClient);
        }
        assert!(environment.is_active(&confidential, &token).await);
    }
}

#[tokio::test]
async fn in_inactive_a_dead_token_is_dead_to_an_introspection_client_too() {
    let environment = Environment::new();
    let resource_server = environment.client(|_| {});
    environment.store.set_introspection_clients(API, &[resource_server.id()]);
    for change in [|_: &mut _| {}, opaque] {
        let mut owner = environment.client(change);
        let (revoked, expired) = (environment.issued_to(&owner).await, environment.issued_to(&owner).await);
        assert!(environment.is_active(&resource_server, &revoked).await);
        environment.revoke(&owner, &revoked).await.unwrap();
        assert_eq!(body(&environment, &resource_server, &revoked).await, INACTIVE, "revoked");
        environment.change(&mut owner, |machine| machine.client.active = false);
        assert_eq!(body(&environment, &resource_server, &expired).await, INACTIVE, "deactivated client");
        environment.change(&mut owner, |machine| machine.client.active = true);
        assert!(environment.is_active(&resource_server, &expired).await);
        environment.clock.advance_seconds(3_660);
        assert_eq!(body(&environment, &resource_server, &expired).await, INACTIVE, "expired");
    }
}

#[tokio::test]
async fn in_inactive_what_is_no_live_access_token_is_inactive_and_nothing_more() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let token = environment.issued_to(&client).await;
        let long = "x".repeat(1_000_000);
        let mut dead = vec!["garbage".to_owned(), "a.b.c".to_owned(), long, client.secret.clone()];
        dead.push(token[..token.len() - 1].to_owned());
        dead.push(format!("{token} "));
        for kind in [SecretKind::RefreshToken, SecretKind::AuthorizationCode, SecretKind::Session] {
            dead.push(secret::generate(kind).unwrap().expose().to_owned());
        }
        let neighbour = Environment::new();
        let neighbours_client = neighbour.client(change);
        dead.push(neighbour.issued_to(&neighbours_client).await);
        let revoked = environment.issued_to(&client).await;
        environment.revoke(&client, &revoked).await.unwrap();
        dead.push(revoked);
        for token in dead {
            assert_eq!(body(&environment, &client, &token).await, INACTIVE, "{token:.80}");
        }
        assert!(environment.is_active(&client, &token).await);
    }
}

#[tokio::test]
async fn in_inactive_an_expired_token_is_inactive() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let token = environment.issued_to(&client).await;
        environment.clock.advance_seconds(3_660);
        assert_eq!(body(&environment, &client, &token).await, INACTIVE);
    }
}

#[tokio::test]
async fn in_inactive_a_token_of_a_locked_out_user_or_before_the_cut_off_is_inactive() {
    for change in [|_: &mut _| {}, opaque] {
        let environment = Environment::new();
        let mut client = environment.client(change);
        let token = environment.issued_to(&client).await;
        environment.change(&mut client, |machine| machine.user.iter_mut().for_each(|user| user.active = false));
        assert_eq!(body(&environment, &client, &token).await, INACTIVE, "deactivated user");
        environment.change(&mut client, |machine| machine.user.iter_mut().for_each(|user| user.active = true));
        assert!(environment.is_active(&client, &token).await);
        environment.clock.advance_seconds(1);
        environment.store.set_not_before(environment.clock.now());
        assert_eq!(body(&environment, &client, &token).await, INACTIVE, "before the cut-off");
        environment.clock.advance_seconds(1);
        let fresh = environment.issued_to(&client).await;
        assert!(environment.is_active(&client, &fresh).await, "after the cut-off");
    }
}

#[tokio::test]
async fn in_inactive_a_token_from_before_a_raised_generation_is_inactive() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let mut client = environment.client(change);
        for raise in [
            |machine: &mut paylent_oauth::store::Machine| machine.client.generation += 1,
            |machine: &mut paylent_oauth::store::Machine| {
                machine.user.iter_mut().for_each(|user| user.generation += 1);
            },
        ] {
            let token = environment.issued_to(&client).await;
            environment.change(&mut client, raise);
            assert_eq!(body(&environment, &client, &token).await, INACTIVE);
            let fresh = environment.issued_to(&client).await;
            assert!(environment.is_active(&client, &fresh).await);
        }
    }
}

#[tokio::test]
async fn in_inactive_a_token_of_another_issuer_on_the_same_keys_is_inactive() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let neighbour = environment.with_config(Config::single("https://neighbour.example.com"));
    let token = neighbour.issued_to(&client).await;
    assert!(neighbour.is_active(&client, &token).await);
    assert_eq!(body(&environment, &client, &token).await, INACTIVE);
}

#[tokio::test]
async fn in_shape_a_live_token_says_what_the_rfc_lists_and_no_more() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let now = environment.clock.now().seconds();
        let token = environment.issued_to(&client).await;
        let described = serde_json::to_value(environment.introspect(&client, &token).await.unwrap()).unwrap();
        let expected = serde_json::json!({
            "active": true, "client_id": client.id(), "scope": SCOPES, "token_type": "Bearer", "iat": now,
            "exp": now + 3_600, "sub": client.machine.user.as_ref().unwrap().id, "aud": API, "iss": ISSUER,
        });
        assert_eq!(described, expected);
    }
}

#[tokio::test]
async fn in_shape_a_token_that_never_expires_has_no_exp_and_one_without_scopes_no_scope() {
    let environment = Environment::new();
    let client = environment.client(|machine| {
        opaque(machine);
        machine.grants.clear();
    });
    let eternal = environment.stored_token(&client, None).await;
    let described = environment.introspect(&client, &eternal).await.unwrap();
    assert_eq!((described.active, described.exp), (true, None));
    let bare = environment.issued_to(&client).await;
    let described = environment.introspect(&client, &bare).await.unwrap();
    assert_eq!((described.active, described.scope.as_deref(), described.aud.as_deref()), (true, None, Some(ISSUER)));
}

#[tokio::test]
async fn in_method_the_token_is_needed_and_the_hint_is_not() {
    let environment = Environment::new();
    assert_refused(IntrospectionRequest::parse(&[], environment.client(|_| {}).form(&[])), ErrorCode::InvalidRequest);
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let token = environment.issued_to(&client).await;
        for hint in ["access_token", "refresh_token", "unknown"] {
            let body = client.form(&[("token", &token), ("token_type_hint", hint)]);
            let request = IntrospectionRequest::parse(&[], body).unwrap();
            assert!(environment.engine.introspect(request).await.unwrap().active, "{hint}");
        }
    }
}

#[tokio::test]
async fn in_noside_asking_changes_nothing() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let first: Introspection = environment.introspect(&client, &token).await.unwrap();
    assert_eq!(environment.introspect(&client, &token).await.unwrap(), first);
    assert_eq!(serde_json::to_string(&Introspection::default()).unwrap(), INACTIVE);
    environment.store.add_key(keys::another());
    assert_eq!(environment.introspect(&client, &token).await.unwrap(), first, "jw_rotate: a newer key changes nothing");
}

#[tokio::test]
async fn in_shape_a_persons_token_says_whom_it_acts_for() {
    let environment = Environment::interactive();
    let person = environment.person();
    for format in [|_: &mut _| {}, people::jwt] {
        let app = environment.app(format);
        let request = [("scope", "openid documents:read"), ("resource", API)];
        let tokens = environment.tokens(&app, &person, &request).await;
        let now = environment.clock.now().seconds();
        let described = environment.introspect(&app.registered(), tokens.access_token.expose()).await.unwrap();
        let expected = serde_json::json!({
            "active": true, "client_id": app.id(), "scope": "documents:read openid", "token_type": "Bearer", "iat": now,
            "exp": now + 900, "sub": person.subject.id, "aud": API, "iss": ISSUER,
        });
        assert_eq!(serde_json::to_value(described).unwrap(), expected, "and nothing of the person");
    }
}

#[tokio::test]
async fn in_inactive_codes_refresh_tokens_and_id_tokens_are_no_access_tokens() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let code = environment.code(&app, &person, &[]).await;
    let tokens = environment.tokens(&app, &person, &[]).await;
    let (refresh, id_token) = (tokens.refresh_token.unwrap(), tokens.id_token.unwrap());
    for other in [code.as_str(), refresh.expose(), id_token.expose()] {
        assert_eq!(body(&environment, &app.registered(), other).await, INACTIVE);
    }
}

#[tokio::test]
async fn a_signed_token_of_an_unknown_or_malformed_family_is_inactive() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(people::jwt), environment.person());
    let token = environment.tokens(&app, &person, &[]).await.access_token;
    let good = environment.claims(token.expose()).await.1;
    assert!(good["fam"].is_string());
    let key = keys::ours();
    for family in [serde_json::json!("018f0000-0000-7000-8000-000000000000"), "".into(), 1.into()] {
        let mut claims = good.clone();
        claims["fam"] = family;
        let forged = keys::forge(&key, &key.kid, "at+jwt", &claims);
        assert_eq!(body(&environment, &app.registered(), &forged).await, INACTIVE);
    }
}
