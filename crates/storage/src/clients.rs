//! OAuth clients of an environment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    client::{Client, ClientType, GrantType, TokenFormat},
    user::User,
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Listed, Page, Result,
    audit::entry,
    authority::{json, names},
    error::broken,
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, clients, users},
    users::NewUserRow,
};

/// A row of `clients`, without the secret's hash.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub(crate) struct ClientRow {
    id: Key,
    client_id: String,
    name: String,
    client_type: String,
    redirect_uris: String,
    grant_types: String,
    token_format: String,
    first_party: bool,
    require_pkce: bool,
    access_token_ttl: Option<i32>,
    active: bool,
    user_id: Option<Key>,
    created_at: i64,
    updated_at: i64,
}

/// A whole row of `clients`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
pub(crate) struct NewClientRow {
    environment_id: Key,
    id: Key,
    client_id: String,
    name: String,
    client_type: &'static str,
    secret_hash: Option<Vec<u8>>,
    redirect_uris: String,
    grant_types: String,
    token_format: &'static str,
    first_party: bool,
    require_pkce: bool,
    access_token_ttl: Option<i32>,
    active: bool,
    user_id: Option<Key>,
    created_at: i64,
    updated_at: i64,
}

/// What an update writes; `None` leaves the column as it is.
#[derive(AsChangeset)]
#[diesel(table_name = clients)]
struct Changes {
    name: Option<String>,
    redirect_uris: Option<String>,
    grant_types: Option<String>,
    token_format: Option<&'static str>,
    require_pkce: Option<bool>,
    access_token_ttl: Option<Option<i32>>,
    active: Option<bool>,
    user_id: Option<Key>,
}

/// A client about to be registered.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Its id.
    pub id: Id<Client>,
    /// Its public identifier.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// The hash of its secret; confidential clients only.
    pub secret_hash: Option<SecretHash>,
    /// Where it may be returned to.
    pub redirect_uris: Vec<String>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Whether nobody is asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE.
    pub require_pkce: bool,
    /// Its own lifetime for access tokens, in seconds.
    pub access_token_ttl: Option<i32>,
    /// Whom its client-credentials tokens act for.
    pub user: Option<MachineUser>,
}

/// Whom a machine client acts for.
#[derive(Debug, Clone, Copy)]
pub enum MachineUser {
    /// A service user, made and deleted with the client.
    Service(Id<User>),
    /// A user that exists already.
    Existing(Id<User>),
}

/// What an update changes; `None` leaves the attribute as it is.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// A new name.
    pub name: Option<String>,
    /// New redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// New grants.
    pub grant_types: Option<Vec<GrantType>>,
    /// Another form of access tokens.
    pub token_format: Option<TokenFormat>,
    /// Whether it must use PKCE.
    pub require_pkce: Option<bool>,
    /// Another lifetime for access tokens, or none of its own.
    pub access_token_ttl: Option<Option<i32>>,
    /// Whether it may act at all.
    pub active: Option<bool>,
    /// The service user to make when the client gains client credentials and has nobody to act for.
    pub service_user: Option<Id<User>>,
}

/// Which clients to list.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// Only these.
    pub ids: Option<Vec<Id<Client>>>,
    /// Only the one of this public identifier.
    pub client_id: Option<String>,
}

impl TryFrom<ClientRow> for Client {
    type Error = Error;

