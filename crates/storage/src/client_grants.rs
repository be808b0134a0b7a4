//! Which clients may get tokens for which resource servers.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    client::Client,
    resource_server::{ClientGrant, ResourceServer},
    scope::Scopes,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    applications::not_owned,
    audit::entry,
    authority::{json, names},
    key::Key,
    page::page,
    pool::on,
    resource_servers::lock_server,
    schema::{audit_events, client_grants, clients, resource_servers},
};

/// A row of `client_grants`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = client_grants, treat_none_as_default_value = false)]
pub(crate) struct ClientGrantRow {
    environment_id: Key,
    id: Key,
    client_id: Key,
    resource_server_id: Key,
    allowed_scopes: Option<String>,
    created_at: i64,
    updated_at: i64,
}

/// A grant about to be made.
#[derive(Debug, Clone)]
pub struct NewClientGrant {
    /// Its id.
    pub id: Id<ClientGrant>,
    /// Which client.
    pub client_id: Id<Client>,
    /// For which API.
    pub resource_server_id: Id<ResourceServer>,
    /// The scopes the client may ask for; `None` means all.
    pub allowed_scopes: Option<Scopes>,
}

/// Which grants to list.
#[derive(Debug, Clone, Default)]
pub struct ClientGrantFilter {
    /// Only those of this client.
    pub client_id: Option<Id<Client>>,
    /// Only those for this API.
    pub resource_server_id: Option<Id<ResourceServer>>,
}

impl TryFrom<ClientGrantRow> for ClientGrant {
    type Error = Error;

