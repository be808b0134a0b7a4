//! Signed tokens: compact JWS (RFC 7515) with RS256 and nothing else.
//!
//! Checking goes in three steps that types keep in order: [`UnverifiedToken::parse`] reads the header, whose `kid` only chooses
//! among the caller's own keys; [`UnverifiedToken::verify`] checks the signature; [`VerifiedToken::claims`] checks what RFC 9068
//! section 4 asks and hands the claims out. josekit's own validator is not used: it accepts a token without `exp` or `aud`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::keys::{PublicKey, SigningKey, is_kid};
use crate::{Error, json};

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_LENGTH: usize = 8 * 1024;

/// Header members that name a key or change how the token is read. Every certificate member begins with `x5`.
const REFUSED_MEMBERS: [&str; 6] = ["crit", "b64", "jwk", "jku", "enc", "zip"];

/// Why a token is not accepted. The texts are safe to show: they hold nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 8 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of canonical base64url, or a header that is no JSON object with distinct names.
    #[error("the token is not a compact JWS")]
    Malformed,
    /// `alg` is not one that is accepted: `RS256`; for client assertions also `ES256`.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// The header names its own key or an extension: `crit`, `b64`, `jwk`, `jku`, `x5u`, `x5c`, `x5t`, `enc`, `zip`.
    #[error("the token's header has a member that is not accepted")]
    Header,
    /// `kid` is missing or not 1 to 64 URL-safe characters, or it is not the id of the key at hand.
    #[error("the token's key is not known")]
    Key,
    /// The signature is not the key's signature over this token.
    #[error("the token's signature does not match")]
    Signature,
    /// `typ` is missing or not the one expected.
    #[error("the token is of another type")]
    Type,
    /// `iss` is missing or not the one expected.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` is missing, has not exactly one value, or not the one expected.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The named claim is missing or of the wrong form.
    #[error("the token's claim \"{0}\" is missing or malformed")]
    Claim(&'static str),
    /// The claims are no JSON object with distinct names, or not of the form asked for.
    #[error("the token's claims are malformed")]
    Claims,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
    kid: &'a str,
}

/// Signs `claims`, which must serialise to a JSON object, as a compact JWS with the header `{"alg":"RS256","typ":…,"kid":…}`.
///
/// `typ` is `at+jwt` for access tokens (RFC 9068) and `JWT` for ID tokens.
///
/// # Errors
/// [`Error::Claims`], [`Error::Signing`].
pub fn sign<C: Serialize>(key: &SigningKey, typ: &str, claims: &C) -> Result<String, Error> {
    let header = Header { alg: "RS256", typ, kid: key.kid() };
    let mut token = String::with_capacity(1024);
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&header).map_err(Error::Claims)?, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(Error::Claims)?, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A well-formed token whose signature nobody has checked. Its claims cannot be read.
pub struct UnverifiedToken<'a> {
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
    kid: String,
    typ: String,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the form and the header of `token`.
    ///
    /// # Errors
    /// [`TokenError::TooLong`], [`TokenError::Malformed`], [`TokenError::Algorithm`], [`TokenError::Header`], [`TokenError::Key`]
    /// and, for a missing `typ`, [`TokenError::Type`].
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        let header = json::object(&decode(header)?).ok_or(TokenError::Malformed)?;
        let (kid, typ) = read_header(&header)?;
        Ok(Self { signed, payload: decode(payload)?, signature: decode(signature)?, kid, typ })
    }

    /// The id of the key to look up, within the environment of the caller.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The declared type, not checked yet.
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// Checks that `key` is the one named by the token and has signed it.
    ///
    /// # Errors
    /// [`TokenError::Key`], [`TokenError::Signature`].
    pub fn verify(self, key: &PublicKey) -> Result<VerifiedToken, TokenError> {
        if key.kid() != self.kid {
            return Err(TokenError::Key);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(TokenError::Signature);
        }
        Ok(VerifiedToken { payload: self.payload, typ: self.typ })
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

pub(crate) fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// Whether a header names its own key or changes how the token is read.
pub(crate) fn is_refused(header: &Map<String, Value>) -> bool {
    header.keys().any(|name| REFUSED_MEMBERS.contains(&name.as_str()) || name.starts_with("x5"))
}

fn read_header(header: &Map<String, Value>) -> Result<(String, String), TokenError> {
    if is_refused(header) {
        return Err(TokenError::Header);
    }
    let text = |name| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("RS256") {
        return Err(TokenError::Algorithm);
    }
    let kid = text("kid").filter(|kid| is_kid(kid)).ok_or(TokenError::Key)?;
    let typ = text("typ").ok_or(TokenError::Type)?;
    Ok((kid.to_owned(), typ.to_owned()))
}

/// What a token must say to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The type, without `application/`: `at+jwt` or `JWT`. Letter case does not matter (RFC 7515 section 4.1.9).
    pub typ: &'a str,
    /// The exact issuer.
    pub issuer: &'a str,
    /// The one audience; `None` accepts any single one, and the caller decides.
    pub audience: Option<&'a str>,
    /// The current time, in seconds since the epoch.
    pub now: i64,
    /// How many seconds clocks may differ; usually [`Expect::LEEWAY`].
    pub leeway: i64,
}

