//! Which users belong to which organizations.

use diesel::{dsl::auto_type, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    organization::{Membership, Organization},
    user::User,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    admins::{administered, keep_admins, lock_admins},
    audit::entry,
    key::Key,
    oauth::end_acting,
    page::page,
    pool::on,
    schema::{audit_events, authorities, memberships, organizations},
};

/// A row of `memberships`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = memberships)]
pub(crate) struct MembershipRow {
    pub environment_id: Key,
    pub id: Key,
    pub user_id: Key,
    pub organization_id: Key,
    pub created_at: i64,
}

/// Which memberships to list.
#[derive(Debug, Clone, Default)]
pub struct MembershipFilter {
    /// Only those of this user.
    pub user_id: Option<Id<User>>,
    /// Only those in this organization.
    pub organization_id: Option<Id<Organization>>,
    /// Only those in some of these organizations, which is all that the caller may see.
    pub within: Option<Vec<Id<Organization>>>,
}

/// Who belongs to what, by id and by name.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Parties {
    pub user_id: Key,
    user: String,
    pub organization_id: Key,
    organization: String,
}

/// The statement that reads the [`Parties`] of a membership.
#[auto_type(no_type_alias)]
pub(crate) fn parties(environment: Key, membership: Key) -> _ {
    let user =
        authorities::environment_id.eq(memberships::environment_id).and(authorities::user_id.eq(memberships::user_id));
    let organization = organizations::environment_id
        .eq(memberships::environment_id)
        .and(organizations::id.eq(memberships::organization_id));
    let this = memberships::environment_id.eq(environment).and(memberships::id.eq(membership));
    memberships::table
        .inner_join(authorities::table.on(user))
        .inner_join(organizations::table.on(organization))
        .filter(this)
        .select((memberships::user_id, authorities::name, memberships::organization_id, organizations::name))
}

impl Parties {
    /// The event, with the user and the organization as further targets.
    pub(crate) fn told_by(&self, event: Event) -> Event {
        event.and("user", self.user_id.id::<User>(), &self.user).and(
            "organization",
            self.organization_id.id::<Organization>(),
            &self.organization,
        )
    }
}

impl From<MembershipRow> for Membership {
    fn from(row: MembershipRow) -> Self {
        Self {
            id: row.id.id(),
            user_id: row.user_id.id(),
            organization_id: row.organization_id.id(),
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl Env {
    /// The memberships that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn memberships(&self, filter: MembershipFilter, page: Page) -> Result<Listed<Membership>> {
        let environment = self.key();
        let (user, organization) = (filter.user_id.map(Key::from), filter.organization_id.map(Key::from));
        let within = filter.within.map(Key::all);
        let rows: (Vec<MembershipRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = memberships::table.filter(memberships::environment_id.eq(environment)).into_boxed();
                if let Some(user) = user {
                    query = query.filter(memberships::user_id.eq(user));
                }
                if let Some(organization) = organization {
                    query = query.filter(memberships::organization_id.eq(organization));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(memberships::organization_id.eq_any(within));
                }
                query
            };
            page!(c, page, memberships::id, MembershipRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(Membership::from(row)))
    }

    /// The membership of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn membership(&self, id: Id<Membership>) -> Result<Option<Membership>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<MembershipRow> = on!(self.db, lookup, |c| {
            let found = memberships::table.find((environment, id)).select(MembershipRow::as_select());
            Ok::<_, Error>(found.get_result(c).await.optional()?)
        })?;
        Ok(row.map(Membership::from))
    }

    /// Makes a user a member of an organization.
    ///
    /// # Errors
    /// `Conflict` when the user is a member already, `Reference` when either is not there.
    pub async fn create_membership(&self, new: Membership, by: &Context) -> Result<Membership> {
        let (environment, key, by) = (self.key(), Key::from(new.id), by.clone());
        let row = MembershipRow {
            environment_id: environment,
            id: key,
            user_id: new.user_id.into(),
            organization_id: new.organization_id.into(),
            created_at: by.at.micros(),
        };
        let row: MembershipRow = on!(self.db, transaction, |c| {
            row.clone().insert_into(memberships::table).execute(c).await?;
            let parties: Parties = parties(environment, key).get_result(c).await?;
            let event = parties.told_by(Event::new("membership.created", "membership", new.id, &parties.user));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Ends a membership with the roles held through it, and with what was granted to act for the organization, and says
    /// whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is not as expected, and for the last admin of an organization that others belong to.
    pub async fn delete_membership(&self, id: Id<Membership>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_admins(environment).execute(c).await?;
            let known: Option<Parties> = parties(environment, key).get_result(c).await.optional()?;
            let Some(parties) = known else { return Ok(false) };
            let (member, organization) = (parties.user_id, parties.organization_id);
            let administered = administered!(c, environment, member, Some(organization));
            let gone = diesel::delete(memberships::table.find((environment, key))).returning(memberships::created_at);
            let gone: Option<i64> = gone.get_result(c).await.optional()?;
            let Some(version) = gone else { return Ok(false) };
            expected.check(version)?;
            keep_admins!(c, environment, member, administered);
            end_acting!(c, environment, organization, Some(member), by);
            let event = parties.told_by(Event::new("membership.deleted", "membership", id, &parties.user));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
