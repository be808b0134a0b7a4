//! Roles of an environment.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    organization::Membership,
    permission::{Permission, Permissions},
    role::Role,
    user::User,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    admins::admin_role,
    audit::{entry, new_id},
    error::Refusal,
    key::Key,
    page::page,
    permissions::PermissionRow,
    pool::on,
    role_permissions::RolePermissionRow,
    schema::{audit_events, membership_roles, permissions, role_permissions, roles, user_roles},
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

/// What to change about a role; `None` leaves it as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = roles)]
pub struct RoleChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
}

/// Which roles to list.
#[derive(Debug, Clone, Default)]
pub struct RoleFilter {
    /// Only those that each of these users holds in the environment.
    pub user_ids: Vec<Id<User>>,
    /// Only those that hold each of these permissions.
    pub permission_ids: Vec<Id<Permission>>,
    /// Only those that this membership holds in its organization.
    pub membership_id: Option<Id<Membership>>,
    /// Only those that came with the environment, or only the others.
    pub system: Option<bool>,
}

/// Locks a role and reads it. Whoever else writes it or its permissions waits.
macro_rules! lock_role {
    ($c:ident, $environment:expr, $id:expr) => {{
        use $crate::{roles::RoleRow, schema::roles};
        let role: Option<RoleRow> = diesel::update(roles::table.find(($environment, $id)))
            .set(roles::updated_at.eq(roles::updated_at))
            .returning(RoleRow::as_returning())
            .get_result($c)
            .await
            .optional()?;
        role
    }};
}
pub(crate) use lock_role;

impl RoleRow {
    /// Refuses to write a role that came with the environment.
    pub(crate) fn refuse_system(&self) -> Result<()> {
        if self.system { Err(Error::Refused(Refusal::System)) } else { Ok(()) }
    }
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
        let (users, permissions) = (Key::all(filter.user_ids), Key::all(filter.permission_ids));
        let membership = filter.membership_id.map(Key::from);
        let rows: (Vec<RoleRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = roles::table.filter(roles::environment_id.eq(environment)).into_boxed();
                for user in users.iter().copied() {
                    let held = user_roles::environment_id.eq(environment).and(user_roles::user_id.eq(user));
                    query = query.filter(roles::id.eq_any(user_roles::table.filter(held).select(user_roles::role_id)));
                }
                for permission in permissions.iter().copied() {
                    let holding = role_permissions::environment_id.eq(environment);
                    let holding = role_permissions::table
                        .filter(holding.and(role_permissions::permission_id.eq(permission)))
                        .select(role_permissions::role_id);
                    query = query.filter(roles::id.eq_any(holding));
                }
                if let Some(membership) = membership {
                    let held = membership_roles::environment_id.eq(environment);
                    let held = membership_roles::table
                        .filter(held.and(membership_roles::membership_id.eq(membership)))
                        .select(membership_roles::role_id);
                    query = query.filter(roles::id.eq_any(held));
                }
                if let Some(system) = filter.system {
                    query = query.filter(roles::system.eq(system));
                }
                query
            };
            page!(c, page, roles::id, roles::name, RoleRow::as_select(), matching())
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

    /// How many users hold a role in the environment, and how many permissions it holds.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn role_counts(&self, id: Id<Role>) -> Result<(i64, i64)> {
        let (environment, id) = (self.key(), Key::from(id));
        let (users, permissions): (Option<i64>, Option<i64>) = on!(self.db, read, |c| {
            let users = user_roles::environment_id.eq(environment).and(user_roles::role_id.eq(id));
            let users = user_roles::table.filter(users).count().single_value();
            let permissions = role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq(id));
            let permissions = role_permissions::table.filter(permissions).count().single_value();
            Ok::<_, Error>(diesel::select((users, permissions)).get_result(c).await?)
        })?;
        Ok((users.unwrap_or(0), permissions.unwrap_or(0)))
    }

    /// Makes a role with its permissions. The admin role holds those that are made with it, too.
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
                let permission = PermissionRow::custom(environment, new_id::<()>(at)?, name.clone(), None, at);
                // Waits for whoever is making the same permission; what they made is then found.
                let made = permission.insert_into(permissions::table).on_conflict_do_nothing().execute(c).await?;
                let named = permissions::environment_id.eq(environment).and(permissions::name.eq(name));
                let permission_id: Key = permissions::table.filter(named).select(permissions::id).get_result(c).await?;
                if made > 0 {
                    let admin: Key = admin_role(environment).select(roles::id).get_result(c).await?;
                    let link = RolePermissionRow::new(environment, admin, permission_id, at)?;
                    link.insert_into(role_permissions::table).execute(c).await?;
                }
                let link = RolePermissionRow::new(environment, row.id, permission_id, at)?;
                link.insert_into(role_permissions::table).execute(c).await?;
            }
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Changes a role. `None` when there is no such role.
    ///
    /// # Errors
    /// `Conflict` when the name is taken; `Refused` for a role that came with the environment, and when it is not as
    /// expected.
    pub async fn update_role(
        &self,
        id: Id<Role>,
        change: RoleChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Role>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let Some(before) = lock_role!(c, environment, key) else { return Ok(None) };
            before.refuse_system()?;
            expected.check(before.updated_at)?;
            let at = by.at.after(Timestamp::from_micros(before.updated_at));
            let after: RoleRow = diesel::update(roles::table.find((environment, key)))
                .set((change, roles::updated_at.eq(at.micros())))
                .returning(RoleRow::as_returning())
                .get_result(c)
                .await?;
            let event = Event::new("role.updated", "role", id, &after.name)
                .change("name", Some(before.name), Some(after.name.clone()))
                .change("description", before.description, after.description.clone());
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(Role::from(after)))
        })
    }

    /// Deletes a role, takes it from whoever holds it, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` for a role that came with the environment, and when it is not as expected.
    pub async fn delete_role(&self, id: Id<Role>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let Some(gone) = lock_role!(c, environment, key) else { return Ok(false) };
            // Before the deletion: taking a role from a million users, only to give it back, would take long.
            gone.refuse_system()?;
            expected.check(gone.updated_at)?;
            diesel::delete(roles::table.find((environment, key))).execute(c).await?;
            let event = Event::new("role.deleted", "role", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
