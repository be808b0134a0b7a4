//! What a user may do at this moment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, permission::Permissions, user::User};

use crate::{Env, Error, Result, error::broken, key::Key, pool::on, schema::authorities};

/// An active user's name and permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// What to call the user in the audit trail.
    pub name: String,
    /// What its roles hold.
    pub permissions: Permissions,
}

impl Env {
    /// What this user may do; `None` when it is gone or inactive.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn authority(&self, id: Id<User>) -> Result<Option<Authority>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<(String, String)> = on!(self.db, lookup, |c| {
            let row = authorities::table
                .find((environment, id))
                .filter(authorities::active.eq(true))
                .select((authorities::name, authorities::permissions))
                .get_result(c)
                .await
                .optional()?;
            Ok::<_, Error>(row)
        })?;
        row.map(|(name, permissions)| Ok(Authority { name, permissions: names(&permissions)?.into_iter().collect() }))
            .transpose()
    }

    /// What this user's roles hold, whether or not it is active: who may change a user is decided by what it could do
    /// again. `None` when there is no such user.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permissions_of_user(&self, id: Id<User>) -> Result<Option<Permissions>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<String> = on!(self.db, lookup, |c| {
            let held = authorities::table.find((environment, id)).select(authorities::permissions);
            Ok::<_, Error>(held.get_result(c).await.optional()?)
        })?;
        row.map(|permissions| Ok(names(&permissions)?.into_iter().collect())).transpose()
    }
}

/// Reads a list of names that is stored as JSON.
pub(crate) fn names(json: &str) -> Result<Vec<String>> {
    serde_json::from_str(json).map_err(broken)
}

/// Writes a list of names as JSON.
pub(crate) fn json<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(names).to_string()
}
