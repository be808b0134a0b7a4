//! By which connections an application's codes live, and what they cover.

use diesel::{prelude::*, sql_types::Bool};
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

/// The statement that finds the connections which count for a party: the organization's, and the person's own unless they
/// connect for all of the organization.
macro_rules! theirs {
    ($party:expr) => {{
        let party: Party = $party;
        let none = party.organization.is_none().into_sql::<Bool>();
        let of = connections::organization_id.eq(party.organization).assume_not_null();
        let of = of.or(connections::organization_id.is_null().and(none));
        let own = (!party.for_organization).into_sql::<Bool>();
        let own = connections::user_id.eq(party.user).assume_not_null().and(own);
        connections::table
            .filter(connections::environment_id.eq(party.environment))
            .filter(connections::application_id.eq(party.application).and(of))
            .filter(connections::user_id.is_null().or(own))
    }};
}

/// In the unit of work at hand, the connection that a code with these scopes lives by: one that covers them, the
/// organization's before the person's, or when the person has just agreed, the one that this makes or changes. The
/// application's row is locked for that, so that there is one connection of each party.
macro_rules! connect {
    ($c:ident, $party:expr, $scope:expr, $consented:expr, $by:expr) => {{
        use diesel::sql_types::Bool;
        use paylent_domain::{
            application::Connection,
            audit::{By, Context},
        };

        use crate::{
            audit::{entry, new_id},
            connections::{ConnectionRow, Names, allowed, names},
            oauth::connect::theirs,
            schema::{audit_events, authorities},
        };

        let party: $crate::oauth::connect::Party = $party;
        let consented: Option<Scopes> = $consented;
        let scope: &str = $scope;
        match consented {
            None => {
                let asked = Scopes::stored(scope);
                let known = theirs!(party).select((connections::id, connections::user_id, connections::scope));
                let mut known: Vec<(Key, Option<Key>, String)> = known.load($c).await?;
                known.sort_by_key(|(_, user, _)| user.is_some());
                let covers = |(_, _, scope): &(Key, Option<Key>, String)| asked.is_subset(&Scopes::stored(scope));
                known.iter().find(|known| covers(known)).map(|(id, ..)| *id)
            }
            Some(scopes) => {
                let lock = diesel::update(applications::table.find((party.environment, party.application)));
                lock.set(applications::grant_type.eq(applications::grant_type)).execute($c).await?;
                let user = Some(party.user).filter(|_| !party.for_organization);
                let of_all = connections::user_id.is_null().eq(party.for_organization);
                let one = theirs!(party).filter(of_all).select(ConnectionRow::as_select());
                let known: Option<ConnectionRow> = one.get_result($c).await.optional()?;
                let known = known.map(Connection::from);
                let at = $by.at;
                let (scope, by) = (connections::scope.eq(scopes.to_string()), connections::connected_by.eq(party.user));
                let changed: ConnectionRow = match &known {
                    Some(known) => {
                        let this = connections::table.find((party.environment, Key::from(known.id)));
                        let at = connections::updated_at.eq(at.after(known.updated_at).micros());
                        let changed = diesel::update(this).set((scope, by, at));
                        changed.returning(ConnectionRow::as_returning()).get_result($c).await?
                    }
                    None => {
                        let row = (
                            connections::environment_id.eq(party.environment),
                            connections::id.eq(new_id::<Connection>(at)?),
                            connections::application_id.eq(party.application),
                            connections::organization_id.eq(party.organization),
                            connections::user_id.eq(user),
                            by,
                            scope,
                            connections::created_at.eq(at.micros()),
                            connections::updated_at.eq(at.micros()),
                        );
                        let made = diesel::insert_into(connections::table).values(row);
                        made.returning(ConnectionRow::as_returning()).get_result($c).await?
                    }
                };
                let changed = Connection::from(changed);
                let key = Key::from(changed.id);
                let before = known.as_ref().map(|known| &known.permissions);
                if before != Some(&changed.permissions) {
                    let names: Names = names(party.environment, key).get_result($c).await?;
                    let person = authorities::table.find((party.environment, party.user)).select(authorities::name);
                    let name: String = person.get_result($c).await?;
                    let by = Context { by: By::User { id: party.user.id(), name }, ..$by };
                    let event = entry(party.environment, &by, &allowed(&changed, before, &names))?;
                    event.insert_into(audit_events::table).execute($c).await?;
                }
                Some(key)
            }
        }
    }};
}

pub(super) use {connect, theirs};

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
                    let of_all = connections::user_id.is_null().eq(for_organization);
                    theirs!(party).filter(of_all).select(connections::scope).get_result(c).await.optional()?
                }
                None => agreed,
            })
        })?;
        Ok(scope.map(|scope| Scopes::stored(&scope)))
    }
}
