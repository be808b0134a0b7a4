//! The APIs of an environment that tokens are for. One is the Management API, which cannot be changed.

use diesel::{dsl::auto_type, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    application::ApplicationGrant,
    audit::{Context, Event},
    resource_server::ResourceServer,
    scope::Scopes,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    audit::entry,
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    schema::{applications, audit_events, client_grants, clients, resource_servers, scopes},
    scopes::{ScopeRow, refuse_too_many},
};

/// A row of `resource_servers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resource_servers, treat_none_as_default_value = false)]
pub(crate) struct ResourceServerRow {
    pub environment_id: Key,
    pub id: Key,
    pub name: String,
    pub identifier: Option<String>,
    pub token_ttl: i32,
    pub allow_offline_access: bool,
    pub system: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A resource server about to be made, with its scopes.
#[derive(Debug, Clone)]
pub struct NewResourceServer {
    /// Its id.
    pub id: Id<ResourceServer>,
    /// What people call it.
    pub name: String,
    /// The audience of its tokens.
    pub identifier: String,
    /// How long its access tokens live, in seconds.
    pub token_ttl: i32,
    /// Whether refresh tokens may be issued for it.
    pub allow_offline_access: bool,
    /// Its scopes.
    pub scopes: Scopes,
}

/// What to change about a resource server; `None` leaves it as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = resource_servers)]
pub struct ResourceServerChange {
    /// What people call it.
    pub name: Option<String>,
    /// How long its access tokens live, in seconds.
    pub token_ttl: Option<i32>,
    /// Whether refresh tokens may be issued for it.
    pub allow_offline_access: Option<bool>,
}

/// Which resource servers to list.
#[derive(Debug, Clone, Default)]
pub struct ResourceServerFilter {
    /// Only the one of this identifier.
    pub identifier: Option<String>,
    /// Only the Management API, or only the others.
    pub system: Option<bool>,
}

impl From<ResourceServerRow> for ResourceServer {
    fn from(row: ResourceServerRow) -> Self {
        Self {
            id: row.id.id(),
            name: row.name,
            identifier: row.identifier,
            token_ttl: row.token_ttl,
            allow_offline_access: row.allow_offline_access,
            system: row.system,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

/// Locks the resource server that `$which` selects, and reads it. Whoever else writes it, its scopes or its clients waits.
macro_rules! lock_server {
    ($c:ident, $environment:expr, $which:expr) => {{
        use $crate::{resource_servers::ResourceServerRow, schema::resource_servers};
        let server = resource_servers::table.filter(resource_servers::environment_id.eq($environment).and($which));
        let server: Option<ResourceServerRow> = diesel::update(server)
            .set(resource_servers::updated_at.eq(resource_servers::updated_at))
            .returning(ResourceServerRow::as_returning())
            .get_result($c)
            .await
            .optional()?;
        server
    }};
}
pub(crate) use lock_server;

impl ResourceServerRow {
    /// Refuses to write the Management API.
    pub(crate) fn refuse_system(&self) -> Result<()> {
        if self.system { Err(Error::Refused(Refusal::System)) } else { Ok(()) }
    }
}

impl Env {
    /// The resource servers that match. The identifier of the Management API is one of the environment's addresses.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn resource_servers(&self, filter: ResourceServerFilter, page: Page) -> Result<Listed<ResourceServer>> {
        let environment = self.key();
        let rows: (Vec<ResourceServerRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query =
                    resource_servers::table.filter(resource_servers::environment_id.eq(environment)).into_boxed();
                if let Some(identifier) = filter.identifier.clone() {
                    query = query.filter(resource_servers::identifier.eq(identifier));
                }
                if let Some(system) = filter.system {
                    query = query.filter(resource_servers::system.eq(system));
                }
                query
            };
            let columns = ResourceServerRow::as_select();
            page!(c, page, resource_servers::id, resource_servers::name, columns, matching())
        })?;
        Listed::of(rows, |row| Ok(ResourceServer::from(row)))
    }

