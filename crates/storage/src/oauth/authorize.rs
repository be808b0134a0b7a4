//! What the authorization endpoint and its pages ask: applications, consents, people.

use diesel::{prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    user::User,
};
use paylent_oauth::store::{Application, Client, Profile};

use super::{
    ownership::{OwnershipRow, owned},
    parties::AudienceRow,
    rows::hash,
};
use crate::{
    Env, Error, Result,
    audit::entry,
    authority::names,
    clients::grant_types,
    connections::end_connection,
    error::broken,
    key::Key,
    pool::on,
    schema::{
        applications, audiences, audit_events, authorities, authorization_codes, clients, connections, consents,
        organizations, token_families, used_assertions, users,
    },
};

/// A client as authorization needs it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
struct ApplicationRow {
    client_id: String,
    name: String,
    client_type: String,
    secret_hash: Option<Vec<u8>>,
    redirect_uris: String,
    grant_types: String,
    token_format: String,
    first_party: bool,
    require_pkce: bool,
    organization_usage: String,
    access_token_ttl: Option<i32>,
    active: bool,
    generation: i64,
    post_logout_redirect_uris: String,
    backchannel_logout_uri: Option<String>,
    jwks: Option<String>,
    jwks_uri: Option<String>,
    id_token_claims: bool,
}

impl ApplicationRow {
    fn read(self, audience: Option<AudienceRow>, management_api: &str) -> Result<Application> {
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
        Ok(Application {
            client,
            name: self.name,
            organization: None,
            first_party: self.first_party,
            require_pkce: self.require_pkce,
            organization_usage: self.organization_usage.parse().map_err(broken)?,
            redirect_uris: names(&self.redirect_uris)?,
            post_logout_redirect_uris: names(&self.post_logout_redirect_uris)?,
            backchannel_logout_uri: self.backchannel_logout_uri,
            resource: audience.map(|row| row.read(management_api)).transpose()?,
        })
    }
}

impl Env {
    pub(super) async fn find_application(
        &self,
        client_id: &str,
        resource: Option<&str>,
    ) -> Result<Option<Application>> {
        let (environment, client_id) = (self.key(), client_id.to_owned());
        let management_api = self.tenant().management_api();
        let is_this = resource == Some(management_api.as_str());
        let identifier = resource.filter(|_| !is_this).map(str::to_owned);
        type Row = (ApplicationRow, Option<AudienceRow>, Option<OwnershipRow>, Option<String>);
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let this = audiences::system.eq(true).and(is_this.into_sql::<Bool>());
            let asked = audiences::identifier.eq(identifier).or(this.nullable());
            // An application of an organization is for its own API, whatever was asked about.
            let its_own = audiences::id.nullable().eq(applications::resource_server_id.nullable());
            let asked = applications::id.nullable().is_null().and(asked).or(its_own);
            let application = applications::environment_id.eq(environment).and(applications::id.eq(clients::id));
            let organization = organizations::environment_id
                .eq(environment)
                .and(organizations::id.nullable().eq(applications::organization_id.nullable()));
            let found = clients::table
                .left_join(applications::table.on(application))
                .left_join(organizations::table.on(organization))
                .left_join(audiences::table.on(audiences::environment_id.eq(environment).and(asked)))
                .filter(clients::environment_id.eq(environment).and(clients::client_id.eq(client_id)))
                .select((
                    ApplicationRow::as_select(),
                    Option::<AudienceRow>::as_select(),
                    Option::<OwnershipRow>::as_select(),
                    organizations::name.nullable(),
                ));
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        let read = |(row, audience, ownership, organization): Row| {
            let application = row.read(audience, &management_api)?;
            let client = owned(application.client, ownership)?;
            Ok(Application { client, organization, ..application })
        };
        row.map(read).transpose()
    }

    /// Takes back what a person agreed to let a client do: what the client was given dies with it, codes and all. `false`
    /// when there is no such client or person, or there was nothing to take back.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn withdraw_consent(&self, user_id: Id<User>, client_id: &str, by: &Context) -> Result<bool> {
        let (environment, user, client, by) = (self.key(), Key::from(user_id), client_id.to_owned(), by.clone());
        on!(self.db, transaction, |c| {
            let named = clients::environment_id.eq(environment).and(clients::client_id.eq(client.clone()));
            let named = clients::table.filter(named).select((clients::id, clients::name)).get_result(c).await;
            let named: Option<(Key, String)> = named.optional()?;
            let name = authorities::table.find((environment, user)).select(authorities::name).get_result(c).await;
            let name: Option<String> = name.optional()?;
            let (Some((client_key, client_name)), Some(name)) = (named, name) else { return Ok(false) };
            let agreed = consents::environment_id
                .eq(environment)
                .and(consents::user_id.eq(user))
                .and(consents::client_id.eq(client.clone()));
            let mut taken = diesel::delete(consents::table.filter(agreed)).execute(c).await?;
            let own = connections::environment_id
                .eq(environment)
                .and(connections::user_id.eq(user))
                .and(connections::application_id.eq(client_key));
            let own: Vec<Key> = connections::table.filter(own).select(connections::id).load(c).await?;
            for connection in own {
                taken += usize::from(end_connection!(c, environment, connection, by).is_some());
            }
            let codes = authorization_codes::environment_id
                .eq(environment)
                .and(authorization_codes::user_id.eq(user))
                .and(authorization_codes::client_id.eq(client.clone()));
            taken += diesel::delete(authorization_codes::table.filter(codes)).execute(c).await?;
            let families = token_families::environment_id
                .eq(environment)
                .and(token_families::user_id.eq(user))
                .and(token_families::client_id.eq(client))
                .and(token_families::revoked_at.is_null());
            let revoke = token_families::revoked_at.eq(by.at.micros());
            taken += diesel::update(token_families::table.filter(families)).set(revoke).execute(c).await?;
            if taken > 0 {
                let event = Event::new("consent.withdrawn", "user", user_id, &name);
                let event = event.and("client", client_key.id::<Client>(), &client_name);
                entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            }
            Ok(taken > 0)
        })
    }

    pub(super) async fn find_profile(&self, user_id: Id<User>) -> Result<Option<Profile>> {
        let (environment, id) = (self.key(), Key::from(user_id));
        type Row = (Option<String>, Option<String>, Option<String>, bool, Option<String>, i64);
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let columns = (
                users::first_name,
                users::last_name,
                users::email,
                users::email_verified,
                users::locale,
                users::updated_at,
            );
            let found = users::table.find((environment, id)).select(columns);
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(given_name, family_name, email, email_verified, locale, updated_at)| Profile {
            given_name,
            family_name,
            email,
            email_verified,
            locale,
            updated_at: Timestamp::from_micros(updated_at),
        }))
    }

    pub(super) async fn note_assertion(&self, client_id: &str, jti: &str, until: Timestamp) -> Result<bool> {
        let row = (
            used_assertions::environment_id.eq(self.key()),
            used_assertions::client_id.eq(client_id.to_owned()),
            used_assertions::jti.eq(jti.to_owned()),
            used_assertions::expires_at.eq(until.micros()),
        );
        on!(self.db, write, |c| {
            let insert = diesel::insert_into(used_assertions::table).values(row).on_conflict_do_nothing();
            Ok::<_, Error>(insert.execute(c).await? == 1)
        })
    }
}
