//! Which users hold which roles.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    role::{Role, UserRole},
    user::User,
};

use crate::{
    Env, Error, Expected, Links, Listed, Page, Result,
    admins::{lock_admins, refuse_last_admin},
    audit::{entry, new_id},
    key::Key,
    links::Difference,
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
    /// Only those of the role of this name.
    pub role_name: Option<String>,
}

/// What a user and a role are called.
macro_rules! names {
    ($c:ident, $environment:expr, $row:expr) => {{
        let both = users::table.inner_join(roles::table.on(roles::environment_id.eq(users::environment_id)));
        let these = users::id.eq($row.user_id).and(roles::id.eq($row.role_id));
        let (email, first_name, role): (Option<String>, Option<String>, String) = both
            .filter(users::environment_id.eq($environment).and(these))
            .select((users::email, users::first_name, roles::name))
            .get_result($c)
            .await?;
        (email.or(first_name).unwrap_or_default(), role)
    }};
}

impl UserRoleRow {
    fn event(&self, action: &'static str, user: &str, role: &str) -> Event {
        Event::new(action, "user_role", self.id.id::<UserRole>(), role)
            .and("user", self.user_id.id::<User>(), user)
            .and("role", self.role_id.id::<Role>(), role)
    }
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
                if let Some(name) = filter.role_name.clone() {
                    let named = roles::environment_id.eq(environment).and(roles::name.eq(name));
                    query = query.filter(user_roles::role_id.eq_any(roles::table.filter(named).select(roles::id)));
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
            row.clone().insert_into(user_roles::table).execute(c).await?;
            let (user, role) = names!(c, environment, row);
            let event = row.event("user_role.created", &user, &role);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(())
        })?;
        Ok(assignment)
    }

    /// Takes a role from a user, and says whether there was such an assignment.
    ///
    /// # Errors
    /// `Refused` when the last admin would lose the admin role, and when it is not as expected.
    pub async fn delete_user_role(&self, id: Id<UserRole>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_admins(environment).execute(c).await?;
            let all = admins::table.filter(admins::environment_id.eq(environment));
            let before: i64 = all.count().get_result(c).await?;
            let gone: Option<UserRoleRow> = diesel::delete(user_roles::table.find((environment, key)))
                .returning(UserRoleRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.created_at)?;
            if before > 0 {
                refuse_last_admin(all.count().get_result(c).await?)?;
            }
            let (user, role) = names!(c, environment, gone);
            let event = gone.event("user_role.deleted", &user, &role);
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// Changes which roles a user holds.
    ///
    /// # Errors
    /// `Reference` when the user or a role to give is not there; `Refused` when the last admin would lose the admin role.
    pub async fn link_user_roles(&self, user: Id<User>, links: Links<Role>, by: &Context) -> Result<()> {
        let (environment, user_id, by) = (self.key(), Key::from(user), by.clone());
        on!(self.db, transaction, |c| {
            let all = admins::table.filter(admins::environment_id.eq(environment));
            let mut before: i64 = 0;
            if links.takes() {
                // Two who replace the roles of one user are served one after the other, too.
                lock_admins(environment).execute(c).await?;
                before = all.count().get_result(c).await?;
            }
            let user = users::table.find((environment, user_id)).select((users::email, users::first_name));
            let user: Option<(Option<String>, Option<String>)> = user.get_result(c).await.optional()?;
            let user = user.map(|(email, first_name)| email.or(first_name).unwrap_or_default());
            let user = user.ok_or(Error::Reference)?;
            let held = user_roles::environment_id.eq(environment).and(user_roles::user_id.eq(user_id));
            let held = user_roles::table.filter(held);
            let Difference { made, taken } = links.against(&held.select(user_roles::role_id).load(c).await?)?;
            let named = roles::environment_id.eq(environment).and(roles::id.eq_any([&made[..], &taken].concat()));
            let names: Vec<(Key, String)> = roles::table.filter(named).select((roles::id, roles::name)).load(c).await?;
            let names: HashMap<Key, String> = names.into_iter().collect();
            let name = |role: Key| names.get(&role).map(String::as_str).ok_or(Error::Reference);
            let gone: Vec<UserRoleRow> = diesel::delete(held.filter(user_roles::role_id.eq_any(taken)))
                .returning(UserRoleRow::as_returning())
                .get_results(c)
                .await?;
            for row in gone {
                let event = row.event("user_role.deleted", &user, name(row.role_id)?);
                entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            }
            for role_id in made {
                let created_at = by.at.micros();
                let row =
                    UserRoleRow { environment_id: environment, id: new_id::<()>(by.at)?, user_id, role_id, created_at };
                let event = row.event("user_role.created", &user, name(role_id)?);
                if row.insert_into(user_roles::table).on_conflict_do_nothing().execute(c).await? > 0 {
                    entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
                }
            }
            if before > 0 {
                refuse_last_admin(all.count().get_result(c).await?)?;
            }
            Ok(())
        })
    }

    /// Which of these users hold which roles, in the order of their ids.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn roles_of_users(&self, users: Vec<Id<User>>) -> Result<Vec<(Id<User>, Id<Role>)>> {
        let (environment, users) = (self.key(), users.into_iter().map(Key::from).collect::<Vec<_>>());
        let pairs: Vec<(Key, Key)> = on!(self.db, read, |c| {
            let theirs = user_roles::environment_id.eq(environment).and(user_roles::user_id.eq_any(users));
            let pair = (user_roles::user_id, user_roles::role_id);
            Ok::<_, Error>(user_roles::table.filter(theirs).order(pair).select(pair).load(c).await?)
        })?;
        Ok(pairs.into_iter().map(|(user, role)| (user.id(), role.id())).collect())
    }
}
