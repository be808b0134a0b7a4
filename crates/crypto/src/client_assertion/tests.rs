use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::json;

use super::*;
use crate::testing::{attacker, key};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://acme.example.com";
const TOKEN_ENDPOINT: &str = "https://acme.example.com/oauth/token";

const EXPECT: ExpectAssertion<'static> =
    ExpectAssertion { client_id: "client-1", audiences: &[ISSUER, TOKEN_ENDPOINT], now: NOW, leeway: 60, max_age: 600 };

fn ec() -> &'static Jwk {
    static EC: OnceLock<Jwk> = OnceLock::new();
    EC.get_or_init(|| Jwk::generate_ec_key(EcCurve::P256).unwrap())
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn rsa_jwk() -> Value {
    serde_json::to_value(key().public().to_jwk()).unwrap()
}

fn ec_jwk() -> Value {
    serde_json::to_value(ec().to_public_key().unwrap()).unwrap()
}

fn claims() -> Value {
    json!({ "iss": "client-1", "sub": "client-1", "aud": TOKEN_ENDPOINT, "jti": "j", "iat": NOW, "exp": NOW + 60 })
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signed(header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = match header["alg"].as_str() {
        Some("ES256") => {
            use josekit::jws::JwsSigner as _;
            ES256.signer_from_jwk(ec()).unwrap().sign(signed.as_bytes()).unwrap()
        }
        _ => key().sign(signed.as_bytes()).unwrap(),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn accept(assertion: &str, jwks: &str) -> Result<AcceptedAssertion, TokenError> {
    ClientAssertion::parse(assertion)?.verify(jwks, &EXPECT)
}

#[test]
fn ca_assertion_either_algorithm_is_accepted_with_the_clients_own_key() {
    let both = set(&[rsa_jwk(), ec_jwk()]);
    for algorithm in ALGORITHMS {
        let assertion = signed(&json!({ "alg": algorithm }), &claims());
        let expected = AcceptedAssertion { jti: "j".to_owned(), expires_at: NOW + 60 };
        assert_eq!(accept(&assertion, &both), Ok(expected), "{algorithm}");
    }
    let named = signed(&json!({ "alg": "RS256", "kid": "key-1", "typ": "JWT" }), &claims());
    assert!(accept(&named, &both).is_ok());
    assert_eq!(ClientAssertion::parse(&named).unwrap().subject(), "client-1");
}

#[test]
fn ca_assertion_another_key_or_none_is_refused() {
    let assertion = signed(&json!({ "alg": "RS256" }), &claims());
    let others = serde_json::to_value(attacker().public().to_jwk()).unwrap();
    assert_eq!(accept(&assertion, &set(&[others])), Err(TokenError::Signature));
    assert_eq!(accept(&assertion, &set(&[ec_jwk()])), Err(TokenError::Key));
    assert_eq!(accept(&assertion, &set(&[])), Err(TokenError::Key));
    assert_eq!(accept(&assertion, "not json"), Err(TokenError::Key));
    let unknown = signed(&json!({ "alg": "RS256", "kid": "key-2" }), &claims());
    assert_eq!(accept(&unknown, &set(&[rsa_jwk()])), Err(TokenError::Key));
}

#[test]
fn jw_alg_swap_other_algorithms_and_embedded_keys_are_refused() {
    let keys = set(&[rsa_jwk(), ec_jwk()]);
    for algorithm in [json!("none"), json!("HS256"), json!("RS384"), json!("PS256"), json!(["RS256"]), Value::Null] {
        let assertion = signed(&json!({ "alg": algorithm }), &claims());
        assert_eq!(accept(&assertion, &keys), Err(TokenError::Algorithm), "{algorithm}");
    }
    for name in ["jwk", "jku", "x5u", "x5c", "crit", "b64"] {
        let assertion = signed(&json!({ "alg": "RS256", name: "x" }), &claims());
        assert_eq!(accept(&assertion, &keys), Err(TokenError::Header), "{name}");
    }
    for typ in ["at+jwt", "", "logout+jwt"] {
        let assertion = signed(&json!({ "alg": "RS256", "typ": typ }), &claims());
        assert_eq!(accept(&assertion, &keys), Err(TokenError::Type), "{typ:?}");
    }
}

#[test]
fn ca_assertion_each_wrong_claim_is_refused() {
    let keys = set(&[rsa_jwk()]);
    let wrong: &[(&str, &[Option<Value>])] = &[
        ("iss", &[None, Some(json!("client-2")), Some(json!(1))]),
        ("sub", &[None, Some(json!("client-2")), Some(json!(1))]),
        ("aud", &[None, Some(json!("https://other.example")), Some(json!([])), Some(json!([ISSUER, "x"]))]),
        ("exp", &[None, Some(json!(NOW - 60)), Some(json!(NOW + 661)), Some(json!("1")), Some(json!(1.5))]),
        ("iat", &[Some(json!(NOW + 61)), Some(json!("1"))]),
        ("nbf", &[Some(json!(NOW + 61))]),
        ("jti", &[None, Some(json!("")), Some(json!(1)), Some(json!("x".repeat(256)))]),
    ];
    for (name, values) in wrong {
        for value in *values {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(*name);
            claims.as_object_mut().unwrap().extend(value.clone().map(|value| ((*name).to_owned(), value)));
            assert!(accept(&signed(&json!({ "alg": "RS256" }), &claims), &keys).is_err(), "{name}: {value:?}");
        }
    }
    let mut in_an_array = claims();
    in_an_array["aud"] = json!([ISSUER]);
    assert!(accept(&signed(&json!({ "alg": "RS256" }), &in_an_array), &keys).is_ok());
}

#[test]
fn ca_assertion_a_malformed_one_is_refused() {
    let good = signed(&json!({ "alg": "RS256" }), &claims());
    let altered = format!("{}A", good);
    for bad in ["", "a", "a.b", "a.b.c.d", "e30.e30.", &format!("{good}="), &altered, &"a".repeat(9_000)] {
        assert!(ClientAssertion::parse(bad).is_err() || accept(bad, &set(&[rsa_jwk()])).is_err(), "{bad:.40}");
    }
}

#[test]
fn only_public_keys_that_can_be_used_may_be_registered() {
    assert_eq!(check_set(&set(&[rsa_jwk(), ec_jwk()])), Ok(()));
    let private = serde_json::to_value(ec()).unwrap();
    let mut with_other_kid = rsa_jwk();
    with_other_kid["kid"] = json!("other");
    let mut encryption = rsa_jwk();
    encryption["use"] = json!("enc");
    let mut huge = rsa_jwk();
    huge["n"] = json!("A".repeat(684));
    assert_eq!(check_set(&set(&[rsa_jwk(), with_other_kid])), Ok(()));
    for bad in [
        String::new(),
        "{}".to_owned(),
        set(&[]),
        set(&[private]),
        set(&[encryption]),
        set(&[huge]),
        set(&[rsa_jwk(), rsa_jwk()]),
        set(&[json!({ "kty": "oct", "k": "AAAA" })]),
        set(&[json!("x")]),
        set(&vec![ec_jwk(); 11]),
        format!("{}{}", set(&[ec_jwk()]), " ".repeat(MAX_SET)),
    ] {
        assert!(check_set(&bad).is_err(), "{bad:.100}");
    }
}

#[test]
fn lg_debug_an_assertion_prints_nothing_of_itself() {
    let assertion = signed(&json!({ "alg": "RS256" }), &claims());
    assert_eq!(format!("{:?}", ClientAssertion::parse(&assertion).unwrap()), "[redacted]");
}
