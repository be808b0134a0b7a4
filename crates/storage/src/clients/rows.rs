//! Clients as they are stored, and as they are before.

use diesel::prelude::*;
use paylent_domain::{
    Id, Timestamp,
    client::{Client, ClientType, GrantType, OrganizationUsage, TokenFormat},
    user::User,
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Error, Result,
    authority::{json, names},
    error::broken,
    key::Key,
    schema::clients,
};

/// A row of `clients`, without the secret's hash.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub(crate) struct ClientRow {
    id: Key,
    client_id: String,
    pub(super) name: String,
    client_type: String,
    redirect_uris: String,
    post_logout_redirect_uris: String,
    backchannel_logout_uri: Option<String>,
    allowed_origins: String,
    jwks: Option<String>,
    jwks_uri: Option<String>,
    id_token_claims: bool,
    grant_types: String,
    token_format: String,
    first_party: bool,
    require_pkce: bool,
    access_token_ttl: Option<i32>,
    organization_usage: String,
    active: bool,
    pub(super) user_id: Option<Key>,
    created_at: i64,
    pub(super) updated_at: i64,
}

/// A whole row of `clients`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
pub(crate) struct NewClientRow {
    environment_id: Key,
    id: Key,
    client_id: String,
    name: String,
    client_type: &'static str,
    secret_hash: Option<Vec<u8>>,
    redirect_uris: String,
    post_logout_redirect_uris: String,
    backchannel_logout_uri: Option<String>,
    allowed_origins: String,
    jwks: Option<String>,
    jwks_uri: Option<String>,
    id_token_claims: bool,
    grant_types: String,
    token_format: &'static str,
    first_party: bool,
    require_pkce: bool,
    access_token_ttl: Option<i32>,
    organization_usage: &'static str,
    active: bool,
    user_id: Option<Key>,
    created_at: i64,
    updated_at: i64,
}

/// A client about to be registered.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Its id.
    pub id: Id<Client>,
    /// Its public identifier.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// The hash of its secret; confidential clients without keys only.
    pub secret_hash: Option<SecretHash>,
    /// Where it may be returned to.
    pub redirect_uris: Vec<String>,
    /// Where a person may be returned to after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told that a person signed out.
    pub backchannel_logout_uri: Option<String>,
    /// The origins whose scripts may read this environment's answers.
    pub allowed_origins: Vec<String>,
    /// The public keys it proves itself with, a JWK Set in JSON.
    pub jwks: Option<String>,
    /// Where it publishes these keys instead.
    pub jwks_uri: Option<String>,
    /// Whether its ID tokens carry the claims of its scopes.
    pub id_token_claims: bool,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Whether nobody is asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE.
    pub require_pkce: bool,
    /// Its own lifetime for access tokens, in seconds.
    pub access_token_ttl: Option<i32>,
    /// Whether people act for an organization there.
    pub organization_usage: OrganizationUsage,
    /// Whom its client-credentials tokens act for.
    pub user: Option<MachineUser>,
}

/// Whom a machine client acts for.
#[derive(Debug, Clone, Copy)]
pub enum MachineUser {
    /// A service user, made and deleted with the client.
    Service(Id<User>),
    /// A user that exists already.
    Existing(Id<User>),
}

impl TryFrom<ClientRow> for Client {
    type Error = Error;

    fn try_from(row: ClientRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            client_id: row.client_id,
            name: row.name,
            client_type: row.client_type.parse().map_err(broken)?,
            redirect_uris: names(&row.redirect_uris)?,
            post_logout_redirect_uris: names(&row.post_logout_redirect_uris)?,
            backchannel_logout_uri: row.backchannel_logout_uri,
            allowed_origins: names(&row.allowed_origins)?,
            jwks: row.jwks,
            jwks_uri: row.jwks_uri,
            id_token_claims: row.id_token_claims,
            grant_types: grant_types(&row.grant_types)?,
            token_format: row.token_format.parse().map_err(broken)?,
            first_party: row.first_party,
            require_pkce: row.require_pkce,
            access_token_ttl: row.access_token_ttl,
            organization_usage: row.organization_usage.parse().map_err(broken)?,
            active: row.active,
            user_id: row.user_id.map(Key::id),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

/// Reads the grants that are stored as JSON.
pub(crate) fn grant_types(text: &str) -> Result<Vec<GrantType>> {
    names(text)?.iter().map(|name| name.parse().map_err(broken)).collect()
}

pub(super) fn grant_types_json(grants: &[GrantType]) -> String {
    json(grants.iter().map(|grant| grant.as_str()))
}

/// Writes URIs or origins as JSON.
pub(super) fn list(items: &[String]) -> String {
    json(items.iter().map(String::as_str))
}

impl NewClientRow {
    pub(crate) fn new(environment_id: Key, client: NewClient, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: client.id.into(),
            client_id: client.client_id,
            name: client.name,
            client_type: client.client_type.as_str(),
            secret_hash: client.secret_hash.map(|hash| hash.as_bytes().to_vec()),
            redirect_uris: list(&client.redirect_uris),
            post_logout_redirect_uris: list(&client.post_logout_redirect_uris),
            backchannel_logout_uri: client.backchannel_logout_uri,
            allowed_origins: list(&client.allowed_origins),
            jwks: client.jwks,
            jwks_uri: client.jwks_uri,
            id_token_claims: client.id_token_claims,
            grant_types: grant_types_json(&client.grant_types),
            token_format: client.token_format.as_str(),
            first_party: client.first_party,
            require_pkce: client.require_pkce,
            access_token_ttl: client.access_token_ttl,
            organization_usage: client.organization_usage.as_str(),
            active: true,
            user_id: client.user.map(|(MachineUser::Service(id) | MachineUser::Existing(id))| id.into()),
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }
}
