//! The keys of `/api/clients`, and what they prove: `private_key_jwt`, instead of a secret.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use josekit::{
    jwk::alg::ec::EcCurve,
    jws::{ES256, JwsSigner},
};
use paylent_crypto::secret;
use paylent_domain::Clock as _;
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{forge::signed, oauth::CLIENT_CREDENTIALS, *};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ADDRESS: &str = "https://app.example/jwks.json";

/// A key pair of a client: what signs, and the JWK Set that it registers.
fn key_pair() -> (impl JwsSigner, Value) {
    let pair = ES256.generate_key_pair().unwrap();
    let signer = ES256.signer_from_der(pair.to_der_private_key()).unwrap();
    let mut public = serde_json::to_value(pair.to_jwk_public_key()).unwrap();
    public["kid"] = json!("one");
    assert_eq!((&public["crv"], &public["d"]), (&json!(EcCurve::P256.name()), &Value::Null));
    (signer, json!({"keys": [public]}))
}

fn machine(keys: Value) -> Value {
    let mut attributes = json!({"name": "Backend", "grant_types": ["client_credentials"]});
    attributes.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    attributes
}

/// Asks for a token with an assertion of this client.
async fn prove(server: &TestServer, signer: &dyn JwsSigner, client_id: &str) -> Reply {
    let now = server.clock.now().seconds();
    let claims = json!({"iss": client_id, "sub": client_id, "aud": server.acme.issuer(), "iat": now, "exp": now + 60,
        "jti": secret::identifier().unwrap()});
    let assertion = signed(signer, &json!({"alg": "ES256", "kid": "one"}), &claims);
    let proof = [("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())];
    let request = server.request(&server.acme, Method::POST, "/oauth/token");
    Reply::of(request.form(&[CLIENT_CREDENTIALS, &proof].concat())).await
}

/// Asks for a token with a secret.
async fn tell(server: &TestServer, client_id: &str, secret: &str) -> Reply {
    server.ask(&server.acme, &(client_id.to_owned(), secret.to_owned()), &[]).await
}

async fn rotate(admin: &Caller<'_>, id: &str) -> Reply {
    Reply::of(admin.request(Method::PATCH, &format!("clients/{id}/rotate-secret"))).await
}

/// An address where a client publishes its keys, and how often it was asked.
async fn published(keys: Value) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://localhost:{}/jwks.json", listener.local_addr().unwrap().port());
    let (asked, body) = (Arc::new(AtomicUsize::new(0)), keys.to_string());
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let mut stream = listener.accept().await.unwrap().0;
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    (uri, asked)
}

both! {
    async fn a_client_proves_itself_with_the_keys_that_it_publishes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let ((signer, jwks), (stranger, _)) = (key_pair(), key_pair());
        let (uri, asked) = published(jwks).await;
        let made = admin.post("clients", &document("client", machine(json!({"jwks_uri": uri})), &[])).await.is(201);
        let client_id = made.attribute("client_id").as_str().unwrap().to_owned();
        assert_eq!(made.attribute("token_endpoint_auth_method"), "private_key_jwt");
        tell(&server, &client_id, "secret").await.is_oauth_error(401, "invalid_client");
        assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody is asked about a client that sent no assertion");
        for _ in 0..2 {
            prove(&server, &signer, &client_id).await.is(200);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "the keys are kept");
        prove(&server, &stranger, &client_id).await.is_oauth_error(401, "invalid_client");
        prove(&server, &signer, "unknown").await.is_oauth_error(401, "invalid_client");
        assert!(asked.load(Ordering::SeqCst) <= 2);
    }

    async fn a_client_whose_keys_are_in_a_private_network_is_not_asked(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { public_only: true, ..Setting::default() }).await;
        let admin = server.admin(&server.acme).await;
        let (signer, jwks) = key_pair();
        let (uri, asked) = published(jwks).await;
        let made = admin.post("clients", &document("client", machine(json!({"jwks_uri": uri})), &[])).await.is(201);
        let client_id = made.attribute("client_id").as_str().unwrap().to_owned();
        prove(&server, &signer, &client_id).await.is_oauth_error(401, "invalid_client");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    async fn a_client_registered_with_keys_proves_itself_with_them_and_has_no_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let ((signer, jwks), (stranger, _)) = (key_pair(), key_pair());
        let made = admin.post("clients", &document("client", machine(json!({"jwks": jwks})), &[])).await.is(201);
        let client_id = made.attribute("client_id").as_str().unwrap().to_owned();
        assert_eq!(made.json()["meta"], json!({"client_id": client_id}), "no secret");
        assert_eq!(made.attribute("token_endpoint_auth_method"), "private_key_jwt");
        let shown = admin.get(&format!("clients/{}", made.id())).await.is(200);
        assert_eq!((shown.attribute("jwks"), shown.attribute("jwks_uri")), (jwks, Value::Null));

        let token = prove(&server, &signer, &client_id).await.is(200).json()["access_token"].clone();
        assert!(token.is_string());
        prove(&server, &stranger, &client_id).await.is_oauth_error(401, "invalid_client");
        prove(&server, &signer, &server.acme.machine().0).await.is_oauth_error(401, "invalid_client");
        for secret in ["", "x", &server.acme.machine().1] {
            tell(&server, &client_id, secret).await.is_oauth_error(401, "invalid_client");
        }
        let refused = rotate(&admin, &made.id()).await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "client_with_keys");
        assert!(refused.detail().contains("has no secret"), "{}", refused.detail());
        prove(&server, &signer, &client_id).await.is(200);
    }

    async fn keys_end_a_secret_and_without_them_another_must_be_made(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (signer, jwks) = key_pair();
        let (other, other_jwks) = key_pair();
        let client = admin.register(machine(json!({})), None).await;
        let (client_id, old) = &client.credentials;
        let set = async |attributes: Value| {
            let changed = admin.patch(&format!("clients/{}", client.id), &change("client", &client.id, attributes)).await;
            let changed = changed.is(200);
            assert!(!changed.json()["meta"]["client_secret"].is_string());
            changed
        };
        tell(&server, client_id, old).await.is(200);
        prove(&server, &signer, client_id).await.is_oauth_error(401, "invalid_client");

        assert_eq!(set(json!({"jwks": jwks})).await.attribute("token_endpoint_auth_method"), "private_key_jwt");
        tell(&server, client_id, old).await.is_oauth_error(401, "invalid_client");
        prove(&server, &signer, client_id).await.is(200);
        assert_eq!(set(json!({"name": "Renamed"})).await.attribute("jwks"), jwks);
        assert_eq!(set(json!({"jwks": other_jwks})).await.attribute("jwks"), other_jwks);
        prove(&server, &signer, client_id).await.is_oauth_error(401, "invalid_client");
        prove(&server, &other, client_id).await.is(200);
        let moved = set(json!({"jwks": null, "jwks_uri": ADDRESS})).await;
        assert_eq!((moved.attribute("jwks"), moved.attribute("jwks_uri")), (Value::Null, json!(ADDRESS)));
        assert_eq!(rotate(&admin, &client.id).await.error().1, "client_with_keys");

        let bare = set(json!({"jwks_uri": null})).await;
        assert_eq!(bare.attribute("token_endpoint_auth_method"), "client_secret_basic");
        prove(&server, &other, client_id).await.is_oauth_error(401, "invalid_client");
        tell(&server, client_id, old).await.is_oauth_error(401, "invalid_client");
        let rotated = rotate(&admin, &client.id).await.is(200).json();
        tell(&server, client_id, rotated["meta"]["client_secret"].as_str().unwrap()).await.is(200);
    }

    async fn every_rule_of_keys_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, jwks) = key_pair();
        let key = &jwks["keys"][0];
        let with = |name: &str, value: Value| {
            let mut key = key.clone();
            key[name] = value;
            json!({"keys": [key]})
        };
        let id = admin.register(json!({"name": "Shop"}), None).await.id;
        let before = database.dump().await;
        let mut faults: Vec<(Value, &str)> = vec![
            (json!({"jwks": jwks, "jwks_uri": ADDRESS}), "jwks_uri"),
            (json!({"jwks": with("kid", json!("a\nb"))}), "jwks/keys/0/kid"),
        ];
        for bad in [
            json!("x"),
            json!([key]),
            json!(true),
            json!({}),
            json!({"keys": []}),
            json!({"keys": {}}),
            json!({"keys": ["x"]}),
            json!({"keys": [key, key]}),
            json!({"keys": vec![key; 11]}),
            json!({"keys": [{"kty": "oct", "k": "AAAA"}]}),
            with("d", json!("AAAA")),
            with("crv", json!("P-384")),
            with("use", json!("enc")),
            with("alg", json!("none")),
            with("x", json!("AAAA")),
            with("padding", json!("x".repeat(16_384))),
        ] {
            faults.push((json!({"jwks": bad}), "jwks"));
        }
        for (attributes, place) in faults {
            let mut whole = json!({"name": "New"});
            whole.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
            let created = admin.post("clients", &document("client", whole, &[])).await.is(422);
            assert_eq!(created.places(), [at(place)], "create {attributes}");
            let changed = admin.patch(&format!("clients/{id}"), &change("client", &id, attributes.clone())).await.is(422);
            assert_eq!(changed.places(), [at(place)], "update {attributes}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_public_client_has_no_keys(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, jwks) = key_pair();
        let id = admin.register(json!({"name": "App", "client_type": "public"}), None).await.id;
        let before = database.dump().await;
        for (keys, places) in [
            (json!({"jwks": jwks}), vec![at("jwks")]),
            (json!({"jwks_uri": ADDRESS}), vec![at("jwks_uri")]),
            (json!({"jwks": jwks, "jwks_uri": ADDRESS}), vec![at("jwks"), at("jwks_uri")]),
        ] {
            let mut whole = json!({"name": "New", "client_type": "public"});
            whole.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
            assert_eq!(admin.post("clients", &document("client", whole, &[])).await.is(422).places(), places);
            let changed = admin.patch(&format!("clients/{id}"), &change("client", &id, keys)).await.is(422);
            assert_eq!(changed.places(), places);
        }
        assert_eq!(database.dump().await, before);
        let none = json!({"jwks": null, "jwks_uri": null});
        admin.patch(&format!("clients/{id}"), &change("client", &id, none)).await.is(200);
    }

    /// The pointer leads to what the document holds.
    async fn keys_of_one_kind_exclude_those_of_the_other_that_are_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, jwks) = key_pair();
        let first = admin.register(json!({"name": "Shop", "jwks": jwks}), None).await.id;
        let second = admin.register(json!({"name": "Shop", "jwks_uri": ADDRESS}), None).await.id;
        let before = database.dump().await;
        for (id, attributes, place) in [
            (&first, json!({"jwks_uri": ADDRESS}), "jwks_uri"),
            (&second, json!({"jwks": jwks}), "jwks"),
            (&second, json!({"jwks": jwks, "jwks_uri": ADDRESS}), "jwks_uri"),
        ] {
            let refused = admin.patch(&format!("clients/{id}"), &change("client", id, attributes)).await.is(422);
            assert_eq!(refused.places(), [at(place)]);
        }
        assert_eq!(database.dump().await, before);
    }

    /// Whoever could give keys to a stronger client could become it.
    async fn rb_client_edit_the_keys_of_a_more_powerful_client_are_out_of_reach(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let clerk = server.caller_with(&server.acme, &["clients:read", "clients:update"]).await;
        let client = server.acme.seeded.client.to_string();
        let (_, jwks) = key_pair();
        let before = database.dump().await;
        for keys in [json!({"jwks": jwks}), json!({"jwks_uri": ADDRESS})] {
            clerk.patch(&format!("clients/{client}"), &change("client", &client, keys)).await.is_error(403, "");
        }
        assert_eq!(database.dump().await, before);
    }
}
