//! By which connections an application's codes live, and what they cover.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::scope::Scopes;
use paylent_oauth::store::Consenting;

use crate::{
    Env, Error, Result,
    key::Key,
    pool::on,
    schema::{applications, clients, connections, consents},
};

/// Who connects an application.
#[derive(Clone, Copy)]
pub(super) struct Party {
    pub(super) environment: Key,
    pub(super) application: Key,
    pub(super) organization: Option<Key>,
    pub(super) user: Key,
    /// Whether they do it for all of the organization.
    pub(super) for_organization: bool,
}

/// The statement that finds a connection of a party: the one for all of their organization, or the person's own. Each has
/// its own condition, so that a unique index of the three answers.
macro_rules! connection_of {
    ($party:expr, $for_all:expr) => {{
        let party: $crate::oauth::connect::Party = $party;
        let its = connections::environment_id.eq(party.environment);
        let its = connections::table.filter(its.and(connections::application_id.eq(party.application))).into_boxed();
        match (party.organization, $for_all) {
            (Some(organization), true) => {
                its.filter(connections::organization_id.eq(organization)).filter(connections::user_id.is_null())
            }
            (Some(organization), false) => {
                its.filter(connections::organization_id.eq(organization)).filter(connections::user_id.eq(party.user))
            }
            (None, _) => its.filter(connections::organization_id.is_null()).filter(connections::user_id.eq(party.user)),
        }
    }};
}

/// The connection that a code with these scopes lives by when nobody was asked: one that covers them, the organization's
/// before the person's.
macro_rules! covering_connection {
    ($c:ident, $party:expr, $granted:expr) => {{
        let (party, granted): (Party, &Scopes) = ($party, $granted);
        let ways = [party.organization.map(|_| true), Some(false).filter(|_| !party.for_organization)];
        let mut covering: Option<Key> = None;
        for for_all in ways.into_iter().flatten() {
            if covering.is_none() {
                let known = connection_of!(party, for_all).select((connections::id, connections::scope));
                let known: Option<(Key, String)> = known.get_result($c).await.optional()?;
                covering = known.filter(|(_, scope)| granted.is_subset(&Scopes::stored(scope))).map(|(id, _)| id);
            }
        }
        covering
    }};
}

/// Locks, in the unit of work at hand, those whom a connection depends on, in the order in which they go: nobody deletes
/// one of them meanwhile, and two people who connect at once come one after the other. Whether the person belongs to the
/// organization that they act for.
macro_rules! lock_parties {
    ($c:ident, $party:expr) => {{
        use $crate::schema::{memberships, organizations, users};

        let party: Party = $party;
        if let Some(organization) = party.organization {
            let organization = diesel::update(organizations::table.find((party.environment, organization)));
            organization.set(organizations::updated_at.eq(organizations::updated_at)).execute($c).await?;
        }
        let application = diesel::update(clients::table.find((party.environment, party.application)));
        application.set(clients::updated_at.eq(clients::updated_at)).execute($c).await?;
        match party.organization {
            Some(organization) => {
                let user = diesel::update(users::table.find((party.environment, party.user)));
                user.set(users::updated_at.eq(users::updated_at)).execute($c).await?;
                let theirs = memberships::environment_id.eq(party.environment);
                let theirs = theirs.and(memberships::organization_id.eq(organization));
                let theirs = memberships::table.filter(theirs.and(memberships::user_id.eq(party.user)));
                let member = diesel::update(theirs).set(memberships::created_at.eq(memberships::created_at));
                member.execute($c).await? > 0
            }
            None => true,
        }
    }};
}

