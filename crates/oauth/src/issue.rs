//! The one mint: turns what a grant authorised into tokens.

use std::sync::Arc;

use paylent_crypto::{
    jwt,
    keys::SigningKey,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{Id, Timestamp, client::TokenFormat, scope::Scopes};
use serde::{Deserialize, Serialize};

use crate::{
    Engine,
    access_token::{Claims, OrganizationClaims, TYP},
    error::Error,
    store::{Client, Family, Member, OpaqueToken, Store, Subject},
};

/// The result of any grant: who may do what, where, for how long.
pub(crate) struct Authorization {
    pub client: Client,
    pub subject: Subject,
    pub audience: String,
    pub scopes: Scopes,
    /// How long the token lives, in seconds; `None`: for ever, which only an opaque token does.
    pub ttl: Option<i32>,
    pub primary_kid: Option<String>,
    /// The grant of a person that it comes from; a machine has none.
    pub family_id: Option<Id<Family>>,
    /// As whose member the person acts, if they act for an organization.
    pub member: Option<Member>,
}

/// A successful answer of the token endpoint (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Debug, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The access token. Shown this once.
    #[serde(with = "exposed")]
    pub access_token: Secret,
    /// Always `Bearer`.
    #[serde(skip_deserializing, default = "bearer")]
    pub token_type: &'static str,
    /// How long the access token lives, in seconds; absent when it never expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i32>,
    /// What the access token may be used for, space-separated; absent when for nothing in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The refresh token, if the client gets one. Shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exposed_if_any")]
    pub refresh_token: Option<Secret>,
    /// The ID token, if the scope `openid` was granted.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "exposed_if_any")]
    pub id_token: Option<Secret>,
}

fn bearer() -> &'static str {
    "Bearer"
}

/// The two places where a secret is written out: the reply, and the sealed copy of it.
mod exposed {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::from)
    }
}

mod exposed_if_any {
    use super::{Secret, exposed};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => exposed::serialize(secret, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        exposed::deserialize(deserializer).map(Some)
    }
}

impl TokenResponse {
    /// The answer that hands out this access token and nothing besides.
    pub(crate) fn of(access_token: Secret, authorization: &Authorization) -> Self {
        Self {
            access_token,
            token_type: bearer(),
            expires_in: authorization.ttl,
            scope: (!authorization.scopes.is_empty()).then(|| authorization.scopes.to_string()),
            refresh_token: None,
            id_token: None,
        }
    }
}

impl<S: Store> Engine<S> {
    /// Makes the access token that was authorised, in the client's format. An opaque one comes with what the store
    /// must keep; a signed one (RFC 9068) is checked by its signature, and nothing is stored.
    pub(crate) async fn access_token(
        &self,
        authorization: &Authorization,
        now: Timestamp,
    ) -> Result<(Secret, Option<OpaqueToken>), Error> {
        match authorization.client.token_format {
            TokenFormat::Jwt => Ok((self.sign(authorization, now).await?, None)),
            TokenFormat::Opaque => {
                let token = secret::generate(SecretKind::AccessToken)?;
                let stored = opaque(authorization, SecretHash::of(token.expose()), now);
                Ok((token, Some(stored)))
            }
        }
    }

    async fn sign(&self, authorization: &Authorization, now: Timestamp) -> Result<Secret, Error> {
        let key = self.primary_key(authorization.primary_kid.as_deref()).await?;
        let jti = secret::identifier()?;
        let ttl = authorization.ttl.ok_or_else(|| Error::server("a signed token has to expire"))?;
        let claims = Claims {
            iss: &self.config.issuer,
            sub: authorization.subject.id,
            aud: &authorization.audience,
            exp: now.seconds() + i64::from(ttl),
            iat: now.seconds(),
            jti: &jti,
            client_id: &authorization.client.client_id,
            scope: authorization.scopes.to_string(),
            roles: &authorization.subject.roles,
            permissions: &authorization.subject.permissions,
            organization: authorization.member.as_ref().map(OrganizationClaims::of),
            cgen: authorization.client.generation,
            ugen: authorization.subject.generation,
            fam: authorization.family_id,
        };
        Ok(Secret::from(jwt::sign(&key, TYP, &claims)?))
    }

    /// The key that signs at this moment.
    pub(crate) async fn primary_key(&self, primary_kid: Option<&str>) -> Result<Arc<SigningKey>, Error> {
        let no_key = || Error::unavailable("the environment has no primary signing key");
        let kid = primary_kid.ok_or_else(no_key)?;
        self.keys.key(self.config.realm, kid, &self.store).await?.ok_or_else(no_key)
    }
}

fn opaque(authorization: &Authorization, hash: SecretHash, now: Timestamp) -> OpaqueToken {
    OpaqueToken {
        hash,
        client_id: authorization.client.client_id.clone(),
        user_id: authorization.subject.id,
        audience: authorization.audience.clone(),
        scopes: authorization.scopes.clone(),
        issued_at: now,
        expires_at: authorization.ttl.map(|seconds| now.plus_seconds(i64::from(seconds))),
        client_generation: authorization.client.generation,
        user_generation: authorization.subject.generation,
        family_id: authorization.family_id,
        organization_id: authorization.member.as_ref().map(|member| member.organization_id),
    }
}
