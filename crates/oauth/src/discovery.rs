//! What a client needs to know beforehand: metadata (RFC 8414, OpenID Connect Discovery) and keys (RFC 7517).

use paylent_crypto::{
    client_assertion::ALGORITHMS,
    jwks::{Jwk, JwkSet},
};
use serde::Serialize;

use crate::{
    Config, Engine,
    error::Error,
    oidc::{ACR, CLAIMS, OIDC_SCOPES},
    store::Store,
};

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
    pub token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub introspection_endpoint_auth_methods_supported: &'static [&'static str],
    pub introspection_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub revocation_endpoint_auth_methods_supported: &'static [&'static str],
    pub revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    pub resource_indicators_supported: bool,
    /// What a host with pages offers besides.
    #[serde(flatten)]
    pub interactive: Option<InteractiveMetadata>,
}

/// The part of the metadata document that is about people.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "each member is the RFC's")]
pub struct InteractiveMetadata {
    pub authorization_endpoint: String,
    pub userinfo_endpoint: String,
    pub end_session_endpoint: String,
    pub response_modes_supported: &'static [&'static str],
    pub code_challenge_methods_supported: &'static [&'static str],
    pub prompt_values_supported: &'static [&'static str],
    pub scopes_supported: &'static [&'static str],
    pub claims_supported: Vec<&'static str>,
    pub acr_values_supported: &'static [&'static str],
    pub claim_types_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ui_locales_supported: Vec<&'static str>,
    pub claims_parameter_supported: bool,
    pub request_parameter_supported: bool,
    pub request_uri_parameter_supported: bool,
    pub authorization_response_iss_parameter_supported: bool,
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
}

const CONFIDENTIAL: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt"];
const ANY_CLIENT: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

/// The claims of an ID token that are not about the person's profile.
const TOKEN_CLAIMS: [&str; 14] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "jti", "auth_time", "nonce", "at_hash", "acr", "amr", "sid", "org_id"];

impl<S: Store> Engine<S> {
    /// The metadata of this environment.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let (issuer, interactive) = (&self.config.issuer, self.config.interactive);
        let any_client = if interactive { ANY_CLIENT } else { CONFIDENTIAL };
        Metadata {
            issuer: issuer.clone(),
            token_endpoint: format!("{issuer}/oauth/token"),
            introspection_endpoint: format!("{issuer}/oauth/introspect"),
            revocation_endpoint: format!("{issuer}/oauth/revoke"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            grant_types_supported: match interactive {
                true => &["authorization_code", "client_credentials", "refresh_token"],
                false => &["client_credentials"],
            },
            response_types_supported: if interactive { &["code"] } else { &[] },
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: &["RS256"],
            token_endpoint_auth_methods_supported: any_client,
            token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            introspection_endpoint_auth_methods_supported: CONFIDENTIAL,
            introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            revocation_endpoint_auth_methods_supported: any_client,
            revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            resource_indicators_supported: true,
            interactive: interactive.then(|| InteractiveMetadata::of(&self.config)),
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

impl InteractiveMetadata {
    fn of(Config { issuer, ui_locales, .. }: &Config) -> Self {
        Self {
            authorization_endpoint: format!("{issuer}/oauth/authorize"),
            userinfo_endpoint: format!("{issuer}/oauth/userinfo"),
            end_session_endpoint: format!("{issuer}/oauth/logout"),
            response_modes_supported: &["query", "form_post"],
            code_challenge_methods_supported: &["S256"],
            prompt_values_supported: &["none", "login", "consent", "select_account"],
            scopes_supported: &OIDC_SCOPES,
            claims_supported: TOKEN_CLAIMS.into_iter().chain(CLAIMS.map(|(name, _)| name)).collect(),
            acr_values_supported: &[ACR],
            claim_types_supported: &["normal"],
            ui_locales_supported: ui_locales.clone(),
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}
