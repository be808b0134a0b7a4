//! Signed tokens (RFC 9068 section 4): what is accepted, and what is not.

use openssl::hash::MessageDigest;
use paylent_crypto::jwt;
use paylent_resource_server::{Mode, Organization, Rejection, Token, TokenError};
use serde_json::{Value, json};

use crate::common::{NOW, World, forge, invalid, key, opaque};

fn header(alg: &str) -> Value {
    json!({ "alg": alg, "typ": "at+jwt", "kid": "key-0" })
}

#[tokio::test]
async fn a_good_token_says_whom_it_acts_for_and_where() {
    let world = World::new(Mode::Jwks).await;
    let mut claims = world.claims();
    claims["roles"] = json!(["clerk"]);
    claims["permissions"] = json!(["orders:read"]);
    claims["org_id"] = json!("org-1");
    claims["org_roles"] = json!(["owner"]);
    claims["org_permissions"] = json!(["applications:update"]);
    let expected = Token {
        subject: "user-1".to_owned(),
        client_id: "client-1".to_owned(),
        scopes: vec!["orders:read".to_owned(), "orders:write".to_owned()],
        roles: vec!["clerk".to_owned()],
        permissions: vec!["orders:read".to_owned()],
        organization: Some(Organization {
            id: "org-1".to_owned(),
            roles: vec!["owner".to_owned()],
            permissions: vec!["applications:update".to_owned()],
        }),
        issued_at: Some(NOW),
        expires_at: Some(NOW + 3_600),
    };
    assert_eq!(world.check(&world.signed(0, &claims)).await, Ok(expected));
    let plain = world.check(&world.signed(0, &world.claims_but("scope", Value::Null))).await.unwrap();
    assert_eq!((plain.scopes.len(), plain.organization), (0, None));
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let world = World::new(Mode::Jwks).await;
    let bearer = format!("Bearer {}", world.token(0));
    let request = crate::common::request(None, &[("authorization", &bearer)]);
    assert!(world.validator.require(["orders:read", "orders:write"]).admit(&request).await.is_ok());
    let rejection = world.validator.require(["orders:read", "orders:delete"]).admit(&request).await.unwrap_err();
    assert_eq!(rejection.status(), 403);
    let challenge = r#"Bearer error="insufficient_scope", scope="orders:delete""#;
    assert_eq!(rejection.www_authenticate().as_deref(), Some(challenge));
    assert_eq!(rejection.body()["error_description"], "The access token lacks a scope: orders:delete.");
    // A scope is a whole word.
    assert!(world.validator.require(["orders"]).admit(&request).await.is_err());
}

#[tokio::test]
async fn jw_none_a_token_without_a_signature_is_refused() {
    let world = World::new(Mode::Jwks).await;
    for alg in [json!("none"), json!("None"), json!("nOnE"), json!(""), json!(["RS256"]), Value::Null] {
        let mut header = header("RS256");
        header["alg"] = alg;
        let signed = forge(&header, &world.claims(), MessageDigest::sha256(), None);
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);
        assert!(invalid(&world.check(&signed).await) && invalid(&world.check(&unsigned).await), "{header}");
    }
    assert_eq!(world.issuer.asked(), 0);
}

#[tokio::test]
async fn jw_hs_a_public_key_is_no_shared_secret() {
    let world = World::new(Mode::Jwks).await;
    let public = openssl::pkey::PKey::private_key_from_pkcs8(key(0).1.as_bytes()).unwrap();
    let jwk = serde_json::to_vec(&key(0).0.public().to_jwk()).unwrap();
    let modulus = public.rsa().unwrap().n().to_vec();
    let pem = public.public_key_to_pem().unwrap();
    for secret in [pem, public.public_key_to_der().unwrap(), jwk, modulus, b"x".to_vec()] {
        for (alg, digest) in [("HS256", MessageDigest::sha256()), ("HS512", MessageDigest::sha512())] {
            let token = forge(&header(alg), &world.claims(), digest, Some(&secret));
            assert_eq!(world.check(&token).await, Err(TokenError::Algorithm.into()));
            let token = forge(&header("RS256"), &world.claims(), digest, Some(&secret));
            assert_eq!(world.check(&token).await, Err(TokenError::Signature.into()));
        }
    }
}

#[tokio::test]
async fn jw_alg_swap_a_key_is_for_one_algorithm() {
    let world = World::new(Mode::Jwks).await;
    let sha512 = MessageDigest::sha512();
    assert_eq!(
        world.check(&forge(&header("RS512"), &world.claims(), sha512, None)).await,
        Err(TokenError::Algorithm.into())
    );
    assert!(invalid(&world.check(&forge(&header("RS256"), &world.claims(), sha512, None)).await));
    assert!(world.check(&forge(&header("RS256"), &world.claims(), MessageDigest::sha256(), None)).await.is_ok());
}

