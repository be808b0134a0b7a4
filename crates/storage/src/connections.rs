//! What organizations and people let applications do.

use std::collections::BTreeSet;

use diesel::{dsl::auto_type, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    application::{Application, Connection},
    audit::{Context, Event},
    organization::Organization,
    scope::Scopes,
    user::User,
};
use paylent_oauth::limit_scopes;

use crate::{
    Env, Error, Expected, Listed, Page, Refusal, Result,
    audit::entry,
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, authorities, clients, connections, organizations},
};

/// A row of `connections`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub(crate) struct ConnectionRow {
    id: Key,
    application_id: Key,
    organization_id: Option<Key>,
    user_id: Option<Key>,
    connected_by: Key,
    scope: String,
    last_used_at: Option<i64>,
    last_used_ip: Option<String>,
    created_at: i64,
    updated_at: i64,
}

/// Which connections to list.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFilter {
    /// Only those of this application.
    pub application_id: Option<Id<Application>>,
    /// Only those that are for this organization: its own, and those of its members.
    pub organization_id: Option<Id<Organization>>,
    /// Only this person's own.
    pub user_id: Option<Id<User>>,
    /// Only those that are for some of these organizations, which is all that the caller may see.
    pub within: Option<BTreeSet<Id<Organization>>>,
}

/// What the parties of a connection are called: the application, the organization and the person that it is for.
pub(crate) type Names = (String, Option<String>, Option<String>);

/// The statement that reads the [`Names`] of a connection.
#[auto_type(no_type_alias)]
pub(crate) fn names(environment: Key, connection: Key) -> _ {
    let application = clients::environment_id.eq(connections::environment_id);
    let organization = organizations::environment_id.eq(environment);
    let user = authorities::environment_id.eq(environment);
    let this = connections::environment_id.eq(environment).and(connections::id.eq(connection));
    connections::table
        .inner_join(clients::table.on(application.and(clients::id.eq(connections::application_id))))
        .left_join(
            organizations::table.on(organization.and(organizations::id.nullable().eq(connections::organization_id))),
        )
        .left_join(authorities::table.on(user.and(authorities::user_id.nullable().eq(connections::user_id))))
        .filter(this)
        .select((clients::name, organizations::name.nullable(), authorities::name.nullable()))
}

impl From<ConnectionRow> for Connection {
    fn from(row: ConnectionRow) -> Self {
        Self {
            id: row.id.id(),
            application_id: row.application_id.id(),
            organization_id: row.organization_id.map(Key::id),
            user_id: row.user_id.map(Key::id),
            connected_by: row.connected_by.id(),
            permissions: Scopes::stored(&row.scope),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            last_used_ip: row.last_used_ip,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

/// The event about a connection, which goes by its application's name, with those that it is for as further targets.
fn told(action: &'static str, of: &Connection, (application, organization, user): &Names) -> Event {
    let mut event = Event::new(action, "application_connection", of.id, application);
    event = event.and("application", of.application_id, application);
    if let Some((id, name)) = of.organization_id.zip(organization.as_ref()) {
        event = event.and("organization", id, name);
    }
    if let Some((id, name)) = of.user_id.zip(user.as_ref()) {
        event = event.and("user", id, name);
    }
    event
}

/// The event that an application may do something from now on, or something else than `before`.
pub(crate) fn allowed(of: &Connection, before: Option<&Scopes>, names: &Names) -> Event {
    let action = if before.is_some() { "application_connection.updated" } else { "application_connection.created" };
    told(action, of, names).change("permissions", before.map(Scopes::to_string), Some(of.permissions.to_string()))
}

/// What is left of `before`: these permissions, and what no permission is about, such as who the person is. Refused when
/// they are not fewer or the same, and when nothing would be left.
fn narrowed(before: &Scopes, permissions: &Scopes) -> std::result::Result<Scopes, Refusal> {
    if !permissions.is_subset(before) {
        return Err(Refusal::Wider);
    }
    let left = limit_scopes(before, permissions, None);
    if left.is_empty() && !before.is_empty() { Err(Refusal::NothingLeft) } else { Ok(left) }
}

/// The event that an application may do nothing more.
pub(crate) fn ended(of: &Connection, names: &Names) -> Event {
    told("application_connection.deleted", of, names).change("permissions", Some(of.permissions.to_string()), None)
}

/// Ends a connection, in the unit of work at hand, with its codes and its tokens, and returns it if it was there. Codes
/// come before families: whoever exchanges one at this moment holds its row until the family is there to be seen.
macro_rules! end_connection {
    ($c:expr, $environment:expr, $key:expr, $by:expr) => {{
        use paylent_domain::application::Connection;

        use $crate::{
            audit::entry,
            connections::{ConnectionRow, Names, ended, names},
            schema::{
                audit_events, authorization_codes as its_codes, connections as these, token_families as its_families,
            },
        };

        let key: Key = $key;
        let known: Option<Names> = names($environment, key).get_result($c).await.optional()?;
        let gone = diesel::delete(these::table.find(($environment, key))).returning(ConnectionRow::as_returning());
        let gone: Option<ConnectionRow> = gone.get_result($c).await.optional()?;
        let ended = known.zip(gone.map(Connection::from)).map(|(names, gone)| (ended(&gone, &names), gone));
        if let Some((event, _)) = &ended {
            let codes = its_codes::environment_id.eq($environment).and(its_codes::connection_id.eq(key));
            diesel::delete(its_codes::table.filter(codes)).execute($c).await?;
            let families = its_families::environment_id.eq($environment).and(its_families::connection_id.eq(key));
            let families = its_families::table.filter(families.and(its_families::revoked_at.is_null()));
            let revoked = its_families::revoked_at.eq($by.at.micros());
            diesel::update(families).set(revoked).execute($c).await?;
            entry($environment, &$by, event)?.insert_into(audit_events::table).execute($c).await?;
        }
        ended.map(|(_, gone)| gone)
    }};
}
pub(crate) use end_connection;

impl Env {
    /// The connections that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn application_connections(&self, filter: ConnectionFilter, page: Page) -> Result<Listed<Connection>> {
        let environment = self.key();
        let (application, user) = (filter.application_id.map(Key::from), filter.user_id.map(Key::from));
        let organization = filter.organization_id.map(Key::from);
        let within = filter.within.map(|ids| Key::all(ids.into_iter().collect()));
        let rows: (Vec<ConnectionRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = connections::table.filter(connections::environment_id.eq(environment)).into_boxed();
                if let Some(application) = application {
                    query = query.filter(connections::application_id.eq(application));
                }
                if let Some(organization) = organization {
                    query = query.filter(connections::organization_id.eq(organization));
                }
                if let Some(user) = user {
                    query = query.filter(connections::user_id.eq(user));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(connections::organization_id.eq_any(within));
                }
                query
            };
            page!(c, page, connections::id, ConnectionRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(Connection::from(row)))
    }

    /// The connection of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn application_connection(&self, id: Id<Connection>) -> Result<Option<Connection>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ConnectionRow> = on!(self.db, lookup, |c| {
            let found = connections::table.find((environment, id)).select(ConnectionRow::as_select());
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(Connection::from))
    }

