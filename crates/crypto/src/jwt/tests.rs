//! Checks 137 to 151 (jw.*) as far as a token alone can answer them. Every forged token is signed with the right key unless the
//! check is about the signature, so that only the named fault can refuse it.

use serde_json::json;

use super::*;
use crate::testing::{attacker, key, key_der};

mod claims;
mod form;
mod header;
mod signature;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://acme.example.com";
const AUDIENCE: &str = "https://acme.example.com/api";
const HEADER: &str = r#"{"alg":"RS256","typ":"at+jwt","kid":"key-1"}"#;

fn expect() -> Expect<'static> {
    Expect { typ: "at+jwt", issuer: ISSUER, audience: Some(AUDIENCE), now: NOW, leeway: Expect::LEEWAY }
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "jti": "id-1", "client_id": "client-1",
        "iat": NOW, "exp": NOW + 3600,
    })
}

/// `good_claims` with one member replaced, or taken out when `value` is `None`.
fn claims_with(name: &str, value: Option<Value>) -> Value {
    let mut claims = good_claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of exactly these header and payload texts, rightly signed by `signer`.
fn forge_by(signer: &SigningKey, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = signer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature))
}

fn forge(header: &str, payload: &str) -> String {
    forge_by(key(), header, payload)
}

fn forge_header(header: &Value) -> String {
    forge(&header.to_string(), &good_claims().to_string())
}

fn forge_claims(claims: &Value) -> String {
    forge(HEADER, &claims.to_string())
}

fn accept_as(token: &str, expect: &Expect<'_>) -> Result<Value, TokenError> {
    UnverifiedToken::parse(token)?.verify(key().public())?.claims(expect)
}

fn accept(token: &str) -> Result<Value, TokenError> {
    accept_as(token, &expect())
}

#[test]
fn a_signed_token_is_accepted_and_yields_its_claims() {
    let token = sign(key(), "at+jwt", &good_claims()).unwrap();
    let header = token.split('.').next().unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(header).unwrap(), HEADER.as_bytes());
    assert_eq!(accept(&token), Ok(good_claims()));
    assert_eq!(forge_claims(&good_claims()), token, "RS256 is deterministic, so the forge is the same");
}

#[test]
fn another_implementation_accepts_our_signature() {
    let token = sign(key(), "JWT", &good_claims()).unwrap();
    let jwk = serde_json::to_vec(&key().public().to_jwk()).unwrap();
    let verifier = josekit::jws::RS256.verifier_from_jwk(&josekit::jwk::Jwk::from_bytes(jwk).unwrap()).unwrap();
    let (payload, _) = josekit::jwt::decode_with_verifier(&token, &verifier).unwrap();
    assert_eq!(payload.subject(), Some("user-1"));
}

#[test]
fn lg_debug_tokens_print_nothing_of_themselves() {
    let token = sign(key(), "at+jwt", &good_claims()).unwrap();
    let unverified = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(format!("{unverified:?}"), "[redacted]");
    assert_eq!(format!("{:?}", unverified.verify(key().public()).unwrap()), "[redacted]");
}
