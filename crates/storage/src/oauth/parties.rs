//! All that the tokens of one person at one client depend on, read with the code or refresh token that was presented.

use diesel::prelude::*;
use paylent_domain::{Timestamp, session::ends_at};
use paylent_oauth::store::{Client, DescribedScope, Parties, Profile, ResourceServer, Subject};
use serde::Deserialize;

use super::{
    ownership::{OwnershipRow, owned},
    rows::hash,
};
use crate::{
    Error, Result,
    authority::names,
    clients::grant_types,
    error::broken,
    key::Key,
    schema::{audiences, parties},
};

/// A whole row of the view `parties`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = parties)]
pub(super) struct PartiesRow {
    client_id: String,
    user_id: Key,
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
    user_active: bool,
    user_generation: i64,
    roles: String,
    permissions: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    email_verified: bool,
    profile_updated_at: i64,
    primary_kid: Option<String>,
    not_before: i64,
    locale: Option<String>,
}

/// A row of the view `audiences`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audiences)]
pub(super) struct AudienceRow {
    identifier: Option<String>,
    token_ttl: i32,
    allow_offline_access: bool,
    scopes: String,
}

/// A scope as the view `audiences` writes it.
#[derive(Deserialize)]
struct ScopeJson {
    name: String,
    description: Option<String>,
}

/// When a session expires, when it was used last and whether it was ended, if it is there; and for how many seconds it
/// may be unused.
pub(super) type SessionEnd = (Option<(i64, i64, Option<i64>)>, i64);

impl AudienceRow {
    pub(super) fn read(self, management_api: &str) -> Result<ResourceServer> {
        let scopes: Vec<ScopeJson> = serde_json::from_str(&self.scopes).map_err(broken)?;
        let described = |scope: ScopeJson| DescribedScope { name: scope.name, description: scope.description };
        Ok(ResourceServer {
            identifier: self.identifier.unwrap_or_else(|| management_api.to_owned()),
            token_ttl: self.token_ttl,
            allow_offline_access: self.allow_offline_access,
            scopes: scopes.into_iter().map(described).collect(),
        })
    }
}

impl PartiesRow {
    pub(super) fn read(
        self,
        (session, idle_ttl): SessionEnd,
        audience: Option<AudienceRow>,
        application: Option<OwnershipRow>,
        management_api: &str,
    ) -> Result<Parties, Error> {
        let client = Client {
            client_id: self.client_id,
            client_type: self.client_type.parse().map_err(broken)?,
            secret_hash: self.secret_hash.map(hash).transpose()?,
            grant_types: grant_types(&self.grant_types)?,
            token_format: self.token_format.parse().map_err(broken)?,
            access_token_ttl: self.access_token_ttl,
            jwks: self.jwks,
            jwks_uri: self.jwks_uri,
            id_token_claims: self.id_token_claims,
            active: self.active,
            generation: self.generation,
            previous_secret: None,
            ownership: None,
        };
        let subject = Subject {
            id: self.user_id.id(),
            active: self.user_active,
            generation: self.user_generation,
            roles: names(&self.roles)?,
            permissions: names(&self.permissions)?,
        };
        let profile = Profile {
            given_name: self.first_name,
            family_name: self.last_name,
            email: self.email,
            email_verified: self.email_verified,
            locale: self.locale,
            updated_at: Timestamp::from_micros(self.profile_updated_at),
        };
        let session_expires_at = match session {
            Some((expires_at, used_at, None)) => {
                Some(ends_at(Timestamp::from_micros(expires_at), Timestamp::from_micros(used_at), idle_ttl))
            }
            Some((.., Some(_))) | None => None,
        };
        Ok(Parties {
            client: owned(client, application)?,
            subject,
            profile,
            session_expires_at,
            resource: audience.map(|row| row.read(management_api)).transpose()?,
            primary_kid: self.primary_kid,
            not_before: Timestamp::from_micros(self.not_before),
        })
    }
}
