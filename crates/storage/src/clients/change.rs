//! What changes in a client, and what follows from it.

use diesel::prelude::*;
use paylent_domain::{
    Id,
    audit::Event,
    client::{Client, GrantType, OrganizationUsage, TokenFormat},
    user::User,
};

use super::rows::{grant_types_json, list};
use crate::{Error, Result, error::Refusal, key::Key, schema::clients};

/// What an update writes; `None` leaves the column as it is.
#[derive(AsChangeset)]
#[diesel(table_name = clients)]
pub(super) struct Changes {
    name: Option<String>,
    secret_hash: Option<Option<Vec<u8>>>,
    redirect_uris: Option<String>,
    post_logout_redirect_uris: Option<String>,
    backchannel_logout_uri: Option<Option<String>>,
    allowed_origins: Option<String>,
    jwks: Option<Option<String>>,
    jwks_uri: Option<Option<String>>,
    id_token_claims: Option<bool>,
    grant_types: Option<String>,
    token_format: Option<&'static str>,
    require_pkce: Option<bool>,
    access_token_ttl: Option<Option<i32>>,
    organization_usage: Option<&'static str>,
    active: Option<bool>,
    user_id: Option<Key>,
}

/// What an update changes; `None` leaves the attribute as it is.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// A new name.
    pub name: Option<String>,
    /// New redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// Other URIs to return to after signing out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// Another address for logout tokens, or none.
    pub backchannel_logout_uri: Option<Option<String>>,
    /// Other origins.
    pub allowed_origins: Option<Vec<String>>,
    /// Other keys, a JWK Set in JSON, or none.
    pub jwks: Option<Option<String>>,
    /// Another address where it publishes its keys, or none.
    pub jwks_uri: Option<Option<String>>,
    /// Whether its ID tokens carry the claims of its scopes.
    pub id_token_claims: Option<bool>,
    /// New grants.
    pub grant_types: Option<Vec<GrantType>>,
    /// Another form of access tokens.
    pub token_format: Option<TokenFormat>,
    /// Whether it must use PKCE.
    pub require_pkce: Option<bool>,
    /// Another lifetime for access tokens, or none of its own.
    pub access_token_ttl: Option<Option<i32>>,
    /// Whether people act for an organization there.
    pub organization_usage: Option<OrganizationUsage>,
    /// Whether it may act at all.
    pub active: Option<bool>,
    /// The service user to make when the client gains client credentials and has nobody to act for.
    pub service_user: Option<Id<User>>,
}

impl Changes {
    /// The columns to write, and the service user to make.
    ///
    /// # Errors
    /// `Refused` when the client would have keys of both kinds: whoever asked for one had not seen the other.
    pub(super) fn between(before: &Client, change: ClientChange) -> Result<(Self, Option<Id<User>>)> {
        let service = change.service_user.filter(|_| before.user_id.is_none());
        let jwks = change.jwks.as_ref().unwrap_or(&before.jwks).is_some();
        let jwks_uri = change.jwks_uri.as_ref().unwrap_or(&before.jwks_uri).is_some();
        if jwks && jwks_uri {
            return Err(Error::Refused(Refusal::Overtaken));
        }
        let changes = Self {
            name: change.name,
            secret_hash: (jwks || jwks_uri).then_some(None),
            redirect_uris: change.redirect_uris.as_deref().map(list),
            post_logout_redirect_uris: change.post_logout_redirect_uris.as_deref().map(list),
            backchannel_logout_uri: change.backchannel_logout_uri,
            allowed_origins: change.allowed_origins.as_deref().map(list),
            jwks: change.jwks,
            jwks_uri: change.jwks_uri,
            id_token_claims: change.id_token_claims,
            grant_types: change.grant_types.as_deref().map(grant_types_json),
            token_format: change.token_format.map(TokenFormat::as_str),
            require_pkce: change.require_pkce,
            access_token_ttl: change.access_token_ttl,
            organization_usage: change.organization_usage.map(OrganizationUsage::as_str),
            active: change.active,
            user_id: service.map(Key::from),
        };
        Ok((changes, service))
    }
}

/// How the trail tells an attribute.
type Word = fn(&Client) -> String;

/// The event that tells how a client changed.
pub(super) fn updated(before: &Client, after: &Client) -> Event {
    let ttl = |client: &Client| client.access_token_ttl.map(|ttl| ttl.to_string());
    let words: [(&'static str, Word); 11] = [
        ("name", |client| client.name.clone()),
        ("redirect_uris", |client| client.redirect_uris.join(" ")),
        ("post_logout_redirect_uris", |client| client.post_logout_redirect_uris.join(" ")),
        ("allowed_origins", |client| client.allowed_origins.join(" ")),
        ("grant_types", |client| grant_types_json(&client.grant_types)),
        ("token_format", |client| client.token_format.as_str().into()),
        ("require_pkce", |client| client.require_pkce.to_string()),
        ("id_token_claims", |client| client.id_token_claims.to_string()),
        ("organization_usage", |client| client.organization_usage.as_str().into()),
        ("token_endpoint_auth_method", |client| client.token_endpoint_auth_method().into()),
        ("active", |client| client.active.to_string()),
    ];
    let event = Event::new("client.updated", "client", after.id, &after.name)
        .change("access_token_ttl", ttl(before), ttl(after))
        .change("backchannel_logout_uri", before.backchannel_logout_uri.clone(), after.backchannel_logout_uri.clone())
        .change("jwks", before.jwks.clone(), after.jwks.clone())
        .change("jwks_uri", before.jwks_uri.clone(), after.jwks_uri.clone());
    words.into_iter().fold(event, |event, (field, word)| event.change(field, Some(word(before)), Some(word(after))))
}
