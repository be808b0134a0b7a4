//! What clients prove themselves with when people sign in. Catalogue section A5; the rest of it is in
//! `oauth_client_auth.rs`, `api_client_secrets.rs` and `refresh_events.rs`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{
    jwk::Jwk,
    jws::{JwsHeader, RS256},
    jwt::{self, JwtPayload},
};
use paylent_domain::{Clock as _, client::ClientType};
use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use serde_json::json;

use crate::{
    at_once::at_once_or_later,
    support::{Reply, TestServer, browser::*, document, oauth::Registered},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that signs assertions with a key of its own.
async fn with_key(server: &TestServer, database: &TestDatabase) -> (Registered, Jwk) {
    let client = application(&server.acme, ClientType::Confidential).await;
    let key = Jwk::generate_rsa_key(2_048).unwrap();
    let mut public = key.to_public_key().unwrap();
    public.set_key_id("own");
    public.set_algorithm("RS256");
    public.set_key_use("sig");
    let set = json!({"keys": [public.as_ref()]});
    let id = &client.credentials.0;
    database.execute(&format!("UPDATE clients SET secret_hash = NULL, jwks = '{set}' WHERE client_id = '{id}'")).await;
    (client, key)
}

/// What the client signs to prove itself.
fn assertion(server: &TestServer, client: &Registered, key: &Jwk, jti: &str) -> String {
    let (now, id) = (server.clock.now().seconds(), json!(client.credentials.0));
    let audience = json!(server.acme.issuer());
    let claims = json!({"iss": id, "sub": id, "aud": audience, "jti": jti, "iat": now, "exp": now + 60});
    let payload = JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap();
    let mut header = JwsHeader::new();
    header.set_key_id("own");
    header.set_token_type("JWT");
    jwt::encode_with_signer(&payload, &header, &RS256.signer_from_jwk(key).unwrap()).unwrap()
}

fn exchange(browser: &Browser<'_>, code: &str, assertion: &str) -> reqwest::RequestBuilder {
    let proof = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
    let form = [&exchange_form(code)[..], &proof].concat();
    browser.server.request(browser.tenant, Method::POST, "/oauth/token").form(&form)
}

both! {
    async fn ca_assertion_a_signed_one_is_good_once_also_over_two_processes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let (client, key) = with_key(&server, &database).await;
        let browser = Browser::new(&server);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        let code = browser.code(&client).await;
        let proof = assertion(&server, &client, &key, "j-1");
        let (head, signature) = proof.rsplit_once('.').unwrap();
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), head.split('.').nth(1).unwrap());
        let stranger = assertion(&server, &client, &Jwk::generate_rsa_key(2_048).unwrap(), "j-2");
        let before = database.dump().await;
        for bad in ["", "x", head, &unsigned, &stranger, &format!("{head}.{}", &signature[4..])] {
            let reply = Reply::of(exchange(&browser, &code, bad)).await;
            assert!([400, 401].contains(&reply.status), "{bad}: {}", reply.text);
        }
        assert_eq!(database.dump().await, before);
        // A code for each, one assertion for all.
        let mut requests = Vec::new();
        for number in 0..20 {
            let code = browser.code(&client).await;
            requests.push(exchange(if number % 2 == 0 { &browser } else { &beside }, &code, &proof));
        }
        let replies = at_once_or_later(requests).await;
        let won = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!((won, database.count("used_assertions").await), (1, 1));
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.is_oauth_error(401, "invalid_client");
        }
        let fresh = assertion(&server, &client, &key, "j-3");
        Reply::of(exchange(&browser, &code, &fresh)).await.is(200);
    }

    async fn ca_rotate_race_of_two_rotations_one_secret_works(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let admin = server.admin(&server.acme).await;
        let mut credentials = client.credentials.clone();
        for _ in 0..5 {
            let rotate = || admin.request(Method::PATCH, &format!("clients/{}/rotate-secret", client.id));
            let replies = at_once_or_later(vec![rotate(), rotate()]).await;
            let shown: Vec<String> = replies
                .into_iter()
                .map(|reply| reply.is(200).json()["meta"]["client_secret"].as_str().unwrap().to_owned())
                .collect();
            let works = async |secret: &str| {
                let client = (client.credentials.0.clone(), secret.to_owned());
                server.oauth(&server.acme, "/oauth/introspect", &client, &[("token", "x")]).await.status == 200
            };
            assert!(!works(&credentials.1).await, "the old one is dead");
            let (first, second) = (works(&shown[0]).await, works(&shown[1]).await);
            assert!(first != second, "exactly one of the two works");
            credentials.1 = shown[usize::from(second)].clone();
        }
        let renewed = Registered { credentials, ..client };
        browser.tokens(&renewed).await;
    }

    async fn ca_once_and_ca_choose_id_the_server_names_clients_and_tells_their_secret_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let attributes = json!({"name": "App", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"]});
        let before = database.dump().await;
        for chosen in [&ada, "own", "00000000-0000-7000-8000-000000000000"] {
            let mut with_id = document("client", attributes.clone(), &[]);
            with_id["data"]["id"] = json!(chosen);
            assert_eq!(admin.post("clients", &with_id).await.status, 403);
            let mut named = attributes.clone();
            named["client_id"] = json!(chosen);
            assert_eq!(admin.post("clients", &document("client", named, &[])).await.status, 422);
        }
        assert_eq!(database.dump().await, before);
        let made = admin.post("clients", &document("client", attributes, &[])).await.is(201);
        assert_eq!(made.header("cache-control"), "no-store");
        let secret = made.json()["meta"]["client_secret"].as_str().unwrap().to_owned();
        assert_ne!(made.attribute("client_id"), json!(ada));
        let path = format!("clients/{}", made.id());
        for reply in [admin.get(&path).await, admin.get("clients").await, admin.get(&format!("{path}?include=user")).await] {
            assert!(reply.status != 500 && !reply.text.contains(&secret) && !reply.text.contains("secret_hash"));
        }
    }
}
