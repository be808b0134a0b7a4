//! Which users hold which roles.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    role::{Role, UserRole},
    user::User,
};

use crate::{
    Env, Error, Listed, Page, Result,
    admins::{lock_admins, refuse_last_admin},
    audit::entry,
    key::Key,
    page::page,
    pool::on,
    schema::{admins, audit_events, roles, user_roles, users},
};

/// A row of `user_roles`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = user_roles, treat_none_as_default_value = false)]
pub(crate) struct UserRoleRow {
    pub environment_id: Key,
    pub id: Key,
    pub user_id: Key,
    pub role_id: Key,
    pub created_at: i64,
}

/// Which assignments to list.
#[derive(Debug, Clone, Default)]
pub struct UserRoleFilter {
    /// Only those of this user.
    pub user_id: Option<Id<User>>,
    /// Only those of this role.
    pub role_id: Option<Id<Role>>,
}

impl From<UserRoleRow> for UserRole {
    fn from(row: UserRoleRow) -> Self {
        Self {
            id: row.id.id(),
            user_id: row.user_id.id(),
            role_id: row.role_id.id(),
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl Env {
    /// The assignments that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn user_roles(&self, filter: UserRoleFilter, page: Page) -> Result<Listed<UserRole>> {
        let environment = self.key();
        let (user, role) = (filter.user_id.map(Key::from), filter.role_id.map(Key::from));
        let rows: (Vec<UserRoleRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = user_roles::table.filter(user_roles::environment_id.eq(environment)).into_boxed();
                if let Some(user) = user {
                    query = query.filter(user_roles::user_id.eq(user));
                }
                if let Some(role) = role {
                    query = query.filter(user_roles::role_id.eq(role));
                }
                query
            };
            page!(c, page, user_roles::id, UserRoleRow::as_select(), matching())
        })?;
        Listed::of(rows, |row| Ok(UserRole::from(row)))
    }

    /// The assignment of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn user_role(&self, id: Id<UserRole>) -> Result<Option<UserRole>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<UserRoleRow> = on!(self.db, lookup, |c| {
            let row = user_roles::table.find((environment, id)).select(UserRoleRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        Ok(row.map(UserRole::from))
    }

    /// Gives a role to a user.
    ///
    /// # Errors
    /// `Conflict` when the user holds it already, `Reference` when either is not there.
    pub async fn assign_role(&self, assignment: UserRole, by: &Context) -> Result<UserRole> {
        let (environment, by) = (self.key(), by.clone());
        let row = UserRoleRow {
            environment_id: environment,
            id: assignment.id.into(),
            user_id: assignment.user_id.into(),
            role_id: assignment.role_id.into(),
            created_at: by.at.micros(),
        };
        on!(self.db, transaction, |c| {
            let (user_id, role_id) = (row.user_id, row.role_id);
            row.insert_into(user_roles::table).execute(c).await?;
            let role: String = roles::table.find((environment, role_id)).select(roles::name).get_result(c).await?;
            let user = users::table.find((environment, user_id)).select((users::email, users::first_name));
            let user: (Option<String>, Option<String>) = user.get_result(c).await?;
            let event = Event::new("user_role.created", "user_role", assignment.id, &role)
                .and("user", assignment.user_id, &user.0.or(user.1).unwrap_or_default())
                .and("role", assignment.role_id, &role);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(())
        })?;
        Ok(assignment)
    }

    /// Takes a role from a user, and says whether there was such an assignment.
    ///
    /// # Errors
    /// `Refused` when the last admin would lose the admin role.
    pub async fn delete_user_role(&self, id: Id<UserRole>, by: &Context) -> Result<bool> {
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            lock_admins(environment).execute(c).await?;
            let all = admins::table.filter(admins::environment_id.eq(environment));
            let before: i64 = all.count().get_result(c).await?;
            let gone: Option<UserRoleRow> = diesel::delete(user_roles::table.find((environment, key)))
                .returning(UserRoleRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone.map(UserRole::from) else { return Ok(false) };
            if before > 0 {
                refuse_last_admin(all.count().get_result(c).await?)?;
            }
            let event = Event::new("user_role.deleted", "user_role", id, "").and("user", gone.user_id, "").and(
                "role",
                gone.role_id,
                "",
            );
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
