//! The APIs of an environment that tokens are for, with their scopes.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    resource_server::ResourceServer,
    scope::Scopes,
};

use crate::{
    Env, Error, Listed, Page, Result,
    audit::{entry, new_id},
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, resource_servers, scopes},
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

/// A row of `scopes`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = scopes, treat_none_as_default_value = false)]
pub(crate) struct ScopeRow {
    environment_id: Key,
    id: Key,
    resource_server_id: Key,
    name: String,
    description: Option<String>,
    created_at: i64,
    updated_at: i64,
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

/// Which resource servers to list.
#[derive(Debug, Clone, Default)]
pub struct ResourceServerFilter {
    /// Only these.
    pub ids: Option<Vec<Id<ResourceServer>>>,
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

impl ScopeRow {
    pub(crate) fn new(environment_id: Key, resource_server_id: Key, name: &str, at: Timestamp) -> Result<Self> {
        Ok(Self {
            environment_id,
            id: new_id::<()>(at)?,
            resource_server_id,
            name: name.to_owned(),
            description: None,
            created_at: at.micros(),
            updated_at: at.micros(),
        })
    }
}

impl Env {
    /// The resource servers that match. The identifier of the Management API is one of the environment's addresses.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn resource_servers(&self, filter: ResourceServerFilter, page: Page) -> Result<Listed<ResourceServer>> {
        let environment = self.key();
        let keys = filter.ids.map(|ids| ids.into_iter().map(Key::from).collect::<Vec<_>>());
        let rows: (Vec<ResourceServerRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query =
                    resource_servers::table.filter(resource_servers::environment_id.eq(environment)).into_boxed();
                if let Some(keys) = keys.clone() {
                    query = query.filter(resource_servers::id.eq_any(keys));
                }
                if let Some(identifier) = filter.identifier.clone() {
                    query = query.filter(resource_servers::identifier.eq(identifier));
                }
                if let Some(system) = filter.system {
                    query = query.filter(resource_servers::system.eq(system));
                }
                query
            };
            page!(c, page, resource_servers::id, ResourceServerRow::as_select(), matching())
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

    /// The names of a resource server's scopes; none when there is no such resource server.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn scopes_of(&self, id: Id<ResourceServer>) -> Result<Scopes> {
        let (environment, id) = (self.key(), Key::from(id));
        let names: Vec<String> = on!(self.db, lookup, |c| {
            let all =
                scopes::table.filter(scopes::environment_id.eq(environment).and(scopes::resource_server_id.eq(id)));
            Ok::<_, Error>(all.select(scopes::name).load(c).await?)
        })?;
        Ok(names.into_iter().collect())
    }

    /// Makes a resource server with its scopes.
    ///
    /// # Errors
    /// `Conflict` when the identifier is taken.
    pub async fn create_resource_server(&self, new: NewResourceServer, by: &Context) -> Result<ResourceServer> {
        let (environment, at) = (self.key(), by.at);
        let audit =
            entry(environment, by, &Event::new("resource_server.created", "resource_server", new.id, &new.name))?;
        let key = Key::from(new.id);
        let names =
            new.scopes.iter().map(|name| ScopeRow::new(environment, key, name, at)).collect::<Result<Vec<_>>>()?;
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
}
