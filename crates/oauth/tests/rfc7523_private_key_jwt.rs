//! RFC 7523 section 2.2: a client proves who it is with a signature. Check `ca.assertion`.

use std::thread;

use paylent_domain::Clock;
use paylent_oauth::{
    ErrorCode::{self, InvalidClient, InvalidGrant},
    IntrospectionRequest, Parameters, RevocationRequest, TokenRequest,
    crypto::secret,
};
use serde_json::{Value, json};

use crate::common::{
    Environment, HERE, ISSUER, Registered, assert_refused,
    faulty::{Fault, Faulty},
    form,
    keys::{self, forge},
};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that has the public half of our own signing key for its own.
fn client(environment: &Environment) -> Registered {
    environment.client(|machine| machine.client.jwks = Some(format!("{{\"keys\":[{}]}}", keys::ours().public_jwk)))
}

fn claims(environment: &Environment, client: &Registered) -> Value {
    let now = environment.clock.now().seconds();
    json!({
        "iss": client.id(), "sub": client.id(), "aud": ISSUER, "jti": secret::identifier().unwrap(), "iat": now,
        "exp": now + 60,
    })
}

fn assertion(environment: &Environment, client: &Registered) -> String {
    forge(&keys::ours(), &keys::ours().kid, "JWT", &claims(environment, client))
}

fn body(assertion: &str, more: &[(&str, &str)]) -> Parameters {
    let own = [("client_assertion", assertion), ("client_assertion_type", TYPE)];
    form(&[&own[..], more].concat())
}

const ASK: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn ask(environment: &Environment, assertion: &str) -> Result<paylent_oauth::TokenResponse, paylent_oauth::Error> {
    environment.engine.token(TokenRequest::parse(&[], body(assertion, &ASK), HERE)?).await
}

#[tokio::test]
async fn an_assertion_proves_the_client_at_every_endpoint() {
    let environment = Environment::new();
    let client = client(&environment);
    let token = ask(&environment, &assertion(&environment, &client)).await.unwrap().access_token;
    let about = [("token", token.expose())];
    let introspect = IntrospectionRequest::parse(&[], body(&assertion(&environment, &client), &about)).unwrap();
    assert!(environment.engine.introspect(introspect).await.unwrap().active);
    let revoke = RevocationRequest::parse(&[], body(&assertion(&environment, &client), &about)).unwrap();
    environment.engine.revoke(revoke).await.unwrap();
    assert!(environment.presented(token.expose()).await.is_none());
    let with_client_id = [ASK[0], ("client_id", client.id())];
    let request = TokenRequest::parse(&[], body(&assertion(&environment, &client), &with_client_id), HERE).unwrap();
    assert!(environment.engine.token(request).await.is_ok());
}

#[tokio::test]
async fn it_may_be_made_for_the_issuer_or_the_token_endpoint() {
    let environment = Environment::new();
    let client = client(&environment);
    for (audience, accepted) in [
        (json!(ISSUER), true),
        (json!(format!("{ISSUER}/oauth/token")), true),
        (json!([ISSUER]), true),
        (json!("https://neighbour.example.com"), false),
        (json!([ISSUER, "https://neighbour.example.com"]), false),
        (json!(format!("{ISSUER}/")), false),
    ] {
        let mut claims = claims(&environment, &client);
        claims["aud"] = audience.clone();
        let assertion = forge(&keys::ours(), &keys::ours().kid, "JWT", &claims);
        assert_eq!(ask(&environment, &assertion).await.is_ok(), accepted, "{audience}");
    }
}

#[tokio::test]
async fn a_wrong_assertion_is_refused_like_any_wrong_credential() {
    let environment = Environment::new();
    let (client, other) = (client(&environment), client(&environment));
    let now = environment.clock.now().seconds();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&environment, &client);
        claims[name] = value;
        forge(&keys::ours(), &keys::ours().kid, "JWT", &claims)
    };
    let key = keys::another();
    let wrong = [
        with("iss", json!(other.id())),
        with("sub", json!("unknown")),
        with("exp", json!(now - 60)),
        with("exp", json!(now + 4_000)),
        with("jti", Value::Null),
        forge(&key, &key.kid, "JWT", &claims(&environment, &client)),
        forge(&key, &keys::ours().kid, "JWT", &claims(&environment, &client)),
        forge(&keys::ours(), &keys::ours().kid, "at+jwt", &claims(&environment, &client)),
    ];
    for assertion in wrong {
        let error = ask(&environment, &assertion).await.unwrap_err();
        assert_eq!(error.description, "Client authentication failed.");
        assert_refused::<()>(Err(error), InvalidClient);
    }
}

