//! Which roles members hold in their organizations.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    organization::{Membership, MembershipRole, Organization},
    role::Role,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    admins::{administered, keep_admins, lock_admins},
    audit::entry,
    key::Key,
    memberships::{Parties, parties},
    page::page,
    pool::on,
    schema::{audit_events, membership_roles, memberships, roles},
};

/// A row of `membership_roles`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = membership_roles)]
pub(crate) struct MembershipRoleRow {
    pub environment_id: Key,
    pub id: Key,
    pub membership_id: Key,
    pub role_id: Key,
    pub created_at: i64,
}

/// Which roles of members to list.
#[derive(Debug, Clone, Default)]
pub struct MembershipRoleFilter {
    /// Only those held through this membership.
    pub membership_id: Option<Id<Membership>>,
    /// Only those of this role.
    pub role_id: Option<Id<Role>>,
    /// Only those in some of these organizations, which is all that the caller may see.
    pub within: Option<Vec<Id<Organization>>>,
}

impl MembershipRoleRow {
    fn read(self, organization_id: Key) -> MembershipRole {
        MembershipRole {
            id: self.id.id(),
            membership_id: self.membership_id.id(),
            organization_id: organization_id.id(),
            role_id: self.role_id.id(),
            created_at: Timestamp::from_micros(self.created_at),
        }
    }
}

/// The rows with the memberships they belong to.
macro_rules! with_memberships {
    () => {
        membership_roles::table.inner_join(
            memberships::table.on(memberships::environment_id
                .eq(membership_roles::environment_id)
                .and(memberships::id.eq(membership_roles::membership_id))),
        )
    };
}

impl Env {
    /// The roles of members that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn membership_roles(&self, filter: MembershipRoleFilter, page: Page) -> Result<Listed<MembershipRole>> {
        let environment = self.key();
        let (membership, role) = (filter.membership_id.map(Key::from), filter.role_id.map(Key::from));
        let within = filter.within.map(Key::all);
        let rows: (Vec<(MembershipRoleRow, Key)>, _) = on!(self.db, read, |c| {
            let matching = || {
                let here = membership_roles::environment_id.eq(environment);
                let mut query = with_memberships!().filter(here).into_boxed();
                if let Some(membership) = membership {
                    query = query.filter(membership_roles::membership_id.eq(membership));
                }
                if let Some(role) = role {
                    query = query.filter(membership_roles::role_id.eq(role));
                }
                if let Some(within) = within.clone() {
                    query = query.filter(memberships::organization_id.eq_any(within));
                }
                query
            };
            let columns = (MembershipRoleRow::as_select(), memberships::organization_id);
            page!(c, page, membership_roles::id, columns, matching())
        })?;
        Listed::of(rows, |(row, organization)| Ok(row.read(organization)))
    }

    /// The role of a member of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn membership_role(&self, id: Id<MembershipRole>) -> Result<Option<MembershipRole>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<(MembershipRoleRow, Key)> = on!(self.db, lookup, |c| {
            let this = membership_roles::environment_id.eq(environment).and(membership_roles::id.eq(id));
            let columns = (MembershipRoleRow::as_select(), memberships::organization_id);
            let row = with_memberships!().filter(this).select(columns).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        Ok(row.map(|(row, organization)| row.read(organization)))
    }

    /// The roles held through each of these memberships, in the order of both.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn roles_of_memberships(&self, ids: Vec<Id<Membership>>) -> Result<Vec<(Id<Membership>, Id<Role>)>> {
        let (environment, ids) = (self.key(), Key::all(ids));
        let pairs: Vec<(Key, Key)> = on!(self.db, read, |c| {
            let columns = (membership_roles::membership_id, membership_roles::role_id);
            let theirs = membership_roles::table
                .filter(membership_roles::environment_id.eq(environment))
                .filter(membership_roles::membership_id.eq_any(ids))
                .order(columns)
                .select(columns);
            Ok::<_, Error>(theirs.load(c).await?)
        })?;
        Ok(pairs.into_iter().map(|(membership, role)| (membership.id(), role.id())).collect())
    }

    /// Gives a role to a member. Which organization it is follows from the membership.
    ///
    /// # Errors
    /// `Conflict` when the member holds it already, `Reference` when either is not there.
    pub async fn create_membership_role(&self, new: MembershipRole, by: &Context) -> Result<MembershipRole> {
        let (environment, by) = (self.key(), by.clone());
        let row = MembershipRoleRow {
            environment_id: environment,
            id: new.id.into(),
            membership_id: new.membership_id.into(),
            role_id: new.role_id.into(),
            created_at: by.at.micros(),
        };
        on!(self.db, transaction, |c| {
            row.clone().insert_into(membership_roles::table).execute(c).await?;
            let parties: Parties = parties(environment, row.membership_id).get_result(c).await?;
            let role: String = roles::table.find((environment, row.role_id)).select(roles::name).get_result(c).await?;
            let event = told("membership_role.created", &row, &parties, &role);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row.read(parties.organization_id))
        })
    }

    /// Takes a role from a member, and says whether it was held.
    ///
    /// # Errors
    /// `Refused` when the last admin of an organization that others belong to would lose the admin role, and when it is
    /// not as expected.
    pub async fn delete_membership_role(
        &self,
        id: Id<MembershipRole>,
        expected: &Expected,
        by: &Context,
    ) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_admins(environment).execute(c).await?;
            let held = membership_roles::table.find((environment, key));
            let membership = held.select(membership_roles::membership_id).get_result(c).await.optional()?;
            let Some(membership) = membership else { return Ok(false) };
            let known = parties(environment, membership).get_result(c).await.optional()?;
            let Some(parties): Option<Parties> = known else { return Ok(false) };
            let administered = administered!(c, environment, parties.user_id, Some(parties.organization_id));
            let gone = diesel::delete(held).returning(MembershipRoleRow::as_returning()).get_result(c).await;
            let Some(gone) = gone.optional()? else { return Ok(false) };
            expected.check(gone.created_at)?;
            keep_admins!(c, environment, parties.user_id, administered);
            let role: String = roles::table.find((environment, gone.role_id)).select(roles::name).get_result(c).await?;
            let event = told("membership_role.deleted", &gone, &parties, &role);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}

fn told(action: &'static str, row: &MembershipRoleRow, parties: &Parties, role: &str) -> Event {
    let event = Event::new(action, "membership_role", row.id.id::<MembershipRole>(), role);
    parties.told_by(event).and("role", row.role_id.id::<Role>(), role)
}
