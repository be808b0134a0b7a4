//! What a user may do at this moment.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, organization::Organization, permission::Permissions, role::Role, user::User};
use serde::Deserialize;

use crate::{
    Env, Error, Result,
    error::broken,
    key::Key,
    pool::on,
    schema::{authorities, permissions, role_permissions},
};

/// A user's name and permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// What to call the user in the audit trail.
    pub name: String,
    /// What its roles hold in the whole environment.
    pub permissions: Permissions,
    /// What the roles of its memberships hold, in each organization where they hold anything.
    pub organizations: BTreeMap<Id<Organization>, Permissions>,
}

/// One permission held in one organization, as the view tells it.
#[derive(Deserialize)]
struct HeldThere {
    organization: String,
    permission: String,
}

impl Env {
    /// What this user may do; `None` when it is gone or inactive.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn authority(&self, id: Id<User>) -> Result<Option<Authority>> {
        Ok(self.rights(id).await?.and_then(|(active, authority)| active.then_some(authority)))
    }

    /// What this user's roles hold, whether or not it is active: who may change a user is decided by what it could do
    /// again. `None` when there is no such user.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn rights_of_user(&self, id: Id<User>) -> Result<Option<Authority>> {
        Ok(self.rights(id).await?.map(|(_, authority)| authority))
    }

    /// What these roles hold together.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permissions_held_by(&self, roles: Vec<Id<Role>>) -> Result<Permissions> {
        let (environment, roles) = (self.key(), roles.into_iter().map(Key::from).collect::<Vec<_>>());
        let names: Vec<String> = on!(self.db, lookup, |c| {
            let held = role_permissions::table.inner_join(
                permissions::table.on(permissions::environment_id
                    .eq(role_permissions::environment_id)
                    .and(permissions::id.eq(role_permissions::permission_id))),
            );
            let by_these =
                role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq_any(roles));
            Ok::<_, Error>(held.filter(by_these).select(permissions::name).distinct().load(c).await?)
        })?;
        Ok(names.into_iter().collect())
    }

    async fn rights(&self, id: Id<User>) -> Result<Option<(bool, Authority)>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<(bool, String, String, String)> = on!(self.db, lookup, |c| {
            let columns =
                (authorities::active, authorities::name, authorities::permissions, authorities::organizations);
            let row = authorities::table.find((environment, id)).select(columns).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(|(active, name, permissions, organizations)| {
            let permissions = names(&permissions)?.into_iter().collect();
            Ok((active, Authority { name, permissions, organizations: by_organization(&organizations)? }))
        })
        .transpose()
    }
}

pub(crate) fn by_organization(json: &str) -> Result<BTreeMap<Id<Organization>, Permissions>> {
    let held: Vec<HeldThere> = serde_json::from_str(json).map_err(broken)?;
    let mut organizations = BTreeMap::<_, Vec<String>>::new();
    for HeldThere { organization, permission } in held {
        let id = Id::from_hex(&organization).map_err(broken)?;
        organizations.entry(id).or_default().push(permission);
    }
    Ok(organizations.into_iter().map(|(id, names)| (id, names.into_iter().collect())).collect())
}

/// Reads a list of names that is stored as JSON.
pub(crate) fn names(json: &str) -> Result<Vec<String>> {
    serde_json::from_str(json).map_err(broken)
}

/// Writes a list of names as JSON.
pub(crate) fn json<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(names).to_string()
}
