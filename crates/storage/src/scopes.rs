//! The scopes of resource servers. Those of the Management API are fixed.

use diesel::{dsl::max, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    resource_server::ResourceServer,
    scope::{MAX_SCOPES, Scope, Scopes},
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    applications::withdraw_permission,
    audit::{entry, new_id},
    authority::{json, names},
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    resource_servers::lock_server,
    schema::{audit_events, client_grants, resource_servers, scopes},
};

/// A row of `scopes`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
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

/// A scope about to be made.
#[derive(Debug, Clone)]
pub struct NewScope {
    /// Its id.
    pub id: Id<Scope>,
    /// Which API it belongs to.
    pub resource_server_id: Id<ResourceServer>,
    /// Its name.
    pub name: String,
    /// What it allows, in words.
    pub description: Option<String>,
}

/// What to change about a scope; `None` leaves it as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = scopes)]
pub struct ScopeChange {
    /// What it allows, in words.
    pub description: Option<Option<String>>,
}

/// Which scopes to list.
#[derive(Debug, Clone, Default)]
pub struct ScopeFilter {
    /// Only those of this API.
    pub resource_server_id: Option<Id<ResourceServer>>,
}

/// Scopes, each with the resource server it belongs to.
macro_rules! with_server {
    ($environment:expr) => {
        scopes::table
            .inner_join(
                resource_servers::table.on(resource_servers::environment_id
                    .eq(scopes::environment_id)
                    .and(resource_servers::id.eq(scopes::resource_server_id))),
            )
            .filter(scopes::environment_id.eq($environment))
    };
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

    fn read(self, system: bool) -> Scope {
        Scope {
            id: self.id.id(),
            resource_server_id: self.resource_server_id.id(),
            name: self.name,
            description: self.description,
            system,
            created_at: Timestamp::from_micros(self.created_at),
            updated_at: Timestamp::from_micros(self.updated_at),
        }
    }

    fn event(&self, action: &'static str, server: &str) -> Event {
        Event::new(action, "scope", self.id.id::<Scope>(), &self.name).and(
            "resource_server",
            self.resource_server_id.id::<ResourceServer>(),
            server,
        )
    }
}

/// Refuses more scopes than a resource server may have.
pub(crate) fn refuse_too_many(scopes: i64) -> Result<()> {
    if usize::try_from(scopes).is_ok_and(|scopes| scopes > MAX_SCOPES) {
        Err(Error::Refused(Refusal::TooMany))
    } else {
        Ok(())
    }
}

/// The list of names without this one; `None` when it is not among them.
pub(crate) fn without(allowed: &str, name: &str) -> Result<Option<String>> {
    let mut names = names(allowed)?;
    let before = names.len();
    names.retain(|allowed| allowed != name);
    Ok((names.len() < before).then(|| json(names.iter().map(String::as_str))))
}

