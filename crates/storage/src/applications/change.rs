//! How applications are changed and deleted.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    application::{Application, SecretOverlap},
    audit::{Context, Event},
    scope::Scopes,
    user::Email,
};
use paylent_oauth::crypto::secret::SecretHash;

use super::{
    owner,
    rows::{ApplicationRow, ClientPart, OwnedRow, addresses, event, list, read},
    take_scopes, with_client,
};
use crate::{
    Env, Error, Expected, Result,
    audit::entry,
    authority::json,
    client_grants::check_scopes,
    clients::delete_service_user,
    key::Key,
    pool::on,
    resource_servers::lock_server,
    schema::{applications, audit_events, clients},
};

/// What an update changes; `None` leaves the attribute as it is. The new values keep the rules of the application's grant
/// type, which never changes.
#[derive(Debug, Clone, Default)]
pub struct ApplicationChange {
    /// A new name.
    pub name: Option<String>,
    /// Where people return to instead.
    pub redirect_uri: Option<String>,
    /// From where its tokens may be used.
    pub ip_allow_list: Option<AllowList>,
    /// What happens to a token from elsewhere.
    pub ip_allow_list_mode: Option<AllowListMode>,
    /// The scopes it may ask for. What is taken away is gone from its connections and from the tokens it has, for good; what
    /// is added has to be agreed to.
    pub permissions: Option<Scopes>,
    /// Who is told of tokens from elsewhere.
    pub notification_emails: Option<Vec<Email>>,
}

/// What an update writes to `clients`.
#[derive(AsChangeset)]
#[diesel(table_name = clients)]
struct ClientChanges {
    name: Option<String>,
    redirect_uris: Option<String>,
    updated_at: i64,
}

/// What an update writes to `applications`; nothing is no statement.
#[derive(AsChangeset)]
#[diesel(table_name = applications)]
struct OwnedChanges {
    /// Written as it is, so that there is something to write.
    grant_type: &'static str,
    permissions: Option<String>,
    ip_allow_list: Option<String>,
    ip_allow_list_mode: Option<&'static str>,
    notification_emails: Option<String>,
}

/// Locks the application and reads what it was, if it is there and as expected.
macro_rules! lock_application {
    ($c:ident, $environment:expr, $key:expr, $expected:expr) => {{
        let lock = diesel::update(clients::table.find(($environment, $key)));
        lock.set(clients::updated_at.eq(clients::updated_at)).execute($c).await?;
        let one = with_client!($environment).filter(applications::id.eq($key));
        let one = one.select((OwnedRow::as_select(), ClientPart::as_select()));
        let before: Option<ApplicationRow> = one.get_result($c).await.optional()?;
        let Some(before) = before.map(read).transpose()? else { return Ok(None) };
        $expected.check(before.updated_at.micros())?;
        before
    }};
}

