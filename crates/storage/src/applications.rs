//! Applications: clients that an organization owns. No function for clients sees them: see [`not_owned`].

mod change;
mod owners;
mod rows;
mod withdrawn;

use std::collections::BTreeSet;

use diesel::{
    dsl::{auto_type, exists, not},
    prelude::*,
};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id,
    application::{Application, ApplicationGrant},
    audit::Context,
    organization::Organization,
    scope::Scopes,
};

use crate::{
    Env, Error, Listed, Page, Result,
    audit::entry,
    authority::names,
    client_grants::check_scopes,
    clients::NewClientRow,
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    resource_servers::lock_server,
    schema::{applications, audit_events, clients, connections, organizations, users},
    users::NewUserRow,
};

pub use change::ApplicationChange;
pub(crate) use owners::delete_applications;
pub use rows::NewApplication;
pub(crate) use rows::event;
use rows::{ApplicationRow, ClientPart, NewOwnedRow, OwnedRow, client_of, read};
pub(crate) use withdrawn::{left, take_scopes, withdraw_permission};

/// Which applications to list.
#[derive(Debug, Clone, Default)]
pub struct ApplicationFilter {
    /// Only those of this organization.
    pub organization_id: Option<Id<Organization>>,
    /// Only those of some of these organizations, which is all that the caller may see.
    pub within: Option<BTreeSet<Id<Organization>>>,
    /// Only the one of this public identifier.
    pub client_id: Option<String>,
}

/// Holds for the clients of the environment itself, and not for those that are an organization's application.
#[auto_type(no_type_alias)]
pub(crate) fn not_owned() -> _ {
    let this = applications::environment_id.eq(clients::environment_id).and(applications::id.eq(clients::id));
    not(exists(applications::table.filter(this)))
}

/// The statement that names an organization.
#[auto_type(no_type_alias)]
fn owner(environment: Key, organization: Key) -> _ {
    let this = organizations::environment_id.eq(environment).and(organizations::id.eq(organization));
    organizations::table.filter(this).select(organizations::name)
}

/// The applications of an environment, each with its client.
macro_rules! with_client {
    ($environment:expr) => {{
        let client = clients::environment_id.eq(applications::environment_id).and(clients::id.eq(applications::id));
        applications::table.inner_join(clients::table.on(client)).filter(applications::environment_id.eq($environment))
    }};
}
use with_client;

impl Env {
    /// The applications that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn applications(&self, filter: ApplicationFilter, page: Page) -> Result<Listed<Application>> {
        let (environment, organization) = (self.key(), filter.organization_id.map(Key::from));
        let within = filter.within.map(|ids| Key::all(ids.into_iter().collect()));
        let rows: (Vec<ApplicationRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = with_client!(environment).into_boxed();
                if let Some(organization) = organization {
                    query = query.filter(applications::organization_id.eq(organization));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(applications::organization_id.eq_any(within));
                }
                if let Some(client_id) = filter.client_id.clone() {
                    query = query.filter(clients::client_id.eq(client_id));
                }
                query
            };
            let columns = (OwnedRow::as_select(), ClientPart::as_select());
            page!(c, page, applications::id, clients::name, columns, matching())
        })?;
        Listed::of(rows, read)
    }

    /// The application of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn application_by_id(&self, id: Id<Application>) -> Result<Option<Application>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ApplicationRow> = on!(self.db, lookup, |c| {
            let one = with_client!(environment).filter(applications::id.eq(id));
            let one = one.select((OwnedRow::as_select(), ClientPart::as_select()));
            Ok::<_, Error>(one.get_result(c).await.optional()?)
        })?;
        row.map(read).transpose()
    }

    /// Makes an application with its client and its service user.
    ///
    /// # Errors
    /// `Reference` when the organization, the resource server or a permission is not there; `Refused` when people are to
    /// connect it and its resource server allows no refresh tokens.
    pub async fn create_application(&self, new: NewApplication, by: &Context) -> Result<Application> {
        let (environment, by) = (self.key(), by.clone());
        let service = new.service_user.map(|id| NewUserRow::service(environment, id, &new.name, by.at));
        let (organization, server) = (Key::from(new.organization_id), Key::from(new.resource_server_id));
        let refreshes = new.grant_type == ApplicationGrant::AuthorizationCode;
        let wanted: Vec<String> = new.permissions.iter().map(str::to_owned).collect();
        let owned = NewOwnedRow::new(environment, &new);
        let client = NewClientRow::new(environment, client_of(&new), by.at);
        on!(self.db, transaction, |c| {
            // Locks the owner: who deletes it has seen this application, or this does not find it.
            let owner = diesel::update(organizations::table.find((environment, organization)))
                .set(organizations::updated_at.eq(organizations::updated_at))
                .returning(organizations::name);
            let owner: Option<String> = owner.get_result(c).await.optional()?;
            let owner = owner.ok_or(Error::Reference)?;
            let server = lock_server!(c, environment, resource_servers::id.eq(server)).ok_or(Error::Reference)?;
            if refreshes && !server.allow_offline_access {
                return Err(Error::Refused(Refusal::NoRefreshTokens));
            }
            check_scopes!(c, environment, server.id, Some(wanted));
            if let Some(service) = service {
                service.insert_into(users::table).execute(c).await?;
            }
            let client = client.insert_into(clients::table).returning(ClientPart::as_returning());
            let client: ClientPart = client.get_result(c).await?;
            let owned = owned.insert_into(applications::table).returning(OwnedRow::as_returning());
            let owned: OwnedRow = owned.get_result(c).await?;
            let made = read((owned, client))?;
            let event = event("application.created", made.id, &made.name, made.organization_id, &owner);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(made)
        })
    }

    /// How many connections would lose something that they let the application do, if it had only these permissions.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn connections_narrowed_by(&self, id: Id<Application>, permissions: &Scopes) -> Result<i64> {
        let (environment, id) = (self.key(), Key::from(id));
        let (held, scopes): (Option<String>, Vec<(String, i64)>) = on!(self.db, read, |c| {
            let held = applications::table.find((environment, id)).select(applications::permissions);
            let held = held.get_result(c).await.optional()?;
            let its = connections::environment_id.eq(environment).and(connections::application_id.eq(id));
            // Many connections share few sets.
            let its = connections::table.filter(its).group_by(connections::scope);
            let scopes = its.select((connections::scope, diesel::dsl::count_star())).load(c).await?;
            Ok::<_, Error>((held, scopes))
        })?;
        let mut lost = held.as_deref().map(names).transpose()?.unwrap_or_default();
        lost.retain(|name| !permissions.contains(name));
        let narrowed = scopes.iter().filter(|(scope, _)| {
            let connected = Scopes::stored(scope);
            lost.iter().any(|name| connected.contains(name))
        });
        Ok(narrowed.map(|(_, count)| count).sum())
    }
}