impl Expect<'_> {
    /// The usual leeway, in seconds.
    pub const LEEWAY: i64 = 60;
    /// The leeway that accepts a token of any age, for an `id_token_hint` (OpenID Connect RP-Initiated Logout section 2).
    pub const ANY_AGE: i64 = i64::MAX;

    fn check(&self, typ: &str, claims: &Map<String, Value>) -> Result<(), TokenError> {
        if !is_type(typ, self.typ) {
            return Err(TokenError::Type);
        }
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(TokenError::Issuer);
        }
        let audience = only_audience(claims).ok_or(TokenError::Audience)?;
        if self.audience.is_some_and(|expected| expected != audience) {
            return Err(TokenError::Audience);
        }
        self.check_times(claims)?;
        for name in ["sub", "jti"] {
            if claims.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(TokenError::Claim(name));
            }
        }
        Ok(())
    }

    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        if seconds(claims, "exp")?.saturating_add(self.leeway) <= self.now {
            return Err(TokenError::Expired);
        }
        let latest = self.now.saturating_add(self.leeway);
        let not_before = if claims.contains_key("nbf") { seconds(claims, "nbf")? } else { 0 };
        if seconds(claims, "iat")? > latest || not_before > latest {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

pub(crate) fn is_type(typ: &str, expected: &str) -> bool {
    let short = match typ.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => typ,
    };
    short.eq_ignore_ascii_case(expected)
}

/// The audience, when there is exactly one and it is not empty.
pub(crate) fn only_audience(claims: &Map<String, Value>) -> Option<&str> {
    let audience = match claims.get("aud")? {
        Value::String(one) => one,
        Value::Array(several) => match several.as_slice() {
            [Value::String(one)] => one,
            _ => return None,
        },
        _ => return None,
    };
    Some(audience.as_str()).filter(|audience| !audience.is_empty())
}

/// A time claim: a whole, not negative number of seconds. Neither `1.5` nor `"1"` nor `1e9` is one.
pub(crate) fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<i64, TokenError> {
    let value = claims.get(name).and_then(Value::as_i64);
    value.filter(|seconds| *seconds >= 0).ok_or(TokenError::Claim(name))
}

/// A token that one of our keys has signed. What it claims is still to be checked.
pub struct VerifiedToken {
    payload: Vec<u8>,
    typ: String,
}

impl VerifiedToken {
    /// Checks `typ`, `iss`, `aud`, `exp`, `iat`, `nbf` if present, `sub` and `jti` against `expect`, and returns the claims.
    ///
    /// # Errors
    /// The [`TokenError`] of the first check that fails; [`TokenError::Claims`] when the claims are not of the form of `T`.
    pub fn claims<T: DeserializeOwned>(&self, expect: &Expect<'_>) -> Result<T, TokenError> {
        let claims = json::object(&self.payload).ok_or(TokenError::Claims)?;
        expect.check(&self.typ, &claims)?;
        serde_json::from_value(Value::Object(claims)).map_err(|_| TokenError::Claims)
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests;