impl Env {
    /// Changes an application. Its tokens live on, as far as the new allow list and permissions let them. `None` when there
    /// is no such application.
    ///
    /// # Errors
    /// `Reference` when a permission is not there; `Refused` when it is not as expected.
    pub async fn update_application(
        &self,
        id: Id<Application>,
        change: ApplicationChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Application>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            if let Some(permissions) = &change.permissions {
                let wanted: Vec<String> = permissions.iter().map(str::to_owned).collect();
                let its = applications::table.find((environment, key)).select(applications::resource_server_id);
                // Before the application's row, as when a scope is deleted: in another order the two could wait for each
                // other.
                let Some(server) = lock_server!(c, environment, resource_servers::id.eq_any(its)) else {
                    return Ok(None);
                };
                check_scopes!(c, environment, server.id, Some(wanted));
            }
            let before = lock_application!(c, environment, key, expected);
            let client = ClientChanges {
                name: change.name,
                redirect_uris: change.redirect_uri.map(|uri| json([uri.as_str()])),
                updated_at: by.at.after(before.updated_at).micros(),
            };
            let owned = OwnedChanges {
                grant_type: before.grant_type.as_str(),
                permissions: change.permissions.as_ref().map(list),
                ip_allow_list: change.ip_allow_list.map(|list| list.to_string()),
                ip_allow_list_mode: change.ip_allow_list_mode.map(AllowListMode::as_str),
                notification_emails: change.notification_emails.as_deref().map(addresses),
            };
            let client = diesel::update(clients::table.find((environment, key))).set(client);
            let client: ClientPart = client.returning(ClientPart::as_returning()).get_result(c).await?;
            let owned = diesel::update(applications::table.find((environment, key))).set(owned);
            let owned: OwnedRow = owned.returning(OwnedRow::as_returning()).get_result(c).await?;
            let after = read((owned, client))?;
            let lost = before.permissions.iter().filter(|name| !after.permissions.contains(name));
            let lost: Vec<String> = lost.map(str::to_owned).collect();
            if !lost.is_empty() {
                take_scopes!(c, environment, [key], &lost, by.at);
            }
            let owner: String = owner(environment, after.organization_id.into()).get_result(c).await?;
            let event = updated(&before, &after, &owner);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after))
        })
    }

    /// Gives an application another secret. The one it had works on for as long as they overlap, unless another rotation
    /// comes first: there are never more than two. Tokens that were issued live on. `None` when there is no such
    /// application.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn rotate_application_secret(
        &self,
        id: Id<Application>,
        secret: SecretHash,
        overlap: SecretOverlap,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Application>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let before = lock_application!(c, environment, key, expected);
            let client = clients::table.find((environment, key));
            let replaced: Option<Vec<u8>> = client.select(clients::secret_hash).get_result(c).await?;
            let replaced = replaced.filter(|_| overlap != SecretOverlap::None);
            let until = replaced.is_some().then(|| by.at.plus_seconds(overlap.seconds()).micros());
            let previous =
                (applications::previous_secret_hash.eq(replaced), applications::previous_secret_expires_at.eq(until));
            diesel::update(applications::table.find((environment, key))).set(previous).execute(c).await?;
            let at = by.at.after(before.updated_at);
            let secret = clients::secret_hash.eq(secret.as_bytes().to_vec());
            let secret = diesel::update(client).set((secret, clients::updated_at.eq(at.micros())));
            secret.execute(c).await?;
            let owner: String = owner(environment, before.organization_id.into()).get_result(c).await?;
            let event = event("application.secret_rotated", id, &before.name, before.organization_id, &owner);
            let event = event.change("overlap", None, Some(overlap.as_str().to_owned()));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            let previous_secret_expires_at = until.map(Timestamp::from_micros);
            Ok(Some(Application { previous_secret_expires_at, updated_at: at, ..before }))
        })
    }

    /// Ends the secret that an application had before, at once. One that ended already is not told of again. `None` when
    /// there is no such application.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn expire_previous_secret(
        &self,
        id: Id<Application>,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Application>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let before = lock_application!(c, environment, key, expected);
            if before.previous_secret_until(by.at).is_none() {
                return Ok(Some(before));
            }
            let none = (
                applications::previous_secret_hash.eq(None::<Vec<u8>>),
                applications::previous_secret_expires_at.eq(None::<i64>),
            );
            diesel::update(applications::table.find((environment, key))).set(none).execute(c).await?;
            let at = by.at.after(before.updated_at);
            let changed = diesel::update(clients::table.find((environment, key)));
            changed.set(clients::updated_at.eq(at.micros())).execute(c).await?;
            let owner: String = owner(environment, before.organization_id.into()).get_result(c).await?;
            let event = event("application.previous_secret_expired", id, &before.name, before.organization_id, &owner);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(Application { previous_secret_expires_at: None, updated_at: at, ..before }))
        })
    }

    /// Deletes an application with its connections, its tokens and its service user, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn delete_application(&self, id: Id<Application>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        let gone: Option<()> = on!(self.db, transaction, |c| {
            let before = lock_application!(c, environment, key, expected);
            let gone = diesel::delete(clients::table.find((environment, key))).returning(clients::user_id);
            let service: Option<Key> = gone.get_result(c).await?;
            if let Some(service) = service {
                delete_service_user!(c, environment, service);
            }
            let owner: String = owner(environment, before.organization_id.into()).get_result(c).await?;
            let event = event("application.deleted", id, &before.name, before.organization_id, &owner);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(()))
        })?;
        Ok(gone.is_some())
    }
}

/// How the trail tells an attribute.
type Word = fn(&Application) -> String;

fn updated(before: &Application, after: &Application, owner: &str) -> Event {
    let words: [(&'static str, Word); 5] = [
        ("name", |application| application.name.clone()),
        ("ip_allow_list", |application| application.ip_allow_list.entries().collect::<Vec<_>>().join(" ")),
        ("ip_allow_list_mode", |application| application.ip_allow_list_mode.as_str().into()),
        ("permissions", |application| application.permissions.to_string()),
        ("notification_emails", |application| {
            application.notification_emails.iter().map(Email::as_str).collect::<Vec<_>>().join(" ")
        }),
    ];
    let event = event("application.updated", after.id, &after.name, after.organization_id, owner).change(
        "redirect_uri",
        before.redirect_uri.clone(),
        after.redirect_uri.clone(),
    );
    words.into_iter().fold(event, |event, (field, word)| event.change(field, Some(word(before)), Some(word(after))))
}
