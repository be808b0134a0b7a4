//! What a client signs to say who it is: `private_key_jwt` (RFC 7523 section 3, OpenID Connect Core section 9), with RS256 or ES256 and a
//! key of the client's own JWK Set.

use std::fmt;

use josekit::jwk::Jwk;
use josekit::jws::{ES256, JwsVerifier, RS256};
use serde_json::{Map, Value};

use crate::json;
use crate::jwt::{MAX_LENGTH, TokenError, decode, is_refused, is_type, only_audience, seconds};

/// How many keys one client may register, and how long its JWK Set may be in bytes.
const MAX_KEYS: usize = 10;
const MAX_SET: usize = 16 * 1024;
/// The longest number in a key, in characters of base64url: that of RSA 4096.
const MAX_NUMBER: usize = 683;
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 255;

/// The algorithms of the assertions that are accepted.
pub const ALGORITHMS: &[&str] = &["RS256", "ES256"];

/// A well-formed assertion whose signature nobody has checked.
pub struct ClientAssertion<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: String,
    kid: Option<String>,
    claims: Map<String, Value>,
}

/// What an assertion must say to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct ExpectAssertion<'a> {
    /// The client: both `iss` and `sub`.
    pub client_id: &'a str,
    /// The accepted audiences; the assertion names exactly one of them.
    pub audiences: &'a [&'a str],
    /// The current time, in seconds since the epoch.
    pub now: i64,
    /// How many seconds clocks may differ.
    pub leeway: i64,
    /// How far in the future the assertion may expire, in seconds.
    pub max_age: i64,
}

/// The part of an accepted assertion that tells it from all others: it may be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedAssertion {
    /// Its identifier, unique to the client.
    pub jti: String,
    /// When it expires, in seconds since the epoch.
    pub expires_at: i64,
}

impl<'a> ClientAssertion<'a> {
    /// Reads the form, the header and the claims of `assertion`.
    ///
    /// # Errors
    /// [`TokenError::TooLong`], [`TokenError::Malformed`], [`TokenError::Algorithm`], [`TokenError::Header`], [`TokenError::Type`],
    /// [`TokenError::Claims`] and, for a `sub` that is no text, [`TokenError::Claim`].
    pub fn parse(assertion: &'a str) -> Result<Self, TokenError> {
        if assertion.len() > MAX_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = assertion.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = json::object(&decode(header)?).ok_or(TokenError::Malformed)?;
        let (algorithm, kid) = read_header(&header)?;
        let claims = json::object(&decode(payload)?).ok_or(TokenError::Claims)?;
        if !claims.get("sub").is_some_and(Value::is_string) {
            return Err(TokenError::Claim("sub"));
        }
        Ok(Self { signed, signature: decode(signature)?, algorithm, kid, claims })
    }

