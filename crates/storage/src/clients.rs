//! OAuth clients of an environment.

mod change;
mod origins;
mod rows;

use diesel::{dsl::not, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id,
    audit::{Context, Event},
    client::{Client, ClientType},
    resource_server::ResourceServer,
    user::User,
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    applications::not_owned,
    audit::entry,
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, clients, introspection_clients, users},
    users::NewUserRow,
};

pub use change::ClientChange;
use change::{Changes, updated};
pub(crate) use rows::{ClientRow, NewClientRow, grant_types};
pub use rows::{MachineUser, NewClient};

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
        let lock = diesel::update($client.filter(not_owned())).set(clients::updated_at.eq(clients::updated_at));
        let before = lock.returning(ClientRow::as_returning()).get_result($c).await.optional()?;
        let Some(before) = before.map(Client::try_from).transpose()? else { return Ok(None) };
        $expected.check(before.updated_at.micros())?;
        before
    }};
}

/// Deletes the user of a client that is gone, if it is a service user and no other client acts for it.
macro_rules! delete_service_user {
    ($c:ident, $environment:expr, $user:expr) => {{
        use $crate::schema::users;

        let service = users::table.find(($environment, $user)).filter(users::kind.eq("service"));
        // Locks the row: of several clients deleted at once, the last one takes the user with it.
        diesel::update(service).set(users::updated_at.eq(users::updated_at)).execute($c).await?;
        let others = clients::table.filter(clients::environment_id.eq($environment).and(clients::user_id.eq($user)));
        let others: i64 = others.count().get_result($c).await?;
        if others == 0 {
            diesel::delete(service).execute($c).await?;
        }
    }};
}
pub(crate) use delete_service_user;

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
                let own = clients::environment_id.eq(environment).and(not_owned());
                let mut query = clients::table.filter(own).into_boxed();
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
            let row = clients::table.find((environment, id)).filter(not_owned()).select(ClientRow::as_select());
            Ok::<_, Error>(row.get_result(c).await.optional()?)
        })?;
        row.map(Client::try_from).transpose()
    }

    /// Registers a client, with its service user if it has one.
    ///
    /// # Errors
    /// `Reference` when it should act for a user that is not there, or for an application's service user.
    pub async fn register_client(&self, client: NewClient, by: &Context) -> Result<Client> {
        let (environment, by) = (self.key(), by.clone());
        let (service, existing) = match client.user {
            Some(MachineUser::Service(id)) => (Some(NewUserRow::service(environment, id, &client.name, by.at)), None),
            Some(MachineUser::Existing(id)) => (None, Some(Key::from(id))),
            None => (None, None),
        };
        let event = Event::new("client.registered", "client", client.id, &client.name);
        let audit = entry(environment, &by, &event)?;
        let row = NewClientRow::new(environment, client, by.at);
        let row: ClientRow = on!(self.db, transaction, |c| {
            if let Some(service) = service {
                service.insert_into(users::table).execute(c).await?;
            }
            if let Some(user) = existing {
                let owned =
                    clients::environment_id.eq(environment).and(clients::user_id.eq(user)).and(not(not_owned()));
                if clients::table.filter(owned).count().get_result::<i64>(c).await? > 0 {
                    return Err(Error::Reference);
                }
            }
            let row = row.insert_into(clients::table).returning(ClientRow::as_returning()).get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Client::try_from(row)
    }

    /// Changes a client. Deactivating it kills every token it has; keys put an end to its secret. `None` when there is
    /// no such client.
    ///
    /// # Errors
    /// `Refused` when it is not as expected, or has keys of the one kind and would get keys of the other.
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
            let (changes, service) = Changes::between(&before, change)?;
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
    /// `Refused` when it is public, proves itself with keys, or is not as expected.
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
            if before.has_keys() {
                return Err(Error::Refused(Refusal::ClientWithKeys));
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
            let gone: Option<ClientRow> = diesel::delete(clients::table.find((environment, key)).filter(not_owned()))
                .returning(ClientRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            if let Some(user) = gone.user_id {
                delete_service_user!(c, environment, user);
            }
            let event = Event::new("client.deleted", "client", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