#[tokio::test]
async fn jw_embedded_jw_crit_a_header_that_names_its_key_or_an_extension_is_refused() {
    let world = World::new(Mode::Jwks).await;
    let own = json!(key(2).0.public().to_jwk());
    for (name, value) in [
        ("jwk", own),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["MII"])),
        ("crit", json!(["x"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let mut header = header("RS256");
        header[name] = value;
        let token = forge(&header, &world.claims(), MessageDigest::sha256(), None);
        assert_eq!(world.check(&token).await, Err(TokenError::Header.into()), "{name}");
    }
    assert_eq!(world.issuer.asked(), 0);
}

#[tokio::test]
async fn jw_kid_only_the_form_of_a_key_id_is_looked_up() {
    let world = World::new(Mode::Jwks).await;
    let long = "k".repeat(65);
    for kid in [
        json!("../../etc/passwd"),
        json!("' OR 1=1--"),
        json!("a\0"),
        json!(""),
        json!(7),
        json!(["key-0"]),
        json!(long),
    ] {
        let mut header = header("RS256");
        header["kid"] = kid;
        let token = forge(&header, &world.claims(), MessageDigest::sha256(), None);
        assert_eq!(world.check(&token).await, Err(TokenError::Key.into()), "{header}");
    }
    assert_eq!(world.issuer.asked(), 0);
}

#[tokio::test]
async fn jw_typ_only_access_tokens_are_access_tokens() {
    let world = World::new(Mode::Jwks).await;
    for typ in ["JWT", "logout+jwt", "", "at+jwt2", "jwt"] {
        let token = jwt::sign(&key(0).0, typ, &world.claims()).unwrap();
        assert_eq!(world.check(&token).await, Err(TokenError::Type.into()), "{typ}");
    }
    assert!(world.check(&jwt::sign(&key(0).0, "application/AT+JWT", &world.claims()).unwrap()).await.is_ok());
}

#[tokio::test]
async fn jw_iss_another_issuer_is_refused() {
    let world = World::new(Mode::Jwks).await;
    let url = &world.issuer.url;
    let other_scheme = url.replace("http:", "https:");
    for iss in [json!(format!("{url}/")), json!(other_scheme), json!("http://127.0.0.1:1"), json!([url]), Value::Null] {
        let token = world.signed(0, &world.claims_but("iss", iss.clone()));
        assert_eq!(world.check(&token).await, Err(TokenError::Issuer.into()), "{iss}");
    }
}

#[tokio::test]
async fn jw_aud_a_token_is_for_this_api_and_no_other() {
    let world = World::new(Mode::Jwks).await;
    let ours = "https://orders.example";
    for aud in [
        Value::Null,
        json!([]),
        json!(""),
        json!("https://other.example"),
        json!("https://orders.example.evil"),
        json!("https://orders.example/"),
        json!([ours, "https://other.example"]),
        json!([ours, ours]),
        json!([[ours]]),
    ] {
        let token = world.signed(0, &world.claims_but("aud", aud.clone()));
        assert_eq!(world.check(&token).await, Err(TokenError::Audience.into()), "{aud}");
    }
    assert!(world.check(&world.signed(0, &world.claims_but("aud", json!([ours])))).await.is_ok());
}

#[tokio::test]
async fn jw_exp_jw_skew_times_count_with_a_minute_of_leeway() {
    let world = World::new(Mode::Jwks).await;
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", json!("1900000000")),
        ("exp", json!(1_900_000_000.5)),
        ("exp", json!(-1)),
        ("exp", json!(1e308)),
        ("exp", json!(NOW - 60)),
        ("iat", json!(NOW + 61)),
        ("nbf", json!(NOW + 61)),
        ("nbf", json!("0")),
        ("iat", Value::Null),
    ] {
        assert!(
            invalid(&world.check(&world.signed(0, &world.claims_but(name, value.clone()))).await),
            "{name}: {value}"
        );
    }
    for (name, value) in [("exp", NOW - 59), ("iat", NOW + 60), ("nbf", NOW + 60), ("iat", NOW + 2)] {
        assert!(world.check(&world.signed(0, &world.claims_but(name, json!(value)))).await.is_ok(), "{name}: {value}");
    }
}

#[tokio::test]
async fn jw_sub_a_token_names_its_subject_and_its_client() {
    let world = World::new(Mode::Jwks).await;
    for name in ["sub", "client_id", "jti"] {
        for value in [Value::Null, json!(""), json!(7)] {
            let token = world.signed(0, &world.claims_but(name, value.clone()));
            assert!(invalid(&world.check(&token).await), "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn jw_sig_a_changed_token_is_refused() {
    let world = World::new(Mode::Jwks).await;
    let token = world.token(0);
    assert!(world.check(&token).await.is_ok());
    for index in (0..token.len()).step_by(7).chain([token.len() - 1]) {
        let mut changed = token.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        assert!(invalid(&world.check(std::str::from_utf8(&changed).unwrap()).await), "{index}");
    }
    assert_eq!(world.check(&world.signed(2, &world.claims())).await, Err(TokenError::Signature.into()));
}

#[tokio::test]
async fn jw_form_what_is_no_compact_jws_is_refused() {
    let world = World::new(Mode::Jwks).await;
    let token = world.token(0);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let four = format!("{token}.x");
    let padded = format!("{token}=");
    for bad in [signed, "a.b", "x", four.as_str(), "a.b.c.d.e", padded.as_str(), &format!("{signed}..{signature}")] {
        assert!(invalid(&world.check(bad).await), "{bad}");
    }
    assert_eq!(world.issuer.asked(), 0);
}

#[tokio::test]
async fn an_opaque_token_is_refused_where_only_signed_ones_are_checked() {
    let world = World::new(Mode::Jwks).await;
    assert_eq!(world.check(&opaque('a')).await, Err(Rejection::InvalidToken(None)));
    assert_eq!(world.issuer.asked(), 0);
}
