//! What `{:?}` and `{}` show (check `lg.debug`): no secret, no token, no hash of one.

use std::error::Error as _;

use paylent_oauth::{
    BearerError, Credentials, Error, IntrospectionRequest, Parameters, RevocationRequest, Store, TokenRequest,
    crypto::secret::SecretHash, store::StoreError,
};

use crate::common::{API, Environment, HERE, assert_refused, form, keys, opaque};

/// Checks that none of the secrets is shown, whole or in its second half, nor the bytes of its hash.
#[track_caller]
fn assert_hides(secrets: &[&str], shown: &str) {
    for secret in secrets {
        assert!(!shown.contains(&secret[secret.len() / 2..]), "a secret is shown in {shown}");
        let hash = format!("{:?}", &SecretHash::of(secret).as_bytes()[..4]);
        assert!(!shown.contains(hash.trim_matches(['[', ']'])), "a hash is shown in {shown}");
    }
    assert!(!shown.is_empty());
}

#[tokio::test]
async fn lg_debug_requests_show_no_credentials_and_no_token() {
    let secret = "canary-secret-canary";
    let token = "canary-token-canary";
    let fields = [("client_id", "an-id"), ("client_secret", secret), ("token", token)];
    let form = || form(&[&fields[..], &[("grant_type", "client_credentials")]].concat());
    let shown = [
        format!("{:?}", TokenRequest::parse(&[], form(), HERE).unwrap()),
        format!("{:?}", IntrospectionRequest::parse(&[], form()).unwrap()),
        format!("{:?}", RevocationRequest::parse(&[], form()).unwrap()),
        format!("{:?}", Credentials::parse(&[], &form()).unwrap()),
        format!("{:?}", form()),
    ];
    for shown in shown {
        assert_hides(&[secret, token], &shown);
    }
}

#[tokio::test]
async fn lg_debug_answers_show_no_token() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        let reply = environment.token(&client, &[]).await.unwrap();
        let token = reply.access_token.expose().to_owned();
        let live = environment.engine.bearer(&token, API, HERE).await.unwrap();
        let described = environment.introspect(&client, &token).await.unwrap();
        let shown = format!("{reply:?} {live:?} {described:?} {:?}", client.machine);
        assert!(shown.contains("[redacted]"));
        assert_hides(&[&client.secret, &token], &shown);
        if let Some((stored, _)) = environment.store.access_token(&SecretHash::of(&token)).await.unwrap() {
            assert_hides(&[&token], &format!("{stored:?}"));
        }
    }
}

#[tokio::test]
async fn lg_debug_errors_show_no_credentials_and_no_token() {
    let environment = Environment::new();
    let client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    let stranger = environment.client(|_| {});
    let errors: Vec<Error> = vec![
        environment.revoke(&stranger, &token).await.unwrap_err(),
        environment.token(&stranger, &[("scope", &token)]).await.unwrap_err(),
        environment.token(&stranger, &[("resource", &token)]).await.unwrap_err(),
        TokenRequest::parse(&[], stranger.form(&[("grant_type", &token)]), HERE).unwrap_err(),
        Parameters::from_json(format!("{{\"token\":[\"{token}\"]}}").as_bytes()).unwrap_err(),
        Parameters::from_form(format!("token={token}&token={token}").as_bytes()).unwrap_err(),
    ];
    for error in errors {
        let shown = format!("{error:?} {error} {}", serde_json::to_string(&error).unwrap());
        assert_hides(&[&token, &client.secret, &stranger.secret], &shown);
    }
    let refused: BearerError = environment.engine.bearer(&token, "https://elsewhere.example", HERE).await.unwrap_err();
    assert_hides(&[&token], &format!("{refused:?} {refused}"));
}

#[tokio::test]
async fn lg_debug_keyrings_and_configuration_show_no_key() {
    assert_eq!(format!("{:?}", keys::ring()), "Keyring");
}

#[test]
fn the_cause_of_a_failure_is_for_the_log_and_not_for_the_client() {
    let cause = "table oauth_clients is locked on db-7.internal";
    let error = Error::from(StoreError(cause.into()));
    assert!(!error.to_string().contains("db-7"));
    assert!(!serde_json::to_string(&error).unwrap().contains("db-7"));
    assert_eq!(
        error.source().unwrap().source().unwrap().to_string(),
        cause,
        "the log finds it at the end of the chain"
    );
    assert_refused::<()>(Err(error), paylent_oauth::ErrorCode::TemporarilyUnavailable);
}

#[tokio::test]
async fn lg_debug_what_people_bring_and_get_is_not_shown() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let answer =
        environment.answer(&app, &person, &[("scope", "openid profile"), ("state", "canary-state-canary")]).await;
    let code = answer.parameters[0].1.clone();
    let stored = environment.store.code(&SecretHash::of(&code)).await.unwrap().unwrap();
    assert_hides(&[&code, "canary-state-canary"], &format!("{answer:?} {stored:?}"));
    let tokens = environment.exchange(&app, &code, &[]).await.unwrap();
    let refresh = tokens.refresh_token.as_ref().unwrap().expose().to_owned();
    let secrets = [tokens.access_token.expose(), &refresh, tokens.id_token.as_ref().unwrap().expose(), &app.secret];
    environment.refresh(&app, &refresh, &[]).await.unwrap();
    let consumed = environment.store.refresh_token(&SecretHash::of(&refresh)).await.unwrap().unwrap();
    let request =
        TokenRequest::parse(&[], app.form(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)], &[]), HERE);
    let page = environment.authorize(&person.browser, &app.request(&[("state", "canary-state-canary")])).await.unwrap();
    let shown = format!("{tokens:?} {consumed:?} {:?} {page:?}", request.unwrap());
    assert_hides(&[&secrets[..], &["canary-state-canary"]].concat(), &shown);
}