    /// The resource server of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn resource_server(&self, id: Id<ResourceServer>) -> Result<Option<ResourceServer>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ResourceServerRow> = on!(self.db, lookup, |c| {
            let row = resource_servers::table
                .find((environment, id))
                .select(ResourceServerRow::as_select())
                .get_result(c)
                .await;
            Ok::<_, Error>(row.optional()?)
        })?;
        Ok(row.map(ResourceServer::from))
    }

    /// Makes a resource server with its scopes.
    ///
    /// # Errors
    /// `Conflict` when the identifier is taken; `Refused` with more than 1000 scopes.
    pub async fn create_resource_server(&self, new: NewResourceServer, by: &Context) -> Result<ResourceServer> {
        let (environment, at) = (self.key(), by.at);
        let audit =
            entry(environment, by, &Event::new("resource_server.created", "resource_server", new.id, &new.name))?;
        let key = Key::from(new.id);
        let names =
            new.scopes.iter().map(|name| ScopeRow::new(environment, key, name, at)).collect::<Result<Vec<_>>>()?;
        refuse_too_many(i64::try_from(names.len()).unwrap_or(i64::MAX))?;
        let row = ResourceServerRow {
            environment_id: environment,
            id: key,
            name: new.name,
            identifier: Some(new.identifier),
            token_ttl: new.token_ttl,
            allow_offline_access: new.allow_offline_access,
            system: false,
            created_at: at.micros(),
            updated_at: at.micros(),
        };
        let row: ResourceServerRow = on!(self.db, transaction, |c| {
            row.clone().insert_into(resource_servers::table).execute(c).await?;
            for name in names {
                name.insert_into(scopes::table).execute(c).await?;
            }
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Changes a resource server. `None` when there is no such resource server.
    ///
    /// # Errors
    /// `Refused` for the Management API, when it would forbid refresh tokens that applications need, and when it is not as
    /// expected.
    pub async fn update_resource_server(
        &self,
        id: Id<ResourceServer>,
        change: ResourceServerChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<ResourceServer>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let Some(before) = lock_server!(c, environment, resource_servers::id.eq(key)) else { return Ok(None) };
            before.refuse_system()?;
            expected.check(before.updated_at)?;
            if change.allow_offline_access == Some(false) {
                let connected = applications::grant_type.eq(ApplicationGrant::AuthorizationCode.as_str());
                let connected = used_by(environment, key).filter(connected).count();
                if connected.get_result::<i64>(c).await? > 0 {
                    return Err(Error::Refused(Refusal::NeededRefreshTokens));
                }
            }
            let at = by.at.after(Timestamp::from_micros(before.updated_at));
            let after: ResourceServerRow = diesel::update(resource_servers::table.find((environment, key)))
                .set((change, resource_servers::updated_at.eq(at.micros())))
                .returning(ResourceServerRow::as_returning())
                .get_result(c)
                .await?;
            entry(environment, &by, &updated(&before, &after))?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(ResourceServer::from(after)))
        })
    }

    /// Deletes a resource server with its scopes and its grants, and says whether there was one. Tokens that were issued
    /// live on until they expire.
    ///
    /// # Errors
    /// `Refused` for the Management API, while applications are for it, and when it is not as expected.
    pub async fn delete_resource_server(
        &self,
        id: Id<ResourceServer>,
        expected: &Expected,
        by: &Context,
    ) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            // Before its grants are read: none is made meanwhile.
            let Some(server) = lock_server!(c, environment, resource_servers::id.eq(key)) else { return Ok(false) };
            server.refuse_system()?;
            if used_by(environment, key).count().get_result::<i64>(c).await? > 0 {
                return Err(Error::Refused(Refusal::UsedByApplications));
            }
            let granted = client_grants::environment_id.eq(environment).and(client_grants::resource_server_id.eq(key));
            let granted = client_grants::table.filter(granted).select(client_grants::client_id);
            let holders: Vec<Key> = granted.load(c).await?;
            let gone: Option<ResourceServerRow> = diesel::delete(resource_servers::table.find((environment, key)))
                .returning(ResourceServerRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            let these = clients::environment_id.eq(environment).and(clients::id.eq_any(holders));
            let these = diesel::update(clients::table.filter(these));
            these.set(clients::generation.eq(clients::generation + 1)).execute(c).await?;
            let event = Event::new("resource_server.deleted", "resource_server", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}

/// The applications for a resource server. None is made while that is locked.
#[auto_type(no_type_alias)]
fn used_by(environment: Key, server: Key) -> _ {
    let theirs = applications::environment_id.eq(environment).and(applications::resource_server_id.eq(server));
    applications::table.filter(theirs)
}

fn updated(before: &ResourceServerRow, after: &ResourceServerRow) -> Event {
    let text = |value: &dyn ToString| Some(value.to_string());
    Event::new("resource_server.updated", "resource_server", after.id.id::<ResourceServer>(), &after.name)
        .change("name", text(&before.name), text(&after.name))
        .change("token_ttl", text(&before.token_ttl), text(&after.token_ttl))
        .change("allow_offline_access", text(&before.allow_offline_access), text(&after.allow_offline_access))
}
