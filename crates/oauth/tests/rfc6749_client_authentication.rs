//! RFC 6749 section 2.3: who is asking. Checks `ca.*`, and the forms of a request (`te.parity`, `te.reflect`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_domain::client::ClientType;
use paylent_oauth::{
    Error, ErrorCode, IntrospectionRequest, Parameters, RevocationRequest, TokenRequest, TokenResponse,
    crypto::secret::SecretHash,
};

use crate::common::{API, Environment, HERE, Registered, assert_refused, form, opaque};

fn basic(client_id: &str, secret: &str) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}"))).into_bytes()
}

async fn ask(environment: &Environment, headers: &[&[u8]], body: Parameters) -> Result<TokenResponse, Error> {
    environment.engine.token(TokenRequest::parse(headers, body, HERE)?).await
}

/// What each endpoint answers to these credentials in the body.
async fn at_every_endpoint(environment: &Environment, credentials: &[(&str, &str)], token: &str) -> Vec<Error> {
    let engine = &environment.engine;
    let asking = [credentials, &[("grant_type", "client_credentials")]].concat();
    let about = [credentials, &[("token", token)]].concat();
    vec![
        ask(environment, &[], form(&asking)).await.unwrap_err(),
        engine.introspect(IntrospectionRequest::parse(&[], form(&about)).unwrap()).await.unwrap_err(),
        engine.revoke(RevocationRequest::parse(&[], form(&about)).unwrap()).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn te_parity_form_json_and_pairs_with_either_authentication_get_the_same() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let (id, secret) = (client.id(), client.secret.as_str());
    let header = basic(id, secret);
    let urlencoded = format!("grant_type=client_credentials&resource={API}&client_id={id}&client_secret={secret}");
    let json = serde_json::json!({
        "grant_type": "client_credentials", "resource": API, "client_id": id, "client_secret": secret
    });
    let unauthenticated = [("grant_type", "client_credentials"), ("resource", API)];
    let replies = [
        ask(&environment, &[], Parameters::from_form(urlencoded.as_bytes()).unwrap()).await.unwrap(),
        ask(&environment, &[], Parameters::from_json(json.to_string().as_bytes()).unwrap()).await.unwrap(),
        ask(&environment, &[], client.form(&unauthenticated)).await.unwrap(),
        ask(&environment, &[&header], form(&unauthenticated)).await.unwrap(),
    ];
    for reply in replies {
        assert_eq!((reply.token_type, reply.expires_in), ("Bearer", Some(3_600)));
        assert_eq!(reply.scope.as_deref(), Some("documents:read documents:write"));
        assert!(environment.presented(reply.access_token.expose()).await.is_some());
    }
}

#[tokio::test]
async fn ca_wrong_a_wrong_secret_is_refused_everywhere_and_changes_nothing() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let near = format!("{}x", client.secret);
    for secret in ["wrong", &client.secret[..20], &client.secret.to_uppercase(), &near] {
        for error in
            at_every_endpoint(&environment, &[("client_id", client.id()), ("client_secret", secret)], &token).await
        {
            assert_refused::<()>(Err(error), ErrorCode::InvalidClient);
        }
        let header = basic(client.id(), secret);
        let body = form(&[("grant_type", "client_credentials")]);
        assert_refused(ask(&environment, &[&header], body).await, ErrorCode::InvalidClient);
    }
    assert!(environment.is_active(&client, &token).await);
}

#[tokio::test]
async fn ca_enum_an_unknown_a_disabled_and_a_wrong_client_get_the_same_answer() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let disabled = environment.client(|machine| machine.client.active = false);
    let long = "x".repeat(10_000);
    let attempts = [
        [("client_id", client.id()), ("client_secret", "wrong")],
        [("client_id", "unknown"), ("client_secret", "wrong")],
        [("client_id", &long), ("client_secret", "wrong")],
        [("client_id", disabled.id()), ("client_secret", &disabled.secret)],
        [("client_id", disabled.id()), ("client_secret", "wrong")],
    ];
    let mut answers = Vec::new();
    for credentials in attempts {
        for error in at_every_endpoint(&environment, &credentials, "token").await {
            answers.push((error.code.status(), serde_json::to_string(&error).unwrap(), error.cause.is_none()));
        }
    }
    let body = r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;
    assert!(answers.iter().all(|answer| *answer == (401, body.to_owned(), true)), "{answers:?}");
}

