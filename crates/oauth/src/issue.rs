//! The one mint: turns what a grant authorised into a token.

use paylent_crypto::{
    jwt,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{Timestamp, client::TokenFormat, scope::Scopes};
use serde::Serialize;

use crate::{
    Engine,
    access_token::{Claims, TYP},
    error::Error,
    store::{Client, OpaqueToken, Store, Subject},
};

/// The result of any grant: who may do what, where, for how long.
pub(crate) struct Authorization {
    pub client: Client,
    pub subject: Subject,
    pub audience: String,
    pub scopes: Scopes,
    pub ttl: i32,
    pub primary_kid: Option<String>,
}

/// A successful answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// The access token. Shown this once.
    #[serde(serialize_with = "expose")]
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// How long the token lives, in seconds; absent when it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i32>,
    /// What the token may be used for, space-separated; absent when for nothing in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

fn expose<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

impl<S: Store> Engine<S> {
    /// Issues the access token that was authorised, in the client's format.
    pub(crate) async fn issue(&self, authorization: Authorization) -> Result<TokenResponse, Error> {
        let now = self.clock.now();
        let access_token = match authorization.client.token_format {
            TokenFormat::Jwt => self.sign(&authorization, now).await?,
            TokenFormat::Opaque => self.mint(&authorization, now).await?,
        };
        let scope = (!authorization.scopes.is_empty()).then(|| authorization.scopes.to_string());
        Ok(TokenResponse { access_token, token_type: "Bearer", expires_in: Some(authorization.ttl), scope })
    }

    /// A signed token (RFC 9068). Nothing is stored: it is checked by its signature, and by a denylist when revoked.
    async fn sign(&self, authorization: &Authorization, now: Timestamp) -> Result<Secret, Error> {
        let no_key = || Error::unavailable("the environment has no primary signing key");
        let kid = authorization.primary_kid.as_deref().ok_or_else(no_key)?;
        let key = self.keys.key(self.config.realm, kid, &self.store).await?.ok_or_else(no_key)?;
        let jti = secret::identifier()?;
        let claims = Claims {
            iss: &self.config.issuer,
            sub: authorization.subject.id,
            aud: &authorization.audience,
            exp: now.seconds() + i64::from(authorization.ttl),
            iat: now.seconds(),
            jti: &jti,
            client_id: &authorization.client.client_id,
            scope: authorization.scopes.to_string(),
            roles: &authorization.subject.roles,
            permissions: &authorization.subject.permissions,
            cgen: authorization.client.generation,
            ugen: authorization.subject.generation,
        };
        Ok(Secret::from(jwt::sign(&key, TYP, &claims)?))
    }

    /// A random token, of which the store keeps the hash.
    async fn mint(&self, authorization: &Authorization, now: Timestamp) -> Result<Secret, Error> {
        let token = secret::generate(SecretKind::AccessToken)?;
        let stored = OpaqueToken {
            hash: SecretHash::of(token.expose()),
            client_id: authorization.client.client_id.clone(),
            user_id: authorization.subject.id,
            audience: authorization.audience.clone(),
            scopes: authorization.scopes.clone(),
            issued_at: now,
            expires_at: Some(now.plus_seconds(i64::from(authorization.ttl))),
            client_generation: authorization.client.generation,
            user_generation: authorization.subject.generation,
        };
        self.store.save_access_token(stored).await?;
        Ok(token)
    }
}