    fn try_from(row: ClientRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            client_id: row.client_id,
            name: row.name,
            client_type: row.client_type.parse().map_err(broken)?,
            redirect_uris: names(&row.redirect_uris)?,
            grant_types: grant_types(&row.grant_types)?,
            token_format: row.token_format.parse().map_err(broken)?,
            first_party: row.first_party,
            require_pkce: row.require_pkce,
            access_token_ttl: row.access_token_ttl,
            active: row.active,
            user_id: row.user_id.map(Key::id),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

/// Reads the grants that are stored as JSON.
pub(crate) fn grant_types(text: &str) -> Result<Vec<GrantType>> {
    names(text)?.iter().map(|name| name.parse().map_err(broken)).collect()
}

fn grant_types_json(grants: &[GrantType]) -> String {
    json(grants.iter().map(|grant| grant.as_str()))
}

impl NewClientRow {
    pub(crate) fn new(environment_id: Key, client: NewClient, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: client.id.into(),
            client_id: client.client_id,
            name: client.name,
            client_type: client.client_type.as_str(),
            secret_hash: client.secret_hash.map(|hash| hash.as_bytes().to_vec()),
            redirect_uris: json(client.redirect_uris.iter().map(String::as_str)),
            grant_types: grant_types_json(&client.grant_types),
            token_format: client.token_format.as_str(),
            first_party: client.first_party,
            require_pkce: client.require_pkce,
            access_token_ttl: client.access_token_ttl,
            active: true,
            user_id: client.user.map(|(MachineUser::Service(id) | MachineUser::Existing(id))| id.into()),
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }
}

impl Env {
    /// The clients that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn clients(&self, filter: ClientFilter, page: Page) -> Result<Listed<Client>> {
        let environment = self.key();
        let keys = filter.ids.map(|ids| ids.into_iter().map(Key::from).collect::<Vec<_>>());
        let rows: (Vec<ClientRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = clients::table.filter(clients::environment_id.eq(environment)).into_boxed();
                if let Some(keys) = keys.clone() {
                    query = query.filter(clients::id.eq_any(keys));
                }
                if let Some(client_id) = filter.client_id.clone() {
                    query = query.filter(clients::client_id.eq(client_id));
                }
                query
            };
            page!(c, page, clients::id, ClientRow::as_select(), matching())
        })?;
        Listed::of(rows, Client::try_from)
    }

    /// The client of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn client_by_id(&self, id: Id<Client>) -> Result<Option<Client>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ClientRow> = on!(self.db, lookup, |c| {
            let row =
                clients::table.find((environment, id)).select(ClientRow::as_select()).get_result(c).await.optional()?;
            Ok::<_, Error>(row)
        })?;
        row.map(Client::try_from).transpose()
    }

    /// Registers a client, with its service user if it has one.
    ///
    /// # Errors
    /// `Reference` when it should act for a user that is not there.
    pub async fn register_client(&self, client: NewClient, by: &Context) -> Result<Client> {
        let (environment, by) = (self.key(), by.clone());
        let service = match client.user {
            Some(MachineUser::Service(id)) => Some(NewUserRow::service(environment, id, &client.name, by.at)),
            _ => None,
        };
        let event = Event::new("client.registered", "client", client.id, &client.name);
        let audit = entry(environment, &by, &event)?;
        let row = NewClientRow::new(environment, client, by.at);
        let row: ClientRow = on!(self.db, transaction, |c| {
            if let Some(service) = service {
                service.insert_into(users::table).execute(c).await?;
            }
            let row = row.insert_into(clients::table).returning(ClientRow::as_returning()).get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Client::try_from(row)
    }

    /// Changes a client. Deactivating it kills every token it has. `None` when there is no such client.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn update_client(&self, id: Id<Client>, change: ClientChange, by: &Context) -> Result<Option<Client>> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let client = clients::table.find((environment, key));
            // Locks the row and reads what it was.
            let before: Option<ClientRow> = diesel::update(client)
                .set(clients::updated_at.eq(by.at.micros()))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before.map(Client::try_from).transpose()? else { return Ok(None) };
            let bump = i64::from(change.active == Some(false));
            let (changes, service) = Changes::between(&before, change);
            if let Some(id) = service {
                let user = NewUserRow::service(environment, id, &before.name, by.at);
                user.insert_into(users::table).execute(c).await?;
            }
            let after: ClientRow = diesel::update(client)
                .set((changes, clients::generation.eq(clients::generation + bump)))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await?;
            let after = Client::try_from(after)?;
            entry(environment, &by, &updated(&before, &after))?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after))
        })
    }

    /// Deletes a client with its grants, its tokens and its service user, and says whether there was one.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn delete_client(&self, id: Id<Client>, by: &Context) -> Result<bool> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let gone: Option<ClientRow> = diesel::delete(clients::table.find((environment, key)))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            if let Some(user) = gone.user_id {
                let service = users::table.find((environment, user)).filter(users::kind.eq("service"));
                // Locks the row: of several clients deleted at once, the last one takes the user with it.
                diesel::update(service).set(users::updated_at.eq(users::updated_at)).execute(c).await?;
                let others =
                    clients::table.filter(clients::environment_id.eq(environment).and(clients::user_id.eq(user)));
                let others: i64 = others.count().get_result(c).await?;
                if others == 0 {
                    diesel::delete(service).execute(c).await?;
                }
            }
            let event = Event::new("client.deleted", "client", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}

impl Changes {
    /// The columns to write, and the service user to make.
    fn between(before: &Client, change: ClientChange) -> (Self, Option<Id<User>>) {
        let service = change.service_user.filter(|_| before.user_id.is_none());
        let changes = Self {
            name: change.name,
            redirect_uris: change.redirect_uris.map(|uris| json(uris.iter().map(String::as_str))),
            grant_types: change.grant_types.map(|grants| grant_types_json(&grants)),
            token_format: change.token_format.map(TokenFormat::as_str),
            require_pkce: change.require_pkce,
            access_token_ttl: change.access_token_ttl,
            active: change.active,
            user_id: service.map(Key::from),
        };
        (changes, service)
    }
}

fn updated(before: &Client, after: &Client) -> Event {
    let uris = |client: &Client| Some(client.redirect_uris.join(" "));
    let grants = |client: &Client| Some(grant_types_json(&client.grant_types));
    let ttl = |client: &Client| client.access_token_ttl.map(|ttl| ttl.to_string());
    Event::new("client.updated", "client", after.id, &after.name)
        .change("name", Some(before.name.clone()), Some(after.name.clone()))
        .change("redirect_uris", uris(before), uris(after))
        .change("grant_types", grants(before), grants(after))
        .change("token_format", Some(before.token_format.as_str().into()), Some(after.token_format.as_str().into()))
        .change("require_pkce", Some(before.require_pkce.to_string()), Some(after.require_pkce.to_string()))
        .change("access_token_ttl", ttl(before), ttl(after))
        .change("active", Some(before.active.to_string()), Some(after.active.to_string()))
}