#[tokio::test]
async fn ca_public_secret_a_confidential_client_must_show_its_secret() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    for secret in [None, Some(""), Some("null"), Some("undefined"), Some("\u{FFFD}")] {
        let secret = secret.map(|secret| ("client_secret", secret));
        let credentials = [&[("client_id", client.id())], secret.as_slice()].concat();
        for error in at_every_endpoint(&environment, &credentials, "token").await {
            assert_refused::<()>(Err(error), ErrorCode::InvalidClient);
        }
    }
    let body = || form(&[("grant_type", "client_credentials")]);
    assert_refused(ask(&environment, &[&basic(client.id(), "")], body()).await, ErrorCode::InvalidClient);
    let of_another = environment.client(|_| {});
    assert_refused(
        ask(&environment, &[&basic(client.id(), &of_another.secret)], body()).await,
        ErrorCode::InvalidClient,
    );
}

#[tokio::test]
async fn ca_public_secret_a_public_client_must_not_show_one() {
    let environment = Environment::new();
    let public = environment.public_client();
    let with_stored_secret = environment.client(|machine| machine.client.client_type = ClientType::Public);
    for client in [&public, &with_stored_secret] {
        let credentials = [("client_id", client.id()), ("client_secret", client.secret.as_str())];
        for error in at_every_endpoint(&environment, &credentials, "token").await {
            assert_refused::<()>(Err(error), ErrorCode::InvalidClient);
        }
    }
}

#[tokio::test]
async fn ca_confidential_a_client_without_a_stored_secret_never_authenticates() {
    let environment = Environment::new();
    let client = environment.client(|machine| machine.client.secret_hash = None);
    for secret in [None, Some("null"), Some(client.secret.as_str())] {
        let secret = secret.map(|secret| ("client_secret", secret));
        let credentials = [&[("client_id", client.id())], secret.as_slice()].concat();
        for error in at_every_endpoint(&environment, &credentials, "token").await {
            assert_refused::<()>(Err(error), ErrorCode::InvalidClient);
        }
    }
}

#[tokio::test]
async fn ca_rotate_the_old_secret_is_refused_at_once_and_tokens_live_on() {
    let environment = Environment::new();
    let mut client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    let old = Registered { machine: client.machine.clone(), secret: client.secret.clone() };
    client.secret = "a new secret".to_owned();
    environment.change(&mut client, |machine| machine.client.secret_hash = Some(SecretHash::of("a new secret")));
    assert_refused(environment.token(&old, &[]).await, ErrorCode::InvalidClient);
    assert_refused(environment.revoke(&old, &token).await, ErrorCode::InvalidClient);
    assert!(environment.is_active(&client, &token).await);
    assert!(environment.token(&client, &[]).await.is_ok());
}

#[tokio::test]
async fn ca_disabled_a_disabled_client_gets_nothing_and_its_tokens_are_dead() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let mut client = environment.client(change);
        let token = environment.issued_to(&client).await;
        assert!(environment.presented(&token).await.is_some());
        environment.change(&mut client, |machine| machine.client.active = false);
        assert_refused(environment.token(&client, &[]).await, ErrorCode::InvalidClient);
        assert_refused(environment.introspect(&client, &token).await, ErrorCode::InvalidClient);
        assert!(environment.presented(&token).await.is_none());
    }
}

#[tokio::test]
async fn ca_both_and_ca_assertion_one_way_of_authentication_only() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let header = basic(client.id(), &client.secret);
    let body = client.form(&[("grant_type", "client_credentials")]);
    assert_refused(ask(&environment, &[&header], body).await, ErrorCode::InvalidRequest);
    let body = form(&[("grant_type", "client_credentials")]);
    assert_refused(ask(&environment, &[&header, &header], body).await, ErrorCode::InvalidRequest);
    let assertion = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let body = client.form(&[("grant_type", "client_credentials"), ("client_assertion", "e30.e30."), assertion]);
    assert_refused(ask(&environment, &[], body).await, ErrorCode::InvalidClient);
    let body = form(&[("grant_type", "client_credentials")]);
    assert_refused(ask(&environment, &[], body).await, ErrorCode::InvalidClient);
}

#[tokio::test]
async fn te_reflect_an_error_never_repeats_what_was_sent() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let canary = "<script>canary";
    let bodies = [
        form(&[("grant_type", canary)]),
        form(&[("grant_type", "client_credentials"), ("client_id", canary), ("client_secret", canary)]),
        client.form(&[("grant_type", "client_credentials"), ("scope", canary)]),
        client.form(&[("grant_type", "client_credentials"), ("scope", "\u{e9}canary\"\\")]),
        client.form(&[("grant_type", "client_credentials"), ("resource", canary)]),
    ];
    for body in bodies {
        let error = ask(&environment, &[], body).await.unwrap_err();
        let shown = format!("{error} {error:?} {}", serde_json::to_string(&error).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
        let code = error.code;
        assert_refused::<()>(Err(error), code);
    }
}
