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
    Env, Error, Listed, Page, Result,
    audit::entry,
    authority::{json, names},
    key::Key,
    page::page,
    pool::on,
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
}

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
    /// `Conflict` when it may already, `Reference` when either is not there.
    pub async fn create_client_grant(&self, grant: NewClientGrant, by: &Context) -> Result<ClientGrant> {
        let (environment, by) = (self.key(), by.clone());
        let row = ClientGrantRow::new(environment, grant, by.at);
        let row: ClientGrantRow = on!(self.db, transaction, |c| {
            row.clone().insert_into(client_grants::table).execute(c).await?;
            let client: String =
                clients::table.find((environment, row.client_id)).select(clients::name).get_result(c).await?;
            let server = resource_servers::table.find((environment, row.resource_server_id));
            let server: String = server.select(resource_servers::name).get_result(c).await?;
            let event = Event::new("client_grant.created", "client_grant", row.id.id::<ClientGrant>(), "")
                .and("client", row.client_id.id::<Client>(), &client)
                .and("resource_server", row.resource_server_id.id::<ResourceServer>(), &server)
                .change("allowed_scopes", None, row.allowed_scopes.clone());
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        ClientGrant::try_from(row)
    }

    /// Changes the scopes that a client may ask for. `None` when there is no such grant.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn update_client_grant(
        &self,
        id: Id<ClientGrant>,
        allowed_scopes: Option<Scopes>,
        by: &Context,
    ) -> Result<Option<ClientGrant>> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        let allowed = allowed_scopes.map(|scopes| json(scopes.iter()));
        let row: Option<ClientGrantRow> = on!(self.db, transaction, |c| {
            let grant = client_grants::table.find((environment, key));
            // Locks the row and reads what it was.
            let before: Option<Option<String>> = diesel::update(grant)
                .set(client_grants::updated_at.eq(by.at.micros()))
                .returning(client_grants::allowed_scopes)
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before else { return Ok(None) };
            let row: ClientGrantRow = diesel::update(grant)
                .set(client_grants::allowed_scopes.eq(allowed.clone()))
                .returning(ClientGrantRow::as_returning())
                .get_result(c)
                .await?;
            let event =
                Event::new("client_grant.updated", "client_grant", id, "").change("allowed_scopes", before, allowed);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(row))
        })?;
        row.map(ClientGrant::try_from).transpose()
    }

    /// Takes the leave back, and says whether there was one. Tokens that were issued live on until they expire.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn delete_client_grant(&self, id: Id<ClientGrant>, by: &Context) -> Result<bool> {
        let (environment, key) = (self.key(), Key::from(id));
        let audit = entry(environment, by, &Event::new("client_grant.deleted", "client_grant", id, ""))?;
        on!(self.db, transaction, |c| {
            let gone = diesel::delete(client_grants::table.find((environment, key))).execute(c).await?;
            if gone > 0 {
                audit.insert_into(audit_events::table).execute(c).await?;
            }
            Ok(gone > 0)
        })
    }
}
