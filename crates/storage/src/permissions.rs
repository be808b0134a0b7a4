//! Permissions of an environment. The admin role holds them all: whoever makes one gives it to that role.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    permission::{Permission, Permissions},
    role::Role,
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    admins::admin_role,
    audit::entry,
    error::Refusal,
    key::Key,
    page::page,
    pool::on,
    role_permissions::RolePermissionRow,
    schema::{audit_events, permissions, role_permissions, roles},
};

/// A row of `permissions`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
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

/// A permission about to be made.
#[derive(Debug, Clone)]
pub struct NewPermission {
    /// Its id.
    pub id: Id<Permission>,
    /// Its name.
    pub name: String,
    /// What it allows, in words.
    pub description: Option<String>,
}

/// What to change about a permission; `None` leaves it as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = permissions)]
pub struct PermissionChange {
    /// What it allows, in words.
    pub description: Option<Option<String>>,
}

/// Which permissions to list.
#[derive(Debug, Clone, Default)]
pub struct PermissionFilter {
    /// Only those that each of these roles holds.
    pub role_ids: Vec<Id<Role>>,
    /// Only those that came with the environment, or only the others.
    pub system: Option<bool>,
}

impl From<PermissionRow> for Permission {
    fn from(row: PermissionRow) -> Self {
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

impl PermissionRow {
    /// One that did not come with the environment.
    pub(crate) fn custom(
        environment_id: Key,
        id: Key,
        name: String,
        description: Option<String>,
        at: Timestamp,
    ) -> Self {
        let at = at.micros();
        Self { environment_id, id, name, description, system: false, created_at: at, updated_at: at }
    }

    fn refuse_system(&self) -> Result<()> {
        if self.system { Err(Error::Refused(Refusal::System)) } else { Ok(()) }
    }
}

impl Env {
    /// The permissions that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permissions(&self, filter: PermissionFilter, page: Page) -> Result<Listed<Permission>> {
        let (environment, roles) = (self.key(), Key::all(filter.role_ids));
        let rows: (Vec<PermissionRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = permissions::table.filter(permissions::environment_id.eq(environment)).into_boxed();
                for role in roles.iter().copied() {
                    let held = role_permissions::environment_id.eq(environment).and(role_permissions::role_id.eq(role));
                    let held = role_permissions::table.filter(held).select(role_permissions::permission_id);
                    query = query.filter(permissions::id.eq_any(held));
                }
                if let Some(system) = filter.system {
                    query = query.filter(permissions::system.eq(system));
                }
                query
            };
            page!(c, page, permissions::id, permissions::name, PermissionRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(Permission::from(row)))
    }

    /// The permission of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn permission(&self, id: Id<Permission>) -> Result<Option<Permission>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<PermissionRow> = on!(self.db, lookup, |c| {
            let row = permissions::table.find((environment, id)).select(PermissionRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        Ok(row.map(Permission::from))
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

    /// Makes a permission, which the admin role holds from the start.
    ///
    /// # Errors
    /// `Conflict` when the name is taken.
    pub async fn create_permission(&self, new: NewPermission, by: &Context) -> Result<Permission> {
        let (environment, at) = (self.key(), by.at);
        let audit = entry(environment, by, &Event::new("permission.created", "permission", new.id, &new.name))?;
        let row = PermissionRow::custom(environment, new.id.into(), new.name, new.description, at);
        let row: PermissionRow = on!(self.db, transaction, |c| {
            row.clone().insert_into(permissions::table).execute(c).await?;
            let admin: Key = admin_role(environment).select(roles::id).get_result(c).await?;
            let link = RolePermissionRow::new(environment, admin, row.id, at)?;
            link.insert_into(role_permissions::table).execute(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        Ok(row.into())
    }

    /// Changes a permission. `None` when there is no such permission.
    ///
    /// # Errors
    /// `Refused` for a permission that came with the environment, and when it is not as expected.
    pub async fn update_permission(
        &self,
        id: Id<Permission>,
        change: PermissionChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<Permission>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let permission = permissions::table.find((environment, key));
            // Locks the row and reads what it was.
            let before: Option<PermissionRow> = diesel::update(permission)
                .set(permissions::updated_at.eq(permissions::updated_at))
                .returning(PermissionRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before else { return Ok(None) };
            before.refuse_system()?;
            expected.check(before.updated_at)?;
            let at = by.at.after(Timestamp::from_micros(before.updated_at));
            let after: PermissionRow = diesel::update(permission)
                .set((change, permissions::updated_at.eq(at.micros())))
                .returning(PermissionRow::as_returning())
                .get_result(c)
                .await?;
            let event = Event::new("permission.updated", "permission", id, &after.name).change(
                "description",
                before.description,
                after.description.clone(),
            );
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(Permission::from(after)))
        })
    }

    /// Deletes a permission, takes it from the roles that hold it, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` for a permission that came with the environment, and when it is not as expected.
    pub async fn delete_permission(&self, id: Id<Permission>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone: Option<PermissionRow> = diesel::delete(permissions::table.find((environment, key)))
                .returning(PermissionRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            gone.refuse_system()?;
            expected.check(gone.updated_at)?;
            let event = Event::new("permission.deleted", "permission", id, &gone.name);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
