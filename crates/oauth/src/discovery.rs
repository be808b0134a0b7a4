//! What a client needs to know beforehand: metadata (RFC 8414, OpenID Connect Discovery) and keys (RFC 7517).

use paylent_crypto::jwks::{Jwk, JwkSet};
use serde::Serialize;

use crate::{Engine, error::Error, store::Store};

/// The metadata document. It lists what works, and nothing else.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "each member is the RFC's")]
pub struct Metadata {
    pub issuer: String,
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    pub jwks_uri: String,
    pub grant_types_supported: &'static [&'static str],
    pub response_types_supported: &'static [&'static str],
    pub subject_types_supported: &'static [&'static str],
    pub id_token_signing_alg_values_supported: &'static [&'static str],
    pub token_endpoint_auth_methods_supported: &'static [&'static str],
    pub introspection_endpoint_auth_methods_supported: &'static [&'static str],
    pub revocation_endpoint_auth_methods_supported: &'static [&'static str],
    pub resource_indicators_supported: bool,
}

const CLIENT_AUTH: &[&str] = &["client_secret_basic", "client_secret_post"];

impl<S: Store> Engine<S> {
    /// The metadata of this environment.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let issuer = &self.config.issuer;
        Metadata {
            issuer: issuer.clone(),
            token_endpoint: format!("{issuer}/oauth/token"),
            introspection_endpoint: format!("{issuer}/oauth/introspect"),
            revocation_endpoint: format!("{issuer}/oauth/revoke"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            grant_types_supported: &["client_credentials"],
            response_types_supported: &[],
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: &["RS256"],
            token_endpoint_auth_methods_supported: CLIENT_AUTH,
            introspection_endpoint_auth_methods_supported: CLIENT_AUTH,
            revocation_endpoint_auth_methods_supported: CLIENT_AUTH,
            resource_indicators_supported: true,
        }
    }

    /// The public keys of all active signing keys, newest first.
    ///
    /// # Errors
    /// 503 when the store fails.
    pub async fn jwks(&self) -> Result<JwkSet, Error> {
        let stored = self.store.active_public_keys().await?;
        let parse = |jwk: &String| serde_json::from_str::<Jwk>(jwk).map_err(Error::server);
        Ok(JwkSet { keys: stored.iter().map(parse).collect::<Result<_, _>>()? })
    }
}
