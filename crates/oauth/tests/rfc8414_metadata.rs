//! RFC 8414, metadata, and RFC 7517, the published keys: what is said is true, and nothing else is said.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_oauth::{Config, IntrospectionRequest, MemoryStore, RevocationRequest, TokenRequest};
use serde_json::Value;

use crate::common::{Environment, ISSUER, form, keys};

fn metadata(issuer: &str) -> Value {
    let environment = Environment::over(MemoryStore::default(), Config::single(issuer));
    serde_json::to_value(environment.engine.metadata()).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_endpoint_starts_with_the_issuer() {
    for issuer in [ISSUER, "http://acme.localhost:8080", "https://example.com/tenant"] {
        let metadata = metadata(issuer);
        assert_eq!(metadata["issuer"], issuer, "exactly as tokens say it");
        let members = metadata.as_object().unwrap();
        let urls: Vec<_> =
            members.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri")).collect();
        assert_eq!(urls.len(), 4, "{urls:?}");
        for (name, url) in urls {
            assert!(url.as_str().unwrap().starts_with(&format!("{issuer}/")), "{name}: {url}");
        }
    }
}

#[tokio::test]
async fn the_issuer_is_the_one_that_tokens_name() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    let described = environment.introspect(&client, &token).await.unwrap();
    assert_eq!(described.iss, Some(environment.engine.metadata().issuer));
}

#[tokio::test]
async fn nothing_is_listed_that_is_not_there() {
    let metadata = metadata(ISSUER);
    let mut members: Vec<&str> = metadata.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = [
        "grant_types_supported",
        "id_token_signing_alg_values_supported",
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
        "issuer",
        "jwks_uri",
        "resource_indicators_supported",
        "response_types_supported",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "subject_types_supported",
        "token_endpoint",
        "token_endpoint_auth_methods_supported",
    ];
    assert_eq!(members, expected);
    assert_eq!(metadata["response_types_supported"], serde_json::json!([]), "there is no authorization endpoint");
}

#[tokio::test]
async fn a_grant_type_is_listed_if_and_only_if_it_works() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let metadata = metadata(ISSUER);
    let listed = names(&metadata["grant_types_supported"]);
    let known = [
        "authorization_code",
        "client_credentials",
        "refresh_token",
        "implicit",
        "password",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    for grant_type in known {
        let works = TokenRequest::parse(&[], client.form(&[("grant_type", grant_type)])).is_ok();
        assert_eq!(listed.contains(&grant_type), works, "{grant_type}");
    }
    assert!(listed.iter().all(|listed| known.contains(listed)));
}

#[tokio::test]
async fn every_listed_authentication_method_works() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let header = format!("Basic {}", STANDARD.encode(format!("{}:{}", client.id(), client.secret)));
    let metadata = metadata(ISSUER);
    for endpoint in ["token", "introspection", "revocation"] {
        for method in names(&metadata[format!("{endpoint}_endpoint_auth_methods_supported")]) {
            let bare = [("grant_type", "client_credentials"), ("token", "x")];
            let (headers, body) = match method {
                "client_secret_basic" => (vec![header.as_bytes()], form(&bare)),
                "client_secret_post" => (vec![], client.form(&bare)),
                other => panic!("{other} is listed and not tested"),
            };
            let accepted = match endpoint {
                "token" => environment.engine.token(TokenRequest::parse(&headers, body).unwrap()).await.is_ok(),
                "introspection" => {
                    let request = IntrospectionRequest::parse(&headers, body).unwrap();
                    environment.engine.introspect(request).await.is_ok()
                }
                _ => environment.engine.revoke(RevocationRequest::parse(&headers, body).unwrap()).await.is_ok(),
            };
            assert!(accepted, "{method} at the {endpoint} endpoint");
        }
    }
}

#[tokio::test]
async fn ky_never_out_the_published_keys_have_public_members_only() {
    let environment = Environment::new();
    environment.store.add_key(keys::another());
    let jwks = serde_json::to_value(environment.engine.jwks().await.unwrap()).unwrap();
    assert_eq!(jwks.as_object().unwrap().keys().collect::<Vec<_>>(), ["keys"]);
    let published = jwks["keys"].as_array().unwrap();
    let kids: Vec<&Value> = published.iter().map(|jwk| &jwk["kid"]).collect();
    assert_eq!(kids, [&keys::another().kid[..], &keys::ours().kid[..]], "newest first");
    for jwk in published {
        let mut members: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&jwk["kty"], &jwk["alg"], &jwk["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
    }
}

#[tokio::test]
async fn ky_deactivate_a_deactivated_key_is_not_published() {
    let environment = Environment::new();
    environment.store.add_key(keys::another());
    environment.store.deactivate_key(&keys::ours().kid);
    let kids: Vec<String> = environment.engine.jwks().await.unwrap().keys.into_iter().map(|jwk| jwk.kid).collect();
    assert_eq!(kids, [keys::another().kid]);
}

#[tokio::test]
async fn an_environment_without_keys_publishes_an_empty_set() {
    let environment = Environment::over(MemoryStore::default(), Config::single(ISSUER));
    assert_eq!(serde_json::to_string(&environment.engine.jwks().await.unwrap()).unwrap(), r#"{"keys":[]}"#);
}
