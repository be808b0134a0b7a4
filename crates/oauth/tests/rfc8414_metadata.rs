//! RFC 8414, metadata, and RFC 7517, the published keys: what is said is true, and nothing else is said.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_domain::Clock;
use paylent_oauth::{Config, ErrorCode, IntrospectionRequest, MemoryStore, RevocationRequest, TokenRequest};
use serde_json::{Value, json};

use crate::common::{
    Environment, HERE, ISSUER, form,
    keys::{self, forge},
    people::{parameter, returned},
};

fn metadata(issuer: &str) -> Value {
    metadata_of(&Config::single(issuer))
}

fn metadata_of(config: &Config) -> Value {
    let environment = Environment::over(MemoryStore::default(), config.clone());
    serde_json::to_value(environment.engine.metadata()).unwrap()
}

fn interactive() -> Config {
    Config { interactive: true, ..Config::single(ISSUER) }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_endpoint_starts_with_the_issuer() {
    for issuer in [ISSUER, "http://acme.localhost:8080", "https://example.com/tenant"] {
        for (interactive, expected) in [(false, 4), (true, 7)] {
            let metadata = metadata_of(&Config { interactive, ..Config::single(issuer) });
            assert_eq!(metadata["issuer"], issuer, "exactly as tokens say it");
            let members = metadata.as_object().unwrap();
            let urls: Vec<_> =
                members.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri")).collect();
            assert_eq!(urls.len(), expected, "{urls:?}");
            for (name, url) in urls {
                assert!(url.as_str().unwrap().starts_with(&format!("{issuer}/")), "{name}: {url}");
            }
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
        "introspection_endpoint_auth_signing_alg_values_supported",
        "issuer",
        "jwks_uri",
        "resource_indicators_supported",
        "response_types_supported",
        "revocation_endpoint",
        "revocation_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "subject_types_supported",
        "token_endpoint",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
    ];
    assert_eq!(members, expected);
    assert_eq!(metadata["response_types_supported"], serde_json::json!([]), "there is no authorization endpoint");
}

#[tokio::test]
async fn a_host_with_pages_lists_what_is_about_people_too() {
    let (machines, people) = (metadata(ISSUER), metadata_of(&interactive()));
    let added: Vec<&str> =
        people.as_object().unwrap().keys().map(String::as_str).filter(|name| machines.get(name).is_none()).collect();
    let expected = [
        "acr_values_supported",
        "authorization_endpoint",
        "authorization_response_iss_parameter_supported",
        "backchannel_logout_session_supported",
        "backchannel_logout_supported",
        "claim_types_supported",
        "claims_parameter_supported",
        "claims_supported",
        "code_challenge_methods_supported",
        "end_session_endpoint",
        "prompt_values_supported",
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "response_modes_supported",
        "scopes_supported",
        "userinfo_endpoint",
    ];
    let mut added = added;
    added.sort_unstable();
    assert_eq!(added, expected);
    assert_eq!(people["response_types_supported"], json!(["code"]));
    assert_eq!(
        (&people["request_parameter_supported"], &people["request_uri_parameter_supported"]),
        (&false.into(), &false.into())
    );
}

#[tokio::test]
async fn a_grant_type_is_listed_if_and_only_if_it_works() {
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
    for config in [Config::single(ISSUER), interactive()] {
        let metadata = metadata_of(&config);
        let listed = names(&metadata["grant_types_supported"]);
        let environment = Environment::new().with_config(config);
        let client = environment.client(|_| {});
        for grant_type in known {
            let body = client.form(&[("grant_type", grant_type), ("code", "x"), ("refresh_token", "x")]);
            let result = match TokenRequest::parse(&[], body, HERE) {
                Ok(request) => environment.engine.token(request).await.map(drop),
                Err(error) => Err(error),
            };
            let works = !matches!(result, Err(error) if error.code == ErrorCode::UnsupportedGrantType);
            assert_eq!(listed.contains(&grant_type), works, "{grant_type}");
        }
        assert!(listed.iter().all(|listed| known.contains(listed)));
    }
}

#[tokio::test]
async fn every_listed_authentication_method_works() {
    let environment = Environment::new().with_config(interactive());
    let client = environment.client(|_| {});
    let keyed = environment.client(|machine| {
        machine.client.jwks = Some(format!("{{\"keys\":[{}]}}", keys::ours().public_jwk));
    });
    let public = environment.public_client();
    let header = format!("Basic {}", STANDARD.encode(format!("{}:{}", client.id(), client.secret)));
    let metadata = metadata_of(&interactive());
    for endpoint in ["token", "introspection", "revocation"] {
        let listed = &metadata[format!("{endpoint}_endpoint_auth_methods_supported")];
        assert_eq!(
            metadata[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")],
            json!(["RS256", "ES256"])
        );
        for method in names(listed) {
            let bare = [("grant_type", "client_credentials"), ("token", "x")];
            let now = environment.clock.now().seconds();
            let claims =
                json!({ "iss": keyed.id(), "sub": keyed.id(), "aud": ISSUER, "jti": endpoint, "exp": now + 60 });
            let assertion = forge(&keys::ours(), &keys::ours().kid, "JWT", &claims);
            let (headers, body) = match method {
                "client_secret_basic" => (vec![header.as_bytes()], form(&bare)),
                "client_secret_post" => (vec![], client.form(&bare)),
                "none" => (vec![], public.form(&bare)),
                "private_key_jwt" => {
                    let typ = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                    let proof = [("client_assertion", assertion.as_str()), ("client_assertion_type", typ)];
                    (vec![], form(&[&bare[..], &proof].concat()))
                }
                other => panic!("{other} is listed and not tested"),
            };
            let error = match endpoint {
                "token" => environment.engine.token(TokenRequest::parse(&headers, body, HERE).unwrap()).await.err(),
                "introspection" => {
                    let request = IntrospectionRequest::parse(&headers, body).unwrap();
                    environment.engine.introspect(request).await.err()
                }
                _ => environment.engine.revoke(RevocationRequest::parse(&headers, body).unwrap()).await.err(),
            };
            // A public client is known, and may not use this grant.
            let is_known = error.is_none_or(|error| error.code == ErrorCode::UnauthorizedClient && method == "none");
            assert!(is_known, "{method} at the {endpoint} endpoint");
        }
    }
}

#[tokio::test]
async fn what_is_listed_about_authorization_requests_works() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let metadata = metadata_of(&interactive());
    for (member, name) in [
        ("response_modes_supported", "response_mode"),
        ("prompt_values_supported", "prompt"),
        ("scopes_supported", "scope"),
        ("response_types_supported", "response_type"),
        ("code_challenge_methods_supported", "code_challenge_method"),
    ] {
        for value in names(&metadata[member]) {
            let step = environment.authorize(&person.browser, &app.request(&[(name, value)])).await;
            let refused = match step {
                Ok(paylent_oauth::Step::Return(_)) => parameter(&returned(step), "error") != Some("consent_required"),
                step => step.is_err(),
            };
            assert!(!refused, "{name}={value}");
        }
    }
    let talkative = environment.app(|application| application.client.id_token_claims = true);
    let works = crate::acting_for::join(&environment, &person, "Works").to_string();
    let all = [("scope", "openid profile email"), ("nonce", "n"), ("organization", &works)];
    let id_token = environment.tokens(&talkative, &person, &all).await.id_token.unwrap();
    let claims = environment.claims(id_token.expose()).await.1;
    let mut made: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    let mut listed = names(&metadata["claims_supported"]);
    made.sort_unstable();
    listed.sort_unstable();
    assert_eq!(made, listed);
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
