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

/// The people who hold the admin role in an organization and may sign in.
#[auto_type(no_type_alias)]
pub(crate) fn admins_of(environment: Key, organization: Key) -> _ {
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
        .filter(memberships::environment_id.eq(environment).and(memberships::organization_id.eq(organization)))
        .filter(roles::name.eq(admin).and(roles::system.eq(yes)))
        .filter(users::active.eq(yes).and(users::kind.eq(person)))
}

/// Refuses a change after which nobody is left.
pub(crate) fn refuse_last_admin(left: i64) -> Result<()> {
    if left == 0 { Err(Error::Refused(Refusal::LastAdmin)) } else { Ok(()) }
}
