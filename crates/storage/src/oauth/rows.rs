//! Rows of what tokens depend on.

use diesel::prelude::*;
use paylent_domain::{Timestamp, scope::Scopes};
use paylent_oauth::{
    crypto::secret::SecretHash,
    store::{Client, Grant, Machine, OpaqueToken, Standing, Subject},
};
use serde::Deserialize;

use super::{ownership::OwnershipRow, parties::AudienceRow};
use crate::{
    Error, Result,
    authority::names,
    clients::grant_types,
    error::broken,
    key::Key,
    schema::{access_tokens, machines},
};

/// A client as the engine needs it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = machines)]
pub(super) struct ClientRow {
    client_id: String,
    client_type: String,
    secret_hash: Option<Vec<u8>>,
    grant_types: String,
    token_format: String,
    access_token_ttl: Option<i32>,
    jwks: Option<String>,
    jwks_uri: Option<String>,
    id_token_claims: bool,
    active: bool,
    generation: i64,
}

/// A whole row of the view `machines`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = machines)]
pub(super) struct MachineRow {
    #[diesel(embed)]
    client: ClientRow,
    user_id: Option<Key>,
    user_active: Option<bool>,
    user_generation: Option<i64>,
    roles: Option<String>,
    permissions: Option<String>,
    primary_kid: Option<String>,
    grants: String,
}

/// A grant as the view `machines` writes it.
#[derive(Deserialize)]
struct GrantJson {
    identifier: Option<String>,
    token_ttl: i32,
    scopes: Vec<String>,
    allowed_scopes: Option<Vec<String>>,
}

/// A row of `access_tokens`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = access_tokens, treat_none_as_default_value = false)]
pub(crate) struct AccessTokenRow {
    environment_id: Key,
    pub(crate) token_hash: Vec<u8>,
    client_id: String,
    user_id: Key,
    audience: String,
    pub(crate) scope: String,
    client_generation: i64,
    user_generation: i64,
    pub(crate) issued_at: i64,
    pub expires_at: Option<i64>,
    family_id: Option<Key>,
    organization_id: Option<Key>,
}

/// How client and user stand, and since when the environment's tokens are valid.
pub(super) type StandingRow = (bool, i64, Option<bool>, Option<i64>, i64);

impl TryFrom<ClientRow> for Client {
    type Error = Error;

    fn try_from(row: ClientRow) -> Result<Self> {
        Ok(Self {
            client_id: row.client_id,
            client_type: row.client_type.parse().map_err(broken)?,
            secret_hash: row.secret_hash.map(hash).transpose()?,
            grant_types: grant_types(&row.grant_types)?,
            token_format: row.token_format.parse().map_err(broken)?,
            access_token_ttl: row.access_token_ttl,
            jwks: row.jwks,
            jwks_uri: row.jwks_uri,
            id_token_claims: row.id_token_claims,
            active: row.active,
            generation: row.generation,
            previous_secret: None,
            ownership: None,
        })
    }
}

pub(super) fn hash(bytes: Vec<u8>) -> Result<SecretHash> {
    bytes.try_into().map(SecretHash::from_bytes).map_err(|_| broken("a hash that has not 32 bytes"))
}

impl MachineRow {
    /// The machine; an application's only grant is that for the API it is for.
    pub(super) fn read(self, owned: Option<(OwnershipRow, AudienceRow)>, management_api: &str) -> Result<Machine> {
        let user = match (self.user_id, self.user_active, self.user_generation, self.roles, self.permissions) {
            (Some(id), Some(active), Some(generation), Some(roles), Some(permissions)) => Some(Subject {
                id: id.id(),
                active,
                generation,
                roles: names(&roles)?,
                permissions: names(&permissions)?,
            }),
            _ => None,
        };
        let grants: Vec<GrantJson> = serde_json::from_str(&self.grants).map_err(broken)?;
        let (client, primary_kid) = (Client::try_from(self.client)?, self.primary_kid);
        let Some((ownership, audience)) = owned else {
            let grants = grants.into_iter().map(|grant| grant.read(management_api)).collect();
            return Ok(Machine { client, user, grants, primary_kid });
        };
        let (client, server) = (ownership.own(client)?, audience.read(management_api)?);
        let grant = Grant {
            resource: server.identifier,
            token_ttl: server.token_ttl,
            scopes: server.scopes.into_iter().map(|scope| scope.name).collect(),
            allowed_scopes: client.ownership.as_ref().map(|ownership| ownership.permissions.clone()),
        };
        Ok(Machine { client, user, grants: vec![grant], primary_kid })
    }
}

impl GrantJson {
    fn read(self, management_api: &str) -> Grant {
        Grant {
            resource: self.identifier.unwrap_or_else(|| management_api.to_owned()),
            token_ttl: self.token_ttl,
            scopes: self.scopes.into_iter().collect(),
            allowed_scopes: self.allowed_scopes.map(Scopes::from_iter),
        }
    }
}

impl AccessTokenRow {
    pub(crate) fn new(environment_id: Key, token: OpaqueToken) -> Self {
        Self {
            environment_id,
            token_hash: token.hash.as_bytes().to_vec(),
            client_id: token.client_id,
            user_id: token.user_id.into(),
            audience: token.audience,
            scope: token.scopes.to_string(),
            client_generation: token.client_generation,
            user_generation: token.user_generation,
            issued_at: token.issued_at.micros(),
            expires_at: token.expires_at.map(Timestamp::micros),
            family_id: token.family_id.map(Key::from),
            organization_id: token.organization_id.map(Key::from),
        }
    }

    pub(super) fn read(self) -> Result<OpaqueToken> {
        Ok(OpaqueToken {
            hash: hash(self.token_hash)?,
            client_id: self.client_id,
            user_id: self.user_id.id(),
            audience: self.audience,
            scopes: Scopes::stored(&self.scope),
            issued_at: Timestamp::from_micros(self.issued_at),
            expires_at: self.expires_at.map(Timestamp::from_micros),
            client_generation: self.client_generation,
            user_generation: self.user_generation,
            family_id: self.family_id.map(Key::id),
            organization_id: self.organization_id.map(Key::id),
        })
    }
}

/// The standing of a signed token, or that of an opaque one of a client that nobody owns.
pub(super) fn standing(row: StandingRow, family_revoked: bool, key_active: bool, denied: bool) -> Standing {
    let (client_active, client_generation, user_active, user_generation, not_before) = row;
    Standing {
        client_active,
        client_generation,
        user_active: user_active.unwrap_or(false),
        user_generation: user_generation.unwrap_or(0),
        key_active,
        denied,
        family_revoked,
        not_before: Timestamp::from_micros(not_before),
        ownership: None,
        connection: None,
    }
}
