//! Roles of an environment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    permission::Permissions,
    role::Role,
};

use crate::{
    Env, Error, Listed, Page, Result,
    audit::{entry, new_id},
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, permissions, role_permissions, roles},
};

/// A row of `roles`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = roles, treat_none_as_default_value = false)]
pub(crate) struct RoleRow {
    pub environment_id: Key,
    pub id: Key,
    pub name: String,
    pub description: Option<String>,
    pub system: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A row of `permissions`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = permissions, treat_none_as_default_value = false)]
pub(crate) struct PermissionRow {
    pub environment_id: Key,
    pub id: Key,
    pub name: String,
    pub description: Option<String>,
    pub system: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A row of `role_permissions`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = role_permissions, treat_none_as_default_value = false)]
pub(crate) struct RolePermissionRow {
    pub environment_id: Key,
    pub id: Key,
    pub role_id: Key,
    pub permission_id: Key,
    pub created_at: i64,
}

/// A role about to be made, with the permissions it holds; those the environment does not know are made with it.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// Its id.
    pub id: Id<Role>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The permissions it holds.
    pub permissions: Permissions,
}

/// Which roles to list.
#[derive(Debug, Clone, Default)]
pub struct RoleFilter {
    /// Only these.
    pub ids: Option<Vec<Id<Role>>>,
    /// Only the one of this name.
    pub name: Option<String>,
}

impl From<RoleRow> for Role {
    fn from(row: RoleRow) -> Self {
        Self {
            id: row.id.id(),
            name: row.name,
            description: row.description,
            system: row.system,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        }
    }
}

impl Env {
    /// The roles that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn roles(&self, filter: RoleFilter, page: Page) -> Result<Listed<Role>> {
        let environment = self.key();
        let keys = filter.ids.map(|ids| ids.into_iter().map(Key::from).collect::<Vec<_>>());
        let rows: (Vec<RoleRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = roles::table.filter(roles::environment_id.eq(environment)).into_boxed();
                if let Some(keys) = keys.clone() {
                    query = query.filter(roles::id.eq_any(keys));
                }
                if let Some(name) = filter.name.clone() {
                    query = query.filter(roles::name.eq(name));
                }
                query
            };
            page!(c, page, roles::id, RoleRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(Role::from(row)))
    }

    /// The role of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn role(&self, id: Id<Role>) -> Result<Option<Role>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<RoleRow> = on!(self.db, lookup, |c| {
            let row =
                roles::table.find((environment, id)).select(RoleRow::as_select()).get_result(c).await.optional()?;
            Ok::<_, Error>(row)
        })?;
        Ok(row.map(Role::from))
    }

    /// The permissions that a role holds; none when there is no such role.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permissions_of_role(&self, id: Id<Role>) -> Result<Permissions> {
        let (environment, id) = (self.key(), Key::from(id));
        let names: Vec<String> = on!(self.db, lookup, |c| {
            let held = role_permissions::table.inner_join(
                permissions::table.on(permissions::environment_id
                    .eq(role_permissions::environment_id)
                    .and(permissions::id.eq(role_permissions::permission_id))),
            );
            let held =
                held.filter(role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq(id)));
            Ok::<_, Error>(held.select(permissions::name).load(c).await?)
        })?;
        Ok(names.into_iter().collect())
    }

    /// Makes a role with its permissions.
    ///
    /// # Errors
    /// `Conflict` when the name is taken.
    pub async fn create_role(&self, role: NewRole, by: &Context) -> Result<Role> {
        let (environment, at) = (self.key(), by.at);
        let audit = entry(environment, by, &Event::new("role.created", "role", role.id, &role.name))?;
        let row = RoleRow {
            environment_id: environment,
            id: role.id.into(),
            name: role.name,
            description: role.description,
            system: false,
            created_at: at.micros(),
            updated_at: at.micros(),
        };
        let held: Vec<String> = role.permissions.iter().map(str::to_owned).collect();
        let row: RoleRow = on!(self.db, transaction, |c| {
            row.clone().insert_into(roles::table).execute(c).await?;
            for name in held {
                let permission = PermissionRow::custom(environment, new_id::<()>(at)?, name.clone(), at);
                // Waits for whoever is making the same permission; what they made is then found.
                permission.insert_into(permissions::table).on_conflict_do_nothing().execute(c).await?;
                let named = permissions::environment_id.eq(environment).and(permissions::name.eq(name));
                let permission_id: Key = permissions::table.filter(named).select(permissions::id).get_result(c).await?;
                let link = RolePermissionRow::new(environment, row.id, permission_id, at)?;
                link.insert_into(role_permissions::table).execute(c).await?;
            }
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }
}

impl PermissionRow {
    fn custom(environment_id: Key, id: Key, name: String, at: Timestamp) -> Self {
        let at = at.micros();
        Self { environment_id, id, name, description: None, system: false, created_at: at, updated_at: at }
    }
}

impl RolePermissionRow {
    pub(crate) fn new(environment_id: Key, role_id: Key, permission_id: Key, at: Timestamp) -> Result<Self> {
        Ok(Self { environment_id, id: new_id::<()>(at)?, role_id, permission_id, created_at: at.micros() })
    }
}