    /// Takes permissions from a connection: these are left, and what OpenID Connect's scopes tell. Its tokens can do no more
    /// than that from now on. `None` when there is no such connection.
    ///
    /// # Errors
    /// `Refused` when it is not as expected, has not all of these permissions, or nothing would be left of it.
    pub async fn narrow_connection(
        &self,
        id: Id<Connection>,
        permissions: Scopes,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Connection>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let this = connections::table.find((environment, key));
            // The client's row first: who takes a permission from all connections of an application has it locked.
            let client = clients::id.eq_any(this.select(connections::application_id));
            let client = diesel::update(clients::table.filter(clients::environment_id.eq(environment).and(client)));
            client.set(clients::updated_at.eq(clients::updated_at)).execute(c).await?;
            let lock = diesel::update(this).set(connections::updated_at.eq(connections::updated_at));
            let lock = lock.returning(ConnectionRow::as_returning()).get_result(c).await;
            let Some(before) = lock.optional()?.map(Connection::from) else { return Ok(None) };
            expected.check(before.updated_at.micros())?;
            let left = narrowed(&before.permissions, &permissions).map_err(Error::Refused)?;
            let after = (
                connections::scope.eq(left.to_string()),
                connections::updated_at.eq(by.at.after(before.updated_at).micros()),
            );
            let after = diesel::update(this).set(after).returning(ConnectionRow::as_returning());
            let after: ConnectionRow = after.get_result(c).await?;
            let after = Connection::from(after);
            let names: Names = names(environment, key).get_result(c).await?;
            let event = allowed(&after, Some(&before.permissions), &names);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after))
        })
    }

    /// Withdraws a connection: its codes and tokens die with it. `false` when there is no such connection.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn disconnect(&self, id: Id<Connection>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let Some(gone) = end_connection!(c, environment, key, by) else { return Ok(false) };
            expected.check(gone.updated_at.micros())?;
            Ok(true)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_keeps_who_the_person_is_and_gets_no_more_than_it_had() {
        let before = Scopes::stored("invoices:read invoices:write offline_access openid");
        let narrow = |to: &str| narrowed(&before, &Scopes::stored(to)).map(|left| left.to_string());
        assert_eq!(narrow("invoices:read").as_deref(), Ok("invoices:read offline_access openid"));
        assert_eq!(narrow("").as_deref(), Ok("offline_access openid"));
        assert_eq!(narrow(&before.to_string()), Ok(before.to_string()));
        assert_eq!(narrow("invoices:read debtors:read"), Err(Refusal::Wider));
        assert_eq!(narrow("email"), Err(Refusal::Wider));
    }

    #[test]
    fn something_is_left_of_a_connection() {
        let before = Scopes::stored("invoices:read invoices:write");
        assert_eq!(narrowed(&before, &Scopes::default()), Err(Refusal::NothingLeft));
        assert_eq!(narrowed(&Scopes::default(), &Scopes::default()), Ok(Scopes::default()), "nothing was taken");
    }
}