/// In the unit of work at hand, the connection that this makes or changes for somebody who was just asked for scopes and
/// agreed to these; none for somebody who has left the organization meanwhile. What they were not asked stays as it is at
/// this moment, and there is never more than what the application has permission for.
macro_rules! agree {
    ($c:ident, $party:expr, $asked:expr, $granted:expr, $by:expr) => {{
        use paylent_domain::{
            application::Connection,
            audit::{By, Context},
        };
        use paylent_oauth::{limit_scopes, store::agreed};

        use $crate::{
            audit::{entry, new_id},
            authority::names as listed,
            connections::{ConnectionRow, Names, allowed, names},
            schema::{audit_events, authorities},
        };

        let (party, asked, granted): (Party, &Scopes, &Scopes) = ($party, $asked, $granted);
        let is_member = lock_parties!($c, party);
        let permissions = applications::table.find((party.environment, party.application));
        let permissions = permissions.select(applications::permissions).get_result($c).await;
        let permissions: Option<String> = permissions.optional()?;
        match permissions.filter(|_| is_member) {
            None => None,
            Some(permissions) => {
                let permissions: Scopes = listed(&permissions)?.into_iter().collect();
                let at = $by.at;
                let known = connection_of!(party, party.for_organization).select(connections::id);
                let known: Option<Key> = known.get_result($c).await.optional()?;
                let known: Option<ConnectionRow> = match known {
                    Some(id) => {
                        let this = connections::table.find((party.environment, id));
                        let lock = diesel::update(this).set(connections::updated_at.eq(connections::updated_at));
                        lock.returning(ConnectionRow::as_returning()).get_result($c).await.optional()?
                    }
                    None => None,
                };
                let known = known.map(Connection::from);
                let before = known.as_ref().map(|known| &known.permissions);
                let scopes = limit_scopes(&agreed(before, asked, granted), &permissions, None);
                let scope = connections::scope.eq(scopes.to_string());
                let changed: Option<ConnectionRow> = match &known {
                    Some(known) if known.permissions == scopes => None,
                    Some(known) => {
                        let this = connections::table.find((party.environment, Key::from(known.id)));
                        let at = connections::updated_at.eq(at.after(known.updated_at).micros());
                        let changed = diesel::update(this).set((scope, at)).returning(ConnectionRow::as_returning());
                        Some(changed.get_result($c).await?)
                    }
                    None => {
                        let row = (
                            connections::environment_id.eq(party.environment),
                            connections::id.eq(new_id::<Connection>(at)?),
                            connections::application_id.eq(party.application),
                            connections::organization_id.eq(party.organization),
                            connections::user_id.eq(Some(party.user).filter(|_| !party.for_organization)),
                            connections::connected_by.eq(party.user),
                            scope,
                            connections::created_at.eq(at.micros()),
                            connections::updated_at.eq(at.micros()),
                        );
                        let made = diesel::insert_into(connections::table).values(row);
                        Some(made.returning(ConnectionRow::as_returning()).get_result($c).await?)
                    }
                };
                match changed.map(Connection::from) {
                    None => known.map(|known| Key::from(known.id)),
                    Some(changed) => {
                        let key = Key::from(changed.id);
                        let names: Names = names(party.environment, key).get_result($c).await?;
                        let person = authorities::table.find((party.environment, party.user));
                        let name: String = person.select(authorities::name).get_result($c).await?;
                        let by = Context { by: By::User { id: party.user.id(), name }, ..$by.clone() };
                        let event = entry(party.environment, &by, &allowed(&changed, before, &names))?;
                        event.insert_into(audit_events::table).execute($c).await?;
                        Some(key)
                    }
                }
            }
        }
    }};
}

pub(super) use {agree, connection_of, covering_connection, lock_parties};

impl Env {
    pub(super) async fn find_consent(&self, of: Consenting<'_>) -> Result<Option<Scopes>> {
        let (environment, user, client_id) = (self.key(), Key::from(of.user_id), of.client_id.to_owned());
        let (audience, organization) = (of.audience.to_owned(), of.organization_id.map(Key::from));
        let for_organization = of.for_organization;
        // In one statement, for clients that are no applications: what was agreed to, and whether this is one.
        let scope: Option<String> = on!(self.db, read, |c| {
            let application = applications::environment_id.eq(environment).and(applications::id.eq(clients::id));
            let agreed = consents::environment_id.eq(environment).and(consents::user_id.eq(user));
            let agreed = agreed.and(consents::client_id.eq(clients::client_id));
            let agreed = agreed.and(consents::audience.eq(audience));
            let known = clients::table
                .left_join(applications::table.on(application))
                .left_join(consents::table.on(agreed))
                .filter(clients::environment_id.eq(environment).and(clients::client_id.eq(client_id)))
                .select((applications::id.nullable(), consents::scope.nullable()));
            let known: Option<(Option<Key>, Option<String>)> = known.get_result(c).await.optional()?;
            let (application, agreed) = known.unwrap_or_default();
            Ok::<_, Error>(match application {
                Some(application) => {
                    let party = Party { environment, application, organization, user, for_organization };
                    let known = connection_of!(party, for_organization).select(connections::scope);
                    known.get_result(c).await.optional()?
                }
                None => agreed,
            })
        })?;
        Ok(scope.map(|scope| Scopes::stored(&scope)))
    }
}