    fn try_from(row: ClientGrantRow) -> Result<Self> {
        let scopes = row.allowed_scopes.map(|scopes| names(&scopes)).transpose()?;
        Ok(Self {
            id: row.id.id(),
            client_id: row.client_id.id(),
            resource_server_id: row.resource_server_id.id(),
            allowed_scopes: scopes.map(Scopes::from_iter),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl ClientGrantRow {
    pub(crate) fn new(environment_id: Key, grant: NewClientGrant, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: grant.id.into(),
            client_id: grant.client_id.into(),
            resource_server_id: grant.resource_server_id.into(),
            allowed_scopes: grant.allowed_scopes.map(|scopes| json(scopes.iter())),
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }

    fn event(&self, action: &'static str, client: &str, server: &str) -> Event {
        Event::new(action, "client_grant", self.id.id::<ClientGrant>(), server)
            .and("client", self.client_id.id::<Client>(), client)
            .and("resource_server", self.resource_server_id.id::<ResourceServer>(), server)
    }
}

/// Checks that the resource server has all these scopes. Where it is locked, they cannot be deleted meanwhile: no grant
/// lists a scope that is gone.
macro_rules! check_scopes {
    ($c:ident, $environment:expr, $server:expr, $names:expr) => {
        if let Some(names) = $names {
            use $crate::schema::scopes;

            let wanted = i64::try_from(names.len()).unwrap_or(i64::MAX);
            let its = scopes::environment_id.eq($environment).and(scopes::resource_server_id.eq($server));
            let there: i64 = scopes::table.filter(its.and(scopes::name.eq_any(names))).count().get_result($c).await?;
            if there < wanted {
                return Err(Error::Reference);
            }
        }
    };
}
pub(crate) use check_scopes;

impl Env {
    /// The grants that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn client_grants(&self, filter: ClientGrantFilter, page: Page) -> Result<Listed<ClientGrant>> {
        let environment = self.key();
        let (client, server) = (filter.client_id.map(Key::from), filter.resource_server_id.map(Key::from));
        let rows: (Vec<ClientGrantRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = client_grants::table.filter(client_grants::environment_id.eq(environment)).into_boxed();
                if let Some(client) = client {
                    query = query.filter(client_grants::client_id.eq(client));
                }
                if let Some(server) = server {
                    query = query.filter(client_grants::resource_server_id.eq(server));
                }
                query
            };
            page!(c, page, client_grants::id, ClientGrantRow::as_select(), matching())
        })?;
        Listed::of(rows, ClientGrant::try_from)
    }

    /// The grant of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn client_grant(&self, id: Id<ClientGrant>) -> Result<Option<ClientGrant>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ClientGrantRow> = on!(self.db, lookup, |c| {
            let row =
                client_grants::table.find((environment, id)).select(ClientGrantRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(ClientGrant::try_from).transpose()
    }

    /// Lets a client get tokens for a resource server.
    ///
    /// # Errors
    /// `Conflict` when it may already, `Reference` when either, or a scope, is not there.
    pub async fn create_client_grant(&self, grant: NewClientGrant, by: &Context) -> Result<ClientGrant> {
        let (environment, by) = (self.key(), by.clone());
        let wanted = grant.allowed_scopes.as_ref().map(listed);
        let row = ClientGrantRow::new(environment, grant, by.at);
        let row: ClientGrantRow = on!(self.db, transaction, |c| {
            let server = lock_server!(c, environment, resource_servers::id.eq(row.resource_server_id));
            let server = server.ok_or(Error::Reference)?;
            check_scopes!(c, environment, server.id, wanted);
            row.clone().insert_into(client_grants::table).execute(c).await?;
            let client = clients::table.find((environment, row.client_id)).filter(not_owned()).select(clients::name);
            let client: Option<String> = client.get_result(c).await.optional()?;
            let client = client.ok_or(Error::Reference)?;
            let event = row.event("client_grant.created", &client, &server.name);
            let event = event.change("allowed_scopes", None, row.allowed_scopes.clone());
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        ClientGrant::try_from(row)
    }

    /// Changes the scopes that a client may ask for. When it loses one, the tokens it has are dead. `None` when there is
    /// no such grant.
    ///
    /// # Errors
    /// `Reference` when a scope is not there; `Refused` when it is not as expected.
    pub async fn update_client_grant(
        &self,
        id: Id<ClientGrant>,
        allowed_scopes: Option<Scopes>,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<ClientGrant>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        let wanted = allowed_scopes.as_ref().map(listed);
        let allowed = allowed_scopes.map(|scopes| json(scopes.iter()));
        let row: Option<ClientGrantRow> = on!(self.db, transaction, |c| {
            let grant = client_grants::table.find((environment, key));
            // Before the grant's row, as when a scope is deleted: in another order the two could wait for each other.
            let its = resource_servers::id.eq_any(grant.select(client_grants::resource_server_id));
            let Some(server) = lock_server!(c, environment, its) else { return Ok(None) };
            // Locks the row and reads what it was.
            let before: Option<ClientGrantRow> = diesel::update(grant)
                .set(client_grants::updated_at.eq(client_grants::updated_at))
                .returning(ClientGrantRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before else { return Ok(None) };
            expected.check(before.updated_at)?;
            check_scopes!(c, environment, server.id, wanted);
            let at = by.at.after(Timestamp::from_micros(before.updated_at));
            let row: ClientGrantRow = diesel::update(grant)
                .set((client_grants::allowed_scopes.eq(allowed.clone()), client_grants::updated_at.eq(at.micros())))
                .returning(ClientGrantRow::as_returning())
                .get_result(c)
                .await?;
            if takes_scopes(&before, &row)? {
                // Which tokens the grant gave is nowhere written, so all that the client has die.
                let client = diesel::update(clients::table.find((environment, row.client_id)));
                client.set(clients::generation.eq(clients::generation + 1)).execute(c).await?;
            }
            let client = clients::table.find((environment, row.client_id)).select(clients::name);
            let client: String = client.get_result(c).await?;
            let event = row.event("client_grant.updated", &client, &server.name);
            let event = event.change("allowed_scopes", before.allowed_scopes, allowed);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(row))
        })?;
        row.map(ClientGrant::try_from).transpose()
    }

    /// Takes the leave back, and says whether there was one. The tokens that the client has are dead.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn delete_client_grant(&self, id: Id<ClientGrant>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone: Option<ClientGrantRow> = diesel::delete(client_grants::table.find((environment, key)))
                .returning(ClientGrantRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            let client = diesel::update(clients::table.find((environment, gone.client_id)));
            client.set(clients::generation.eq(clients::generation + 1)).execute(c).await?;
            let both = clients::table
                .inner_join(resource_servers::table.on(resource_servers::environment_id.eq(clients::environment_id)));
            let these = clients::id.eq(gone.client_id).and(resource_servers::id.eq(gone.resource_server_id));
            let (client, server): (String, String) = both
                .filter(clients::environment_id.eq(environment).and(these))
                .select((clients::name, resource_servers::name))
                .get_result(c)
                .await?;
            let event = gone.event("client_grant.deleted", &client, &server);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}

fn listed(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(str::to_owned).collect()
}

/// Whether something could be asked for before and cannot after.
fn takes_scopes(before: &ClientGrantRow, after: &ClientGrantRow) -> Result<bool> {
    let Some(after) = &after.allowed_scopes else { return Ok(false) };
    let Some(before) = &before.allowed_scopes else { return Ok(true) };
    let after = names(after)?;
    Ok(names(before)?.iter().any(|scope| !after.contains(scope)))
}
