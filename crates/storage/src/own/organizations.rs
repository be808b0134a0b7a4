//! Where a person belongs, and where they are asked to join.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::Context,
    invitation::{Invitation, InvitationStatus},
    organization::{Membership, Organization},
    user::User,
};

use crate::{
    Env, Error, Expected, Result,
    key::Key,
    pool::on,
    schema::{invitations, membership_roles, memberships, organizations, roles, users},
};

/// As many memberships and invitations as one page shows.
const MOST: i64 = 500;

/// That a person belongs to an organization, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMembership {
    /// The membership.
    pub id: Id<Membership>,
    /// Where they belong.
    pub organization_id: Id<Organization>,
    /// What that is called.
    pub organization: String,
    /// The roles they hold there: what it is called, and what it allows, in words.
    pub roles: Vec<(String, Option<String>)>,
    /// Since when.
    pub since: Timestamp,
}

/// That a person is asked to join an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnInvitation {
    /// The invitation.
    pub id: Id<Invitation>,
    /// What the organization is called.
    pub organization: String,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
}

impl Env {
    /// The memberships of a person, by the name of the organization.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn own_memberships(&self, user: Id<User>) -> Result<Vec<OwnMembership>> {
        type Row = (Key, Key, String, i64);
        type Held = (Key, String, Option<String>);
        let (environment, user) = (self.key(), Key::from(user));
        let (rows, held): (Vec<Row>, Vec<Held>) = on!(self.db, read, |c| {
            let theirs = memberships::environment_id.eq(environment).and(memberships::user_id.eq(user));
            let organization = organizations::environment_id
                .eq(memberships::environment_id)
                .and(organizations::id.eq(memberships::organization_id));
            let rows = memberships::table
                .inner_join(organizations::table.on(organization))
                .filter(theirs)
                .select((memberships::id, organizations::id, organizations::name, memberships::created_at))
                .order((organizations::name.asc(), memberships::id.asc()))
                .limit(MOST);
            let rows: Vec<Row> = rows.load(c).await?;
            let shown: Vec<Key> = rows.iter().map(|(id, ..)| *id).collect();
            let role =
                roles::environment_id.eq(membership_roles::environment_id).and(roles::id.eq(membership_roles::role_id));
            let held = membership_roles::table
                .inner_join(roles::table.on(role))
                .filter(membership_roles::environment_id.eq(environment))
                .filter(membership_roles::membership_id.eq_any(shown))
                .select((membership_roles::membership_id, roles::name, roles::description))
                .order(roles::name.asc());
            Ok::<_, Error>((rows, held.load(c).await?))
        })?;
        let roles_of = |membership: Key| {
            let own = held.iter().filter(move |(of, ..)| *of == membership);
            own.map(|(_, name, description)| (name.clone(), description.clone())).collect()
        };
        let read = |(id, organization_id, organization, since): Row| OwnMembership {
            id: id.id(),
            organization_id: organization_id.id(),
            organization,
            roles: roles_of(id),
            since: Timestamp::from_micros(since),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The invitations that a person can answer at this moment: none while nobody knows that the address is theirs.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn own_invitations(&self, user: Id<User>, now: Timestamp) -> Result<Vec<OwnInvitation>> {
        type Row = (Key, String, i64);
        let (environment, user, now) = (self.key(), Key::from(user), now.micros());
        let rows: Vec<Row> = on!(self.db, read, |c| {
            let organization = organizations::environment_id
                .eq(invitations::environment_id)
                .and(organizations::id.eq(invitations::organization_id));
            let address = users::table
                .find((environment, user))
                .filter(users::email_verified.eq(true))
                .select(users::email_key.assume_not_null());
            let rows = invitations::table
                .inner_join(organizations::table.on(organization))
                .filter(invitations::environment_id.eq(environment).and(invitations::email_key.eq_any(address)))
                .filter(invitations::status.eq(InvitationStatus::Pending.as_str()))
                .filter(invitations::expires_at.gt(now))
                .select((invitations::id, organizations::name, invitations::expires_at))
                .order(invitations::id.desc())
                .limit(MOST);
            Ok::<_, Error>(rows.load(c).await?)
        })?;
        let read = |(id, organization, expires_at): Row| OwnInvitation {
            id: id.id(),
            organization,
            expires_at: Timestamp::from_micros(expires_at),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Ends a membership of this person as [`delete_membership`](Env::delete_membership) does. `false` when they have none
    /// of this id.
    ///
    /// # Errors
    /// `Refused` for the last admin of an organization that others belong to.
    pub async fn leave_organization(&self, user: Id<User>, id: Id<Membership>, by: &Context) -> Result<bool> {
        // A membership never changes hands.
        match self.membership(id).await? {
            Some(membership) if membership.user_id == user => self.delete_membership(id, &Expected::Any, by).await,
            _ => Ok(false),
        }
    }
}
