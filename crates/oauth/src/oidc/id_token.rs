//! ID tokens (OpenID Connect Core section 2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::{
    jwt,
    secret::{self, Secret, fingerprint},
};
use paylent_domain::{Id, Timestamp, organization::Organization, scope::Scopes, session::Session, user::User};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ACR, claims};
use crate::{
    Engine,
    error::Error,
    store::{Family, Parties, Store},
};

/// The `typ` of an ID token.
pub(super) const TYP: &str = "JWT";
/// How long one is good, in seconds.
const LIFETIME: i64 = 3_600;

/// What an ID token is made of.
pub(crate) struct IdTokenRequest<'a> {
    pub(crate) parties: &'a Parties,
    pub(crate) family: &'a Family,
    /// What is granted at this moment: a refresh may ask for less than the family holds.
    pub(crate) scopes: &'a Scopes,
    /// Sent back byte for byte; a refreshed ID token has none (OpenID Connect Core section 12.2).
    pub(crate) nonce: Option<&'a str>,
    /// The access token that comes with it.
    pub(crate) access_token: &'a Secret,
}

#[derive(Serialize)]
struct IdToken<'a> {
    iss: &'a str,
    sub: Id<User>,
    aud: &'a str,
    azp: &'a str,
    exp: i64,
    iat: i64,
    jti: &'a str,
    auth_time: i64,
    acr: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    at_hash: String,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    sid: Id<Session>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<Id<Organization>>,
    #[serde(flatten)]
    profile: Map<String, Value>,
}

impl<S: Store> Engine<S> {
    /// The ID token that goes with these tokens; `None` when the scope `openid` was not granted.
    pub(crate) async fn id_token(&self, request: &IdTokenRequest<'_>, now: Timestamp) -> Result<Option<Secret>, Error> {
        let IdTokenRequest { parties, family, scopes, nonce, access_token } = request;
        if !scopes.contains("openid") {
            return Ok(None);
        }
        let key = self.primary_key(parties.primary_kid.as_deref()).await?;
        let by_name = |name: &str| family.id_token_claims.iter().any(|wanted| wanted == name);
        let jti = secret::identifier()?;
        let claims = IdToken {
            iss: &self.config.issuer,
            sub: family.user_id,
            aud: &family.client_id,
            azp: &family.client_id,
            exp: now.seconds() + LIFETIME,
            iat: now.seconds(),
            jti: &jti,
            auth_time: family.auth_time.seconds(),
            acr: ACR,
            nonce: *nonce,
            at_hash: at_hash(access_token),
            amr: &family.amr,
            sid: family.session_id,
            org_id: family.organization_id,
            profile: claims(&parties.profile, scopes, |name| parties.client.id_token_claims || by_name(name)),
        };
        Ok(Some(Secret::from(jwt::sign(&key, TYP, &claims)?)))
    }
}

/// The left half of the token's SHA-256 (OpenID Connect Core section 3.1.3.6).
fn at_hash(access_token: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(&fingerprint(access_token.expose().as_bytes())[..16])
}
