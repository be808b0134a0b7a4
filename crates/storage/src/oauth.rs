//! The engine's store. Each verb is one statement.

use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{Timestamp, scope::Scopes};
use paylent_oauth::{
    crypto::secret::SecretHash,
    store::{Client, Grant, JwtReference, Machine, OpaqueToken, SealedKey, Standing, Store, StoreError, Subject},
};
use serde::Deserialize;

use crate::{
    Env, Error, Result,
    authority::names,
    clients::grant_types,
    error::broken,
    key::Key,
    pool::on,
    schema::{
        access_tokens, clients, denied_tokens, environments, introspection_clients, machines, resource_servers,
        signing_keys, users,
    },
};

/// A client as the engine needs it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = machines)]
struct ClientRow {
    client_id: String,
    client_type: String,
    secret_hash: Option<Vec<u8>>,
    grant_types: String,
    token_format: String,
    access_token_ttl: Option<i32>,
    active: bool,
    generation: i64,
}

/// A whole row of the view `machines`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = machines)]
struct MachineRow {
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
struct AccessTokenRow {
    environment_id: Key,
    token_hash: Vec<u8>,
    client_id: String,
    user_id: Key,
    audience: String,
    scope: String,
    client_generation: i64,
    user_generation: i64,
    issued_at: i64,
    expires_at: Option<i64>,
}

/// How client and user stand, and since when the environment's tokens are valid.
type StandingRow = (bool, i64, Option<bool>, Option<i64>, i64);

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
            active: row.active,
            generation: row.generation,
        })
    }
}

fn hash(bytes: Vec<u8>) -> Result<SecretHash> {
    bytes.try_into().map(SecretHash::from_bytes).map_err(|_| broken("a hash that has not 32 bytes"))
}

impl MachineRow {
    fn read(self, management_api: &str) -> Result<Machine> {
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
        Ok(Machine {
            client: self.client.try_into()?,
            user,
            grants: grants.into_iter().map(|grant| grant.read(management_api)).collect(),
            primary_kid: self.primary_kid,
        })
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
    fn read(self) -> Result<OpaqueToken> {
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
        })
    }
}

fn standing(row: StandingRow, key_active: bool, denied: bool) -> Standing {
    let (client_active, client_generation, user_active, user_generation, not_before) = row;
    Standing {
        client_active,
        client_generation,
        user_active: user_active.unwrap_or(false),
        user_generation: user_generation.unwrap_or(0),
        key_active,
        denied,
        not_before: Timestamp::from_micros(not_before),
    }
}

impl Store for Env {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let (environment, client_id) = (self.key(), client_id.to_owned());
        let row: Option<ClientRow> = on!(self.db, lookup, |c| {
            let named = machines::table
                .filter(machines::environment_id.eq(environment).and(machines::client_id.eq(client_id)))
                .select(ClientRow::as_select());
            Ok::<_, Error>(named.get_result(c).await.optional()?)
        })?;
        Ok(row.map(Client::try_from).transpose()?)
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        let (environment, client_id) = (self.key(), client_id.to_owned());
        let row: Option<MachineRow> = on!(self.db, lookup, |c| {
            let named = machines::table
                .filter(machines::environment_id.eq(environment).and(machines::client_id.eq(client_id)))
                .select(MachineRow::as_select());
            Ok::<_, Error>(named.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|row| row.read(&self.tenant().management_api())).transpose()?)
    }

