//! OpenID Connect Core section 10.1: clients that publish the keys of their assertions at a `jwks_uri`.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use paylent_domain::Clock;
use paylent_oauth::{
    Engine, Error, ErrorCode::InvalidClient, GeneratedKey, MemoryStore, RemoteKeys, TokenRequest, crypto::secret,
};
use serde_json::json;

use crate::common::{
    Environment, HERE, ISSUER, Registered, assert_refused, form,
    keys::{self, forge},
};

const URI: &str = "https://app.example.com/jwks.json";

/// What is published, what is known of it, and how it was asked for.
#[derive(Default)]
struct Published {
    kept: Mutex<Option<String>>,
    now: Mutex<Option<String>>,
    asked: Mutex<Vec<(String, bool)>>,
}

impl RemoteKeys for Published {
    fn jwks<'a>(&'a self, uri: &'a str, again: bool) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>> {
        self.asked.lock().unwrap().push((uri.to_owned(), again));
        let keys = if again { &self.now } else { &self.kept };
        Box::pin(async move { keys.lock().unwrap().clone() })
    }
}

fn set(key: &GeneratedKey) -> Option<String> {
    Some(format!("{{\"keys\":[{}]}}", key.public_jwk))
}

impl Published {
    /// What was asked since the last time: each time an address, and whether again.
    fn asked(&self) -> Vec<bool> {
        let asked: Vec<_> = self.asked.lock().unwrap().drain(..).collect();
        assert!(asked.iter().all(|(uri, _)| uri == URI), "{asked:?}");
        asked.into_iter().map(|(_, again)| again).collect()
    }
}

fn scene() -> (Environment, Engine<MemoryStore>, Arc<Published>, Registered) {
    let environment = Environment::new();
    let client = environment.client(|machine| machine.client.jwks_uri = Some(URI.to_owned()));
    let published = Arc::new(Published::default());
    let engine = environment.engine.clone().with_remote_keys(published.clone());
    (environment, engine, published, client)
}

/// A token for whoever signs with this key.
async fn ask(
    environment: &Environment,
    engine: &Engine<MemoryStore>,
    client: &Registered,
    key: &GeneratedKey,
) -> Result<(), Error> {
    ask_as(environment, engine, client, key, &key.kid).await
}

/// The same, when the key is called otherwise.
async fn ask_as(
    environment: &Environment,
    engine: &Engine<MemoryStore>,
    client: &Registered,
    key: &GeneratedKey,
    kid: &str,
) -> Result<(), Error> {
    let now = environment.clock.now().seconds();
    let claims = json!({
        "iss": client.id(), "sub": client.id(), "aud": ISSUER, "jti": secret::identifier().unwrap(), "exp": now + 60,
    });
    let body = form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion", &forge(key, kid, "JWT", &claims)),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ]);
    engine.token(TokenRequest::parse(&[], body, HERE)?).await.map(drop)
}

#[tokio::test]
async fn a_client_authenticates_with_a_key_that_it_publishes() {
    let (environment, engine, published, client) = scene();
    *published.kept.lock().unwrap() = set(&keys::ours());
    ask(&environment, &engine, &client, &keys::ours()).await.unwrap();
    assert_eq!(published.asked(), [false]);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_more() {
    let (environment, engine, published, client) = scene();
    *published.kept.lock().unwrap() = set(&keys::ours());
    *published.now.lock().unwrap() = set(&keys::another());
    ask(&environment, &engine, &client, &keys::another()).await.unwrap();
    assert_eq!(published.asked(), [false, true]);
    assert_refused(ask_as(&environment, &engine, &client, &keys::ours(), "x").await, InvalidClient);
    assert_eq!(published.asked(), [false, true]);
    *published.now.lock().unwrap() = None;
    assert_refused(ask(&environment, &engine, &client, &keys::another()).await, InvalidClient);
}

#[tokio::test]
async fn without_the_keys_nobody_is_let_in() {
    let (environment, engine, published, client) = scene();
    assert_refused(ask(&environment, &engine, &client, &keys::ours()).await, InvalidClient);
    assert_eq!(published.asked(), [false]);
    assert_refused(environment.token(&client, &[]).await, InvalidClient);
    let without = &environment.engine;
    assert_refused(ask(&environment, without, &client, &keys::ours()).await, InvalidClient);
}

#[tokio::test]
async fn nobody_is_asked_unless_a_known_active_client_sent_an_assertion() {
    let (environment, engine, published, mut client) = scene();
    *published.kept.lock().unwrap() = set(&keys::ours());
    let token = |body| engine.token(TokenRequest::parse(&[], body, HERE).unwrap());
    assert_refused(token(client.form(&[("grant_type", "client_credentials")])).await, InvalidClient);
    let grant = ("grant_type", "client_credentials");
    assert_refused(token(form(&[("client_id", client.id()), grant])).await, InvalidClient);
    let nobody = environment.client(|machine| machine.client.jwks = set(&keys::ours()));
    ask(&environment, &engine, &nobody, &keys::ours()).await.unwrap();
    environment.change(&mut client, |machine| machine.client.active = false);
    assert_refused(ask(&environment, &engine, &client, &keys::ours()).await, InvalidClient);
    assert_eq!(published.asked(), [false; 0]);
}
