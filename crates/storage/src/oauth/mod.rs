//! The engine's store. Each verb is one unit of work.

mod authorize;
mod codes;
mod connect;
mod members;
mod ownership;
mod parties;
mod refresh;
mod rows;

use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, organization::Organization, scope::Scopes, session::Session, user::User};
use paylent_oauth::{
    crypto::secret::SecretHash,
    store::{
        Application, AuthorizationCode, Belonging, Client, Connected, Consenting, EndedSession, Exchange, Exchanged,
        Family, JwtReference, Kept, Machine, Member, NewStaticToken, OpaqueToken, PresentedCode, PresentedRefreshToken,
        Profile, Rotated, Rotation, SealedKey, Standing, Store, StoreError, Use, Violation,
    },
};

pub(crate) use self::members::end_acting;
pub(crate) use self::rows::AccessTokenRow;
use self::{
    ownership::{ConnectedRow, OwnershipRow, owned},
    parties::AudienceRow,
    rows::{ClientRow, MachineRow, StandingRow, standing},
};
use crate::{
    Env, Error,
    key::Key,
    pool::on,
    schema::{
        access_tokens, applications, audiences, clients, connections, denied_tokens, environments,
        introspection_clients, machines, resource_servers, signing_keys, token_families, users,
    },
};

impl Store for Env {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        let (environment, client_id) = (self.key(), client_id.to_owned());
        let row: Option<(ClientRow, Option<OwnershipRow>)> = on!(self.db, lookup, |c| {
            let named = machines::table
                .left_join(
                    applications::table
                        .on(applications::environment_id.eq(environment).and(applications::id.eq(machines::id))),
                )
                .filter(machines::environment_id.eq(environment).and(machines::client_id.eq(client_id)))
                .select((ClientRow::as_select(), Option::<OwnershipRow>::as_select()));
            Ok::<_, Error>(named.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(client, application)| owned(client.try_into()?, application)).transpose()?)
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        let (environment, client_id) = (self.key(), client_id.to_owned());
        type Row = (MachineRow, Option<OwnershipRow>, Option<AudienceRow>);
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let named = machines::table
                .left_join(
                    applications::table
                        .on(applications::environment_id.eq(environment).and(applications::id.eq(machines::id))),
                )
                .left_join(
                    audiences::table.on(audiences::environment_id
                        .eq(environment)
                        .and(audiences::id.nullable().eq(applications::resource_server_id.nullable()))),
                )
                .filter(machines::environment_id.eq(environment).and(machines::client_id.eq(client_id)))
                .select((
                    MachineRow::as_select(),
                    Option::<OwnershipRow>::as_select(),
                    Option::<AudienceRow>::as_select(),
                ));
            Ok::<_, Error>(named.get_result(c).await.optional()?)
        })?;
        let management_api = self.tenant().management_api();
        Ok(row.map(|(row, application, server)| row.read(application.zip(server), &management_api)).transpose()?)
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
        let row = AccessTokenRow::new(self.key(), token);
        Ok(on!(self.db, write, |c| {
            row.insert_into(access_tokens::table).execute(c).await?;
            Ok::<_, Error>(())
        })?)
    }

    async fn save_static_token(&self, token: NewStaticToken) -> Result<Kept, StoreError> {
        Ok(self.keep_static_token(token).await?)
    }

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        let (environment, hash) = (self.key(), hash.as_bytes().to_vec());
        type Row = (AccessTokenRow, StandingRow, Option<i64>, Option<Key>, Option<OwnershipRow>, Option<ConnectedRow>);
        let row: Option<Row> = on!(self.db, lookup, |c| {
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
                .left_join(
                    token_families::table.on(token_families::environment_id
                        .eq(environment)
                        .and(token_families::id.nullable().eq(access_tokens::family_id))),
                )
                .left_join(
                    applications::table
                        .on(applications::environment_id.eq(environment).and(applications::id.eq(clients::id))),
                )
                .left_join(
                    connections::table.on(connections::environment_id
                        .eq(environment)
                        .and(connections::id.nullable().eq(token_families::connection_id.nullable()))),
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
                    token_families::revoked_at.nullable(),
                    token_families::id.nullable(),
                    Option::<OwnershipRow>::as_select(),
                    Option::<ConnectedRow>::as_select(),
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        let read = |(token, status, revoked_at, family, application, connection): Row| {
            let token = token.read()?;
            let dead = token.family_id.is_some() && (family.is_none() || revoked_at.is_some());
            let ownership = application.map(OwnershipRow::read).transpose()?;
            let connection = connection.map(Connected::from);
            Ok::<_, Error>((token, Standing { ownership, connection, ..standing(status, dead, true, false) }))
        };
        Ok(row.map(read).transpose()?)
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        let (environment, user) = (self.key(), Key::from(token.user_id));
        let (kid, jti, client_id) = (token.kid.to_owned(), token.jti.to_owned(), token.client_id.to_owned());
        let family = token.family_id.map(Key::from);
        let row: Option<(StandingRow, bool, bool, bool)> = on!(self.db, lookup, |c| {
            let key_active = exists(
                signing_keys::table.filter(
                    signing_keys::environment_id
                        .eq(environment)
                        .and(signing_keys::kid.eq(kid))
                        .and(signing_keys::status.eq("active")),
                ),
            );
            let denied = exists(denied_tokens::table.find((environment, jti)));
            let family_lives = exists(
                token_families::table.filter(
                    token_families::environment_id
                        .eq(environment)
                        .and(token_families::id.nullable().eq(family))
                        .and(token_families::revoked_at.is_null()),
                ),
            );
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
                    family_lives,
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(status, key_active, denied, lives)| {
            standing(status, family.is_some() && !lives, key_active, denied)
        }))
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

    async fn application(&self, client_id: &str, resource: Option<&str>) -> Result<Option<Application>, StoreError> {
        Ok(self.find_application(client_id, resource).await?)
    }

    async fn consent(&self, consenting: Consenting<'_>) -> Result<Option<Scopes>, StoreError> {
        Ok(self.find_consent(consenting).await?)
    }

    async fn save_code(&self, code: AuthorizationCode, asked: Option<Scopes>) -> Result<bool, StoreError> {
        Ok(self.keep_code(code, asked).await?)
    }

    async fn code(&self, hash: &SecretHash) -> Result<Option<PresentedCode>, StoreError> {
        Ok(self.presented_code(hash).await?)
    }

    async fn wrong_verifier(&self, hash: &SecretHash) -> Result<(), StoreError> {
        Ok(self.count_wrong_verifier(hash).await?)
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        Ok(self.exchange_code(exchange).await?)
    }

    async fn refresh_token(&self, hash: &SecretHash) -> Result<Option<PresentedRefreshToken>, StoreError> {
        Ok(self.presented_refresh_token(hash).await?)
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        Ok(self.rotate_refresh_token(rotation).await?)
    }

    async fn revoke_family(&self, id: Id<Family>, at: Timestamp) -> Result<(), StoreError> {
        Ok(self.kill_family(id, at).await?)
    }

    async fn profile(&self, user_id: Id<User>) -> Result<Option<Profile>, StoreError> {
        Ok(self.find_profile(user_id).await?)
    }

    async fn belongings(&self, user_id: Id<User>) -> Result<Vec<Belonging>, StoreError> {
        Ok(self.find_belongings(user_id).await?)
    }

    async fn member(&self, user_id: Id<User>, organization_id: Id<Organization>) -> Result<Option<Member>, StoreError> {
        Ok(self.find_member(user_id, organization_id).await?)
    }

    async fn report(&self, violation: Violation) -> Result<(), StoreError> {
        Ok(self.report_violation(violation).await?)
    }

    fn note_use(&self, used: Use) {
        self.db.uses().note(self.key(), used);
    }

    async fn end_session(&self, id: Id<Session>, at: Timestamp) -> Result<Option<EndedSession>, StoreError> {
        Ok(self.sign_out(id, at).await?)
    }

    async fn use_assertion(&self, client_id: &str, jti: &str, until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.note_assertion(client_id, jti, until).await?)
    }
}