    /// The client that the assertion says it is of. Nothing is proven: use it only to look the client up.
    pub fn subject(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    /// Checks the signature against the keys of the client, a JWK Set in JSON, and the claims against `expect`.
    ///
    /// # Errors
    /// [`TokenError::Key`] when no key of the set can have signed it, [`TokenError::Signature`], and those of the claims.
    pub fn verify(&self, jwks: &str, expect: &ExpectAssertion<'_>) -> Result<AcceptedAssertion, TokenError> {
        let mut candidates = parse_set(jwks).ok_or(TokenError::Key)?;
        candidates.retain(|key| self.kid.is_none() || key.key_id() == self.kid.as_deref());
        let mut verifiers = candidates.iter().filter_map(|key| verifier(key, &self.algorithm)).peekable();
        if verifiers.peek().is_none() {
            return Err(TokenError::Key);
        }
        let message = self.signed.as_bytes();
        if !verifiers.any(|verifier| verifier.verify(message, &self.signature).is_ok()) {
            return Err(TokenError::Signature);
        }
        self.accepted(expect)
    }

    fn accepted(&self, expect: &ExpectAssertion<'_>) -> Result<AcceptedAssertion, TokenError> {
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(expect.client_id) {
            return Err(TokenError::Issuer);
        }
        if text("sub") != Some(expect.client_id) {
            return Err(TokenError::Claim("sub"));
        }
        let audience = only_audience(&self.claims).ok_or(TokenError::Audience)?;
        if !expect.audiences.contains(&audience) {
            return Err(TokenError::Audience);
        }
        let expires_at = seconds(&self.claims, "exp")?;
        if expires_at.saturating_add(expect.leeway) <= expect.now {
            return Err(TokenError::Expired);
        }
        if expires_at > expect.now.saturating_add(expect.max_age).saturating_add(expect.leeway) {
            return Err(TokenError::Claim("exp"));
        }
        let latest = expect.now.saturating_add(expect.leeway);
        for name in ["iat", "nbf"] {
            if self.claims.contains_key(name) && seconds(&self.claims, name)? > latest {
                return Err(TokenError::NotYetValid);
            }
        }
        let jti = text("jti").filter(|jti| (1..=MAX_JTI).contains(&jti.len())).ok_or(TokenError::Claim("jti"))?;
        Ok(AcceptedAssertion { jti: jti.to_owned(), expires_at })
    }
}

impl fmt::Debug for ClientAssertion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The algorithm and the key id, which is optional here: a client with one key need not name it.
fn read_header(header: &Map<String, Value>) -> Result<(String, Option<String>), TokenError> {
    if is_refused(header) {
        return Err(TokenError::Header);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).filter(|algorithm| ALGORITHMS.contains(algorithm));
    let algorithm = algorithm.ok_or(TokenError::Algorithm)?.to_owned();
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    if typ.is_some_and(|typ| !is_type(typ, "JWT") && !is_type(typ, "client-authentication+jwt")) {
        return Err(TokenError::Type);
    }
    match header.get("kid") {
        None => Ok((algorithm, None)),
        Some(Value::String(kid)) => Ok((algorithm, Some(kid.clone()))),
        Some(_) => Err(TokenError::Key),
    }
}

/// Checks a JWK Set that a client wants to register: 1 to 10 public keys, each an RSA key of 2048 to 4096 bits for RS256 or a P-256 key
/// for ES256, no two with one `kid`.
///
/// # Errors
/// The rule it breaks, in words.
pub fn check_set(jwks: &str) -> Result<(), &'static str> {
    if jwks.len() > MAX_SET {
        return Err("must have at most 16384 characters");
    }
    let keys = parse_set(jwks).ok_or("must be a JWK Set: {\"keys\": [...]}")?;
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err("must have 1 to 10 keys");
    }
    for (index, key) in keys.iter().enumerate() {
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| key.parameter(name).is_some()) {
            return Err("must not have a private or a symmetric key");
        }
        if ALGORITHMS.iter().all(|algorithm| verifier(key, algorithm).is_none()) {
            return Err("must have only RSA keys of 2048 to 4096 bits for RS256 and P-256 keys for ES256");
        }
        if key.key_id().is_some() && keys[..index].iter().any(|other| other.key_id() == key.key_id()) {
            return Err("must not have two keys of one kid");
        }
    }
    Ok(())
}

fn parse_set(jwks: &str) -> Option<Vec<Jwk>> {
    let set = json::object(jwks.as_bytes())?;
    let keys = set.get("keys")?.as_array()?;
    keys.iter().map(|key| key.as_object().cloned().and_then(|key| Jwk::from_map(key).ok())).collect()
}

/// What checks the signatures of this key, if it is one for this algorithm.
fn verifier(key: &Jwk, algorithm: &str) -> Option<Box<dyn JwsVerifier>> {
    let long = |name| key.parameter(name).and_then(Value::as_str).is_some_and(|number| number.len() > MAX_NUMBER);
    match algorithm {
        "RS256" if !long("n") && !long("e") => {
            RS256.verifier_from_jwk(key).ok().map(|verifier| Box::new(verifier) as _)
        }
        "ES256" => ES256.verifier_from_jwk(key).ok().map(|verifier| Box::new(verifier) as _),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