impl Env {
    /// The scopes that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn scopes(&self, filter: ScopeFilter, page: Page) -> Result<Listed<Scope>> {
        let (environment, server) = (self.key(), filter.resource_server_id.map(Key::from));
        let rows: (Vec<(ScopeRow, bool)>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = with_server!(environment).into_boxed();
                if let Some(server) = server {
                    query = query.filter(scopes::resource_server_id.eq(server));
                }
                query
            };
            let columns = (ScopeRow::as_select(), resource_servers::system);
            page!(c, page, scopes::id, scopes::name, columns, matching())
        })?;
        Listed::of(rows, |(row, system)| Ok(row.read(system)))
    }

    /// The scope of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn scope(&self, id: Id<Scope>) -> Result<Option<Scope>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<(ScopeRow, bool)> = on!(self.db, lookup, |c| {
            let row = with_server!(environment).filter(scopes::id.eq(id));
            let row = row.select((ScopeRow::as_select(), resource_servers::system)).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        Ok(row.map(|(row, system)| row.read(system)))
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

    /// Makes a scope.
    ///
    /// # Errors
    /// `Conflict` when the resource server has one of this name, `Reference` when there is no such resource server,
    /// `Refused` for the Management API, and when the resource server has 1000 scopes already.
    pub async fn create_scope(&self, new: NewScope, by: &Context) -> Result<Scope> {
        let (environment, by) = (self.key(), by.clone());
        let row = ScopeRow {
            environment_id: environment,
            id: new.id.into(),
            resource_server_id: new.resource_server_id.into(),
            name: new.name,
            description: new.description,
            created_at: by.at.micros(),
            updated_at: by.at.micros(),
        };
        let row: ScopeRow = on!(self.db, transaction, |c| {
            let server = lock_server!(c, environment, resource_servers::id.eq(row.resource_server_id));
            let server = server.ok_or(Error::Reference)?;
            server.refuse_system()?;
            row.clone().insert_into(scopes::table).execute(c).await?;
            let all = scopes::environment_id.eq(environment);
            let all = scopes::table.filter(all.and(scopes::resource_server_id.eq(row.resource_server_id)));
            refuse_too_many(all.count().get_result(c).await?)?;
            let event = row.event("scope.created", &server.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.read(false))
    }

    /// Changes a scope. `None` when there is no such scope.
    ///
    /// # Errors
    /// `Refused` for a scope of the Management API, and when it is not as expected.
    pub async fn update_scope(
        &self,
        id: Id<Scope>,
        change: ScopeChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Scope>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let scope = scopes::table.find((environment, key));
            // Before the scope's row, as in a deletion: in another order the two could wait for each other.
            let its = resource_servers::id.eq_any(scope.select(scopes::resource_server_id));
            let Some(server) = lock_server!(c, environment, its) else { return Ok(None) };
            server.refuse_system()?;
            let before: Option<ScopeRow> = scope.select(ScopeRow::as_select()).get_result(c).await.optional()?;
            let Some(before) = before else { return Ok(None) };
            expected.check(before.updated_at)?;
            let at = by.at.after(Timestamp::from_micros(before.updated_at));
            let after: ScopeRow = diesel::update(scope)
                .set((change, scopes::updated_at.eq(at.micros())))
                .returning(ScopeRow::as_returning())
                .get_result(c)
                .await?;
            let event = after.event("scope.updated", &server.name).change(
                "description",
                before.description,
                after.description.clone(),
            );
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after.read(false)))
        })
    }

    /// Deletes a scope, and says whether there was one. Its name goes from every grant and every application that lists it,
    /// from connections, and from tokens that never expire: a scope made again under that name is nobody's.
    ///
    /// # Errors
    /// `Refused` for a scope of the Management API, and when it is not as expected.
    pub async fn delete_scope(&self, id: Id<Scope>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let scope = scopes::table.find((environment, key));
            let its = resource_servers::id.eq_any(scope.select(scopes::resource_server_id));
            let Some(server) = lock_server!(c, environment, its) else { return Ok(false) };
            server.refuse_system()?;
            let gone = diesel::delete(scope).returning(ScopeRow::as_returning());
            let gone: Option<ScopeRow> = gone.get_result(c).await.optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            let its = client_grants::environment_id.eq(environment);
            let its =
                client_grants::table.filter(its.and(client_grants::resource_server_id.eq(gone.resource_server_id)));
            // Many grants share few lists.
            let lists: Vec<(Option<String>, Option<i64>)> = its
                .group_by(client_grants::allowed_scopes)
                .select((client_grants::allowed_scopes, max(client_grants::updated_at)))
                .load(c)
                .await?;
            for (list, changed) in lists {
                let (Some(list), Some(changed)) = (list, changed) else { continue };
                let Some(shorter) = without(&list, &gone.name)? else { continue };
                let at = by.at.after(Timestamp::from_micros(changed));
                diesel::update(its.filter(client_grants::allowed_scopes.eq(list)))
                    .set((client_grants::allowed_scopes.eq(shorter), client_grants::updated_at.eq(at.micros())))
                    .execute(c)
                    .await?;
            }
            withdraw_permission!(c, environment, gone.resource_server_id, gone.name, by);
            let event = gone.event("scope.deleted", &server.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// Which scopes these resource servers have, in the order of their ids.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn scopes_of_resource_servers(
        &self,
        servers: Vec<Id<ResourceServer>>,
    ) -> Result<Vec<(Id<ResourceServer>, Id<Scope>)>> {
        let (environment, servers) = (self.key(), servers.into_iter().map(Key::from).collect::<Vec<_>>());
        let pairs: Vec<(Key, Key)> = on!(self.db, read, |c| {
            let theirs = scopes::environment_id.eq(environment).and(scopes::resource_server_id.eq_any(servers));
            let pair = (scopes::resource_server_id, scopes::id);
            Ok::<_, Error>(scopes::table.filter(theirs).order(pair).select(pair).load(c).await?)
        })?;
        Ok(pairs.into_iter().map(|(server, scope)| (server.id(), scope.id())).collect())
    }
}
