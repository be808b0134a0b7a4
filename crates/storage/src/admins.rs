//! An environment that had a person with the admin role keeps one.
//!
//! Whoever may take the role from somebody first takes the lock, then makes the change, then counts who is left: two
//! admins who demote each other at once are served one after the other, and the second is refused.

use diesel::{dsl, prelude::*};
use paylent_domain::role::ADMIN;

use crate::{Error, Result, error::Refusal, key::Key, schema::roles};

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

/// Refuses a change after which nobody is left.
pub(crate) fn refuse_last_admin(left: i64) -> Result<()> {
    if left == 0 { Err(Error::Refused(Refusal::LastAdmin)) } else { Ok(()) }
}