    async fn signing_key(&self, kid: &str) -> Result<Option<SealedKey>, StoreError> {
        let (environment, kid) = (self.key(), kid.to_owned());
        let row: Option<(String, Vec<u8>)> = on!(self.db, lookup, |c| {
            let named = signing_keys::table
                .filter(signing_keys::environment_id.eq(environment).and(signing_keys::kid.eq(kid)))
                .select((signing_keys::kid, signing_keys::sealed_private_key));
            Ok::<_, Error>(named.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(kid, sealed)| SealedKey { kid, sealed }))
    }

    async fn active_public_keys(&self) -> Result<Vec<String>, StoreError> {
        let environment = self.key();
        Ok(on!(self.db, lookup, |c| {
            let active = signing_keys::table
                .filter(signing_keys::environment_id.eq(environment).and(signing_keys::status.eq("active")))
                .order(signing_keys::id.desc())
                .select(signing_keys::public_jwk);
            Ok::<_, Error>(active.load::<String>(c).await?)
        })?)
    }

    async fn save_access_token(&self, token: OpaqueToken) -> Result<(), StoreError> {
        let row = AccessTokenRow {
            environment_id: self.key(),
            token_hash: token.hash.as_bytes().to_vec(),
            client_id: token.client_id,
            user_id: token.user_id.into(),
            audience: token.audience,
            scope: token.scopes.to_string(),
            client_generation: token.client_generation,
            user_generation: token.user_generation,
            issued_at: token.issued_at.micros(),
            expires_at: token.expires_at.map(Timestamp::micros),
        };
        Ok(on!(self.db, write, |c| {
            row.insert_into(access_tokens::table).execute(c).await?;
            Ok::<_, Error>(())
        })?)
    }

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        let row: Option<(AccessTokenRow, StandingRow)> = on!(self.db, lookup, |c| {
            let found = access_tokens::table
                .inner_join(environments::table.on(environments::id.eq(access_tokens::environment_id)))
                .inner_join(
                    clients::table.on(clients::environment_id
                        .eq(environment)
                        .and(clients::client_id.eq(access_tokens::client_id))),
                )
                .left_join(
                    users::table.on(users::environment_id.eq(environment).and(users::id.eq(access_tokens::user_id))),
                )
                .filter(access_tokens::environment_id.eq(environment).and(access_tokens::token_hash.eq(hash)))
                .select((
                    AccessTokenRow::as_select(),
                    (
                        clients::active,
                        clients::generation,
                        users::active.nullable(),
                        users::generation.nullable(),
                        environments::not_before,
                    ),
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(token, status)| Ok::<_, Error>((token.read()?, standing(status, true, false)))).transpose()?)
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        let (environment, user) = (self.key(), Key::from(token.user_id));
        let (kid, jti, client_id) = (token.kid.to_owned(), token.jti.to_owned(), token.client_id.to_owned());
        let row: Option<(StandingRow, bool, bool)> = on!(self.db, lookup, |c| {
            let key_active = exists(
                signing_keys::table.filter(
                    signing_keys::environment_id
                        .eq(environment)
                        .and(signing_keys::kid.eq(kid))
                        .and(signing_keys::status.eq("active")),
                ),
            );
            let denied = exists(denied_tokens::table.find((environment, jti)));
            let found = environments::table
                .inner_join(clients::table.on(clients::environment_id.eq(environments::id)))
                .left_join(users::table.on(users::environment_id.eq(environments::id).and(users::id.eq(user))))
                .filter(environments::id.eq(environment).and(clients::client_id.eq(client_id)))
                .select((
                    (
                        clients::active,
                        clients::generation,
                        users::active.nullable(),
                        users::generation.nullable(),
                        environments::not_before,
                    ),
                    key_active,
                    denied,
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(status, key_active, denied)| standing(status, key_active, denied)))
    }

    async fn delete_access_token(&self, hash: &SecretHash) -> Result<(), StoreError> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        Ok(on!(self.db, write, |c| {
            diesel::delete(access_tokens::table.find((environment, hash))).execute(c).await?;
            Ok::<_, Error>(())
        })?)
    }

    async fn deny_jwt(&self, jti: &str, until: Timestamp) -> Result<(), StoreError> {
        let row = (
            denied_tokens::environment_id.eq(self.key()),
            denied_tokens::jti.eq(jti.to_owned()),
            denied_tokens::expires_at.eq(until.micros()),
        );
        Ok(on!(self.db, write, |c| {
            diesel::insert_into(denied_tokens::table).values(row).on_conflict_do_nothing().execute(c).await?;
            Ok::<_, Error>(())
        })?)
    }

    async fn may_introspect(&self, client_id: &str, audience: &str) -> Result<bool, StoreError> {
        let (environment, client_id, audience) = (self.key(), client_id.to_owned(), audience.to_owned());
        let management_api = audience == self.tenant().management_api();
        Ok(on!(self.db, lookup, |c| {
            let here = resource_servers::table.filter(resource_servers::environment_id.eq(environment));
            let server = match management_api {
                true => here.filter(resource_servers::system.eq(true)).into_boxed(),
                false => here.filter(resource_servers::identifier.eq(audience)).into_boxed(),
            };
            let client = clients::environment_id.eq(environment).and(clients::client_id.eq(client_id));
            let client = clients::table.filter(client).select(clients::id);
            let allowed = introspection_clients::table
                .filter(introspection_clients::environment_id.eq(environment))
                .filter(introspection_clients::resource_server_id.eq_any(server.select(resource_servers::id)))
                .filter(introspection_clients::client_id.eq_any(client));
            Ok::<_, Error>(diesel::select(exists(allowed)).get_result::<bool>(c).await?)
        })?)
    }
}
