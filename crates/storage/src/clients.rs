//! OAuth clients of an environment.

mod rows;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id,
    audit::{Context, Event},
    client::{Client, ClientType, GrantType, TokenFormat},
    resource_server::ResourceServer,
    user::User,
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    audit::entry,
    authority::json,
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, clients, introspection_clients, users},
    users::NewUserRow,
};

use rows::grant_types_json;
pub(crate) use rows::{ClientRow, NewClientRow, grant_types};
pub use rows::{MachineUser, NewClient};

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
    /// Only the one of this public identifier.
    pub client_id: Option<String>,
    /// Only those that act for this user.
    pub user_id: Option<Id<User>>,
    /// Only those that act for a user, or only the others.
    pub has_user: Option<bool>,
    /// Only those that may act, or only those that may not.
    pub active: Option<bool>,
    /// Only those that may introspect the tokens for this API that were issued to others.
    pub introspects: Option<Id<ResourceServer>>,
}

/// Locks the row and reads what it was, if it is there and as expected.
macro_rules! lock_client {
    ($c:ident, $client:expr, $expected:expr) => {{
        let lock = diesel::update($client).set(clients::updated_at.eq(clients::updated_at));
        let before = lock.returning(ClientRow::as_returning()).get_result($c).await.optional()?;
        let Some(before) = before.map(Client::try_from).transpose()? else { return Ok(None) };
        $expected.check(before.updated_at.micros())?;
        before
    }};
}

impl Env {
    /// The clients that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn clients(&self, filter: ClientFilter, page: Page) -> Result<Listed<Client>> {
        let environment = self.key();
        let (user, server) = (filter.user_id.map(Key::from), filter.introspects.map(Key::from));
        let rows: (Vec<ClientRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = clients::table.filter(clients::environment_id.eq(environment)).into_boxed();
                if let Some(client_id) = filter.client_id.clone() {
                    query = query.filter(clients::client_id.eq(client_id));
                }
                if let Some(user) = user {
                    query = query.filter(clients::user_id.eq(user));
                }
                match filter.has_user {
                    Some(true) => query = query.filter(clients::user_id.is_not_null()),
                    Some(false) => query = query.filter(clients::user_id.is_null()),
                    None => {}
                }
                if let Some(active) = filter.active {
                    query = query.filter(clients::active.eq(active));
                }
                if let Some(server) = server {
                    let allowed = introspection_clients::environment_id
                        .eq(environment)
                        .and(introspection_clients::resource_server_id.eq(server));
                    let allowed = introspection_clients::table.filter(allowed).select(introspection_clients::client_id);
                    query = query.filter(clients::id.eq_any(allowed));
                }
                query
            };
            page!(c, page, clients::id, clients::name, ClientRow::as_select(), matching())
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
    /// `Refused` when it is not as expected.
    pub async fn update_client(
        &self,
        id: Id<Client>,
        change: ClientChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Client>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let client = clients::table.find((environment, key));
            let before = lock_client!(c, client, expected);
            let bump = i64::from(change.active == Some(false));
            let (changes, service) = Changes::between(&before, change);
            if let Some(id) = service {
                let user = NewUserRow::service(environment, id, &before.name, by.at);
                user.insert_into(users::table).execute(c).await?;
            }
            let raise = clients::generation.eq(clients::generation + bump);
            let at = clients::updated_at.eq(by.at.after(before.updated_at).micros());
            let after: ClientRow = diesel::update(client)
                .set((changes, raise, at))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await?;
            let after = Client::try_from(after)?;
            entry(environment, &by, &updated(&before, &after))?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after))
        })
    }

    /// Gives a client another secret. Tokens that were issued live on. `None` when there is no such client.
    ///
    /// # Errors
    /// `Refused` when it is public, or is not as expected.
    pub async fn rotate_client_secret(
        &self,
        id: Id<Client>,
        secret: SecretHash,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Client>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let client = clients::table.find((environment, key));
            let before = lock_client!(c, client, expected);
            if before.client_type == ClientType::Public {
                return Err(Error::Refused(Refusal::PublicClient));
            }
            let secret = clients::secret_hash.eq(secret.as_bytes().to_vec());
            let at = clients::updated_at.eq(by.at.after(before.updated_at).micros());
            let after = diesel::update(client).set((secret, at)).returning(ClientRow::as_returning());
            let after: ClientRow = after.get_result(c).await?;
            let event = Event::new("client.secret_rotated", "client", id, &before.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(Client::try_from(after)?))
        })
    }

    /// Deletes a client with its grants, its tokens and its service user, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn delete_client(&self, id: Id<Client>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone: Option<ClientRow> = diesel::delete(clients::table.find((environment, key)))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
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
