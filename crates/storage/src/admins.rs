//! An environment that had a person with the admin role keeps one, and so does an organization while it has members.
//!
//! Whoever may take the role from somebody first takes the lock, then makes the change, then counts who is left: two
//! admins who demote each other at once are served one after the other, and the second is refused.

use diesel::{
    dsl::{self, auto_type},
    prelude::*,
};
use paylent_domain::{role::ADMIN, user::UserKind};

use crate::{
    Error, Result,
    error::Refusal,
    key::Key,
    schema::{membership_roles, memberships, roles, users},
};

type AdminRole = dsl::Filter<
    roles::table,
    dsl::And<
        dsl::And<dsl::Eq<roles::environment_id, Key>, dsl::Eq<roles::name, &'static str>>,
        dsl::Eq<roles::system, bool>,
    >,
>;

/// The role that every environment comes with, and that holds all its permissions.
pub(crate) fn admin_role(environment: Key) -> AdminRole {
    let is_admin = roles::environment_id.eq(environment).and(roles::name.eq(ADMIN)).and(roles::system.eq(true));
    roles::table.filter(is_admin)
}

/// The statement that takes the lock: it writes the admin role's row as it is.
pub(crate) fn lock_admins(environment: Key) -> dsl::Update<AdminRole, dsl::Eq<roles::updated_at, roles::updated_at>> {
    diesel::update(admin_role(environment)).set(roles::updated_at.eq(roles::updated_at))
}

/// The people who hold the admin role in an organization and may sign in, each with the organization.
#[auto_type(no_type_alias)]
pub(crate) fn admins_of_organizations(environment: Key) -> _ {
    let admin: &'static str = ADMIN;
    let person: &'static str = UserKind::Person.as_str();
    let yes: bool = true;
    let held = memberships::environment_id
        .eq(membership_roles::environment_id)
        .and(memberships::id.eq(membership_roles::membership_id));
    let role = roles::environment_id.eq(membership_roles::environment_id).and(roles::id.eq(membership_roles::role_id));
    let user = users::environment_id.eq(memberships::environment_id).and(users::id.eq(memberships::user_id));
    membership_roles::table
        .inner_join(memberships::table.on(held))
        .inner_join(roles::table.on(role))
        .inner_join(users::table.on(user))
        .filter(memberships::environment_id.eq(environment))
        .filter(roles::name.eq(admin).and(roles::system.eq(yes)))
        .filter(users::active.eq(yes).and(users::kind.eq(person)))
        .select(memberships::organization_id)
}

/// What a person administers.
#[derive(Default)]
pub(crate) struct Administered {
    /// Whether it is the environment.
    pub environment: bool,
    /// These organizations.
    pub organizations: Vec<Key>,
}

/// What a person administers before the unit of work at hand takes that from them: of the one organization that is named,
/// or else of everything. The lock is held.
macro_rules! administered {
    ($c:expr, $environment:expr, $user:expr, $organization:expr) => {{
        use $crate::schema::{admins, memberships as members};

        let organization: Option<$crate::key::Key> = $organization;
        let environment: i64 = match organization {
            Some(_) => 0,
            None => admins::table.find(($environment, $user)).count().get_result($c).await?,
        };
        let theirs = $crate::admins::admins_of_organizations($environment);
        let theirs = theirs.filter(members::user_id.eq($user)).into_boxed();
        let theirs = match organization {
            Some(organization) => theirs.filter(members::organization_id.eq(organization)),
            None => theirs,
        };
        $crate::admins::Administered { environment: environment > 0, organizations: theirs.load($c).await? }
    }};
}

/// Refuses, at the end of that unit of work, to leave the environment without an admin, or one of these organizations to
/// others without one.
macro_rules! keep_admins {
    ($c:expr, $environment:expr, $user:expr, $administered:expr) => {{
        use $crate::schema::{admins, memberships as members};

        let $crate::admins::Administered { environment, organizations: mut lost } = $administered;
        if environment {
            let left = admins::table.filter(admins::environment_id.eq($environment));
            $crate::admins::refuse_last_admin(left.count().get_result($c).await?)?;
        }
        if !lost.is_empty() {
            let kept = $crate::admins::admins_of_organizations($environment);
            let kept = kept.filter(members::organization_id.eq_any(lost.clone())).distinct();
            let kept: Vec<$crate::key::Key> = kept.load($c).await?;
            lost.retain(|organization| !kept.contains(organization));
        }
        if !lost.is_empty() {
            let others = members::environment_id.eq($environment).and(members::organization_id.eq_any(lost));
            let others = members::table.filter(others.and(members::user_id.ne($user)));
            if others.count().get_result::<i64>($c).await? > 0 {
                return Err($crate::Error::Refused($crate::error::Refusal::LastAdmin));
            }
        }
    }};
}

pub(crate) use {administered, keep_admins};

/// Refuses a change after which nobody is left.
pub(crate) fn refuse_last_admin(left: i64) -> Result<()> {
    if left == 0 { Err(Error::Refused(Refusal::LastAdmin)) } else { Ok(()) }
}
