//! Which roles hold which permissions. What the roles hold that came with the environment is fixed.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    permission::{Permission, RolePermission},
    role::Role,
};

use crate::{
    Env, Error, Expected, Links, Listed, Page, Result,
    audit::{entry, new_id},
    key::Key,
    links::Difference,
    page::page,
    pool::on,
    roles::{RoleRow, lock_role},
    schema::{audit_events, permissions, role_permissions, roles},
};

/// A row of `role_permissions`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = role_permissions, treat_none_as_default_value = false)]
pub(crate) struct RolePermissionRow {
    pub environment_id: Key,
    pub id: Key,
    pub role_id: Key,
    pub permission_id: Key,
    pub created_at: i64,
}

/// Which holdings to list.
#[derive(Debug, Clone, Default)]
pub struct RolePermissionFilter {
    /// Only those of this role.
    pub role_id: Option<Id<Role>>,
    /// Only those of this permission.
    pub permission_id: Option<Id<Permission>>,
}

/// A role, and the name of a permission.
macro_rules! both {
    ($c:ident, $environment:expr, $row:expr) => {{
        let both =
            roles::table.inner_join(permissions::table.on(permissions::environment_id.eq(roles::environment_id)));
        let these = roles::id.eq($row.role_id).and(permissions::id.eq($row.permission_id));
        let both: Option<(RoleRow, String)> = both
            .filter(roles::environment_id.eq($environment).and(these))
            .select((RoleRow::as_select(), permissions::name))
            .get_result($c)
            .await
            .optional()?;
        both.ok_or(Error::Reference)?
    }};
}

impl From<RolePermissionRow> for RolePermission {
    fn from(row: RolePermissionRow) -> Self {
        Self {
            id: row.id.id(),
            role_id: row.role_id.id(),
            permission_id: row.permission_id.id(),
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl RolePermissionRow {
    pub(crate) fn new(environment_id: Key, role_id: Key, permission_id: Key, at: Timestamp) -> Result<Self> {
        Ok(Self { environment_id, id: new_id::<()>(at)?, role_id, permission_id, created_at: at.micros() })
    }

    fn event(&self, action: &'static str, role: &str, permission: &str) -> Event {
        Event::new(action, "role_permission", self.id.id::<RolePermission>(), permission)
            .and("role", self.role_id.id::<Role>(), role)
            .and("permission", self.permission_id.id::<Permission>(), permission)
    }
}

impl Env {
    /// The holdings that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn role_permissions(&self, filter: RolePermissionFilter, page: Page) -> Result<Listed<RolePermission>> {
        let environment = self.key();
        let (role, permission) = (filter.role_id.map(Key::from), filter.permission_id.map(Key::from));
        let rows: (Vec<RolePermissionRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query =
                    role_permissions::table.filter(role_permissions::environment_id.eq(environment)).into_boxed();
                if let Some(role) = role {
                    query = query.filter(role_permissions::role_id.eq(role));
                }
                if let Some(permission) = permission {
                    query = query.filter(role_permissions::permission_id.eq(permission));
                }
                query
            };
            page!(c, page, role_permissions::id, RolePermissionRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(RolePermission::from(row)))
    }

    /// The holding of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn role_permission(&self, id: Id<RolePermission>) -> Result<Option<RolePermission>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<RolePermissionRow> = on!(self.db, lookup, |c| {
            let row = role_permissions::table.find((environment, id)).select(RolePermissionRow::as_select());
            Ok::<_, Error>(row.get_result(c).await.optional()?)
        })?;
        Ok(row.map(RolePermission::from))
    }

    /// Gives a permission to a role.
    ///
    /// # Errors
    /// `Conflict` when the role holds it already, `Reference` when either is not there, `Refused` for a role that came
    /// with the environment.
    pub async fn grant_permission(&self, held: RolePermission, by: &Context) -> Result<RolePermission> {
        let (environment, by) = (self.key(), by.clone());
        let row = RolePermissionRow {
            environment_id: environment,
            id: held.id.into(),
            role_id: held.role_id.into(),
            permission_id: held.permission_id.into(),
            created_at: by.at.micros(),
        };
        let row: RolePermissionRow = on!(self.db, transaction, |c| {
            let (role, permission) = both!(c, environment, row);
            role.refuse_system()?;
            row.clone().insert_into(role_permissions::table).execute(c).await?;
            let event = row.event("role_permission.created", &role.name, &permission);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Takes a permission from a role, and says whether the role held it.
    ///
    /// # Errors
    /// `Refused` for a role that came with the environment, and when it is not as expected.
    pub async fn delete_role_permission(
        &self,
        id: Id<RolePermission>,
        expected: &Expected,
        by: &Context,
    ) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone: Option<RolePermissionRow> = diesel::delete(role_permissions::table.find((environment, key)))
                .returning(RolePermissionRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            let (role, permission) = both!(c, environment, gone);
            role.refuse_system()?;
            expected.check(gone.created_at)?;
            let event = gone.event("role_permission.deleted", &role.name, &permission);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// Changes which permissions a role holds.
    ///
    /// # Errors
    /// `Reference` when the role or a permission to give is not there; `Refused` for a role that came with the
    /// environment.
    pub async fn link_role_permissions(&self, role: Id<Role>, links: Links<Permission>, by: &Context) -> Result<()> {
        let (environment, role_id, by) = (self.key(), Key::from(role), by.clone());
        on!(self.db, transaction, |c| {
            let role = lock_role!(c, environment, role_id).ok_or(Error::Reference)?;
            role.refuse_system()?;
            let held = role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq(role_id));
            let held = role_permissions::table.filter(held);
            let present = held.select(role_permissions::permission_id).load(c).await?;
            let Difference { made, taken } = links.against(&present)?;
            let named = permissions::id.eq_any([&made[..], &taken].concat());
            let named = permissions::table.filter(permissions::environment_id.eq(environment).and(named));
            let names: Vec<(Key, String)> = named.select((permissions::id, permissions::name)).load(c).await?;
            let names: HashMap<Key, String> = names.into_iter().collect();
            let name = |permission: Key| names.get(&permission).map(String::as_str).ok_or(Error::Reference);
            let gone: Vec<RolePermissionRow> =
                diesel::delete(held.filter(role_permissions::permission_id.eq_any(taken)))
                    .returning(RolePermissionRow::as_returning())
                    .get_results(c)
                    .await?;
            for row in gone {
                let event = row.event("role_permission.deleted", &role.name, name(row.permission_id)?);
                entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            }
            for permission_id in made {
                let row = RolePermissionRow::new(environment, role_id, permission_id, by.at)?;
                let event = row.event("role_permission.created", &role.name, name(permission_id)?);
                if row.insert_into(role_permissions::table).on_conflict_do_nothing().execute(c).await? > 0 {
                    entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
                }
            }
            Ok(())
        })
    }

    /// Which of these roles hold which permissions, in the order of their ids.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permissions_of_roles(&self, roles: Vec<Id<Role>>) -> Result<Vec<(Id<Role>, Id<Permission>)>> {
        let (environment, roles) = (self.key(), roles.into_iter().map(Key::from).collect::<Vec<_>>());
        let pairs: Vec<(Key, Key)> = on!(self.db, read, |c| {
            let theirs = role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq_any(roles));
            let pair = (role_permissions::role_id, role_permissions::permission_id);
            Ok::<_, Error>(role_permissions::table.filter(theirs).order(pair).select(pair).load(c).await?)
        })?;
        Ok(pairs.into_iter().map(|(role, permission)| (role.id(), permission.id())).collect())
    }
}