#[tokio::test]
async fn a_client_authenticates_as_it_was_registered_and_in_no_other_way() {
    let environment = Environment::new();
    let with_keys = client(&environment);
    assert!(with_keys.machine.client.secret_hash.is_some(), "a secret that was left behind");
    assert_refused(environment.token(&with_keys, &[]).await, InvalidClient);
    let nothing = form(&[ASK[0], ("client_id", with_keys.id())]);
    assert_refused(environment.engine.token(TokenRequest::parse(&[], nothing, HERE).unwrap()).await, InvalidClient);
    let with_secret = environment.client(|_| {});
    assert_refused(ask(&environment, &assertion(&environment, &with_secret)).await, InvalidClient);
    let mut inactive = client(&environment);
    environment.change(&mut inactive, |machine| machine.client.active = false);
    assert_refused(ask(&environment, &assertion(&environment, &inactive)).await, InvalidClient);
    let mut public = client(&environment);
    environment.change(&mut public, |machine| machine.client.client_type = paylent_domain::client::ClientType::Public);
    assert_refused(ask(&environment, &assertion(&environment, &public)).await, InvalidClient);
}

#[tokio::test]
async fn ca_assertion_it_is_good_once() {
    let environment = Environment::new();
    let (client, other) = (client(&environment), client(&environment));
    let (one, mut same_jti) = (claims(&environment, &client), claims(&environment, &other));
    let used = forge(&keys::ours(), &keys::ours().kid, "JWT", &one);
    assert!(ask(&environment, &used).await.is_ok());
    assert_refused(ask(&environment, &used).await, InvalidClient);
    same_jti["jti"] = one["jti"].clone();
    let of_another = forge(&keys::ours(), &keys::ours().kid, "JWT", &same_jti);
    assert!(ask(&environment, &of_another).await.is_ok(), "another client's jti is another one");
}

#[tokio::test]
async fn ca_assertion_of_many_uses_at_once_one_succeeds() {
    let environment = Environment::new();
    let client = client(&environment);
    let assertion = assertion(&environment, &client);
    let succeeded = thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(ask(&environment, &assertion)).is_ok()
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|succeeded| *succeeded).count()
    });
    assert_eq!(succeeded, 1);
}

#[tokio::test]
async fn a_wrong_assertion_is_not_used_up_and_a_failing_store_lets_nobody_in() {
    let environment = Environment::new();
    let client = client(&environment);
    let assertion = assertion(&environment, &client);
    let store = Faulty::at(2, Fault::BeforeTheWork, environment.store.clone());
    let request = TokenRequest::parse(&[], body(&assertion, &ASK), HERE).unwrap();
    let refused = environment.behind(&store).engine.token(request).await;
    assert_refused(refused, ErrorCode::TemporarilyUnavailable);
    assert!(ask(&environment, &assertion).await.is_ok());
}

#[tokio::test]
async fn a_code_is_exchanged_with_an_assertion() {
    let environment = Environment::interactive();
    let app = environment.app(|application| {
        application.client.jwks = Some(format!("{{\"keys\":[{}]}}", keys::ours().public_jwk));
        application.client.secret_hash = None;
    });
    let person = environment.person();
    let code = environment.code(&app, &person, &[]).await;
    assert_refused(environment.exchange(&app, &code, &[]).await, InvalidClient);
    let registered = app.registered();
    let assertion = || assertion(&environment, &registered);
    let (one, another) = (assertion(), assertion());
    let proof = |text| [("client_assertion", text), ("client_assertion_type", TYPE)];
    let tokens = environment.exchange(&app, &code, &proof(&one)).await.unwrap();
    let refresh = tokens.refresh_token.unwrap();
    assert_refused(environment.refresh(&app, refresh.expose(), &proof(&one)).await, InvalidClient);
    assert!(environment.refresh(&app, refresh.expose(), &proof(&another)).await.is_ok());
    assert_refused(environment.refresh(&app, "x", &proof(&assertion())).await, InvalidGrant);
}
