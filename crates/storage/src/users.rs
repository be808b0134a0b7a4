//! Users of an environment.

use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    mail::NewMail,
    organization::Organization,
    role::Role,
    user::{Email, NewPerson, User, UserChange, UserKind, service_key},
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    admins::{Administered, administered, keep_admins, lock_admins},
    audit::entry,
    error::{Refusal, broken},
    key::Key,
    mails::NewMailRow,
    own::forget_links,
    page::page,
    pool::on,
    schema::{access_tokens, audit_events, clients, mails, memberships, user_roles, users},
    session_ends::end_all_sessions,
};

/// A row of `users`, without the password.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    id: Key,
    kind: String,
    email: Option<String>,
    email_verified: bool,
    first_name: Option<String>,
    last_name: Option<String>,
    active: bool,
    created_at: i64,
    updated_at: i64,
}

/// A whole row of `users`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(crate) struct NewUserRow {
    pub environment_id: Key,
    pub id: Key,
    pub kind: &'static str,
    pub email: Option<String>,
    pub email_key: Option<String>,
    pub email_verified: bool,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub password_hash: Option<String>,
    pub locale: Option<String>,
    pub active: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What an update writes; `None` leaves the column as it is.
#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Changes {
    email: Option<String>,
    email_key: Option<String>,
    email_verified: Option<bool>,
    first_name: Option<Option<String>>,
    last_name: Option<Option<String>>,
    password_hash: Option<String>,
    active: Option<bool>,
}

/// Which users to list. Their name is the address as it is compared, or what stands for it (see [`User::name_key`]).
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only people, or only service users.
    pub kind: Option<UserKind>,
    /// Only those who may act, or only those who may not.
    pub active: Option<bool>,
    /// Only those who hold each of these roles in the environment.
    pub role_ids: Vec<Id<Role>>,
    /// Only the members of this organization.
    pub organization_id: Option<Id<Organization>>,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            kind: row.kind.parse::<UserKind>().map_err(broken)?,
            email: row.email.map(Email::stored),
            email_verified: row.email_verified,
            first_name: row.first_name,
            last_name: row.last_name,
            active: row.active,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl NewUserRow {
    /// A person who signs in with a password.
    pub(crate) fn person(environment_id: Key, person: NewPerson, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: person.id.into(),
            kind: UserKind::Person.as_str(),
            email_key: Some(person.email.key()),
            email: Some(person.email.as_str().to_owned()),
            email_verified: person.email_verified,
            first_name: person.first_name,
            last_name: person.last_name,
            password_hash: Some(person.password.0),
            locale: None,
            active: true,
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }

    /// The service user of a machine client.
    pub(crate) fn service(environment_id: Key, id: Id<User>, name: &str, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: id.into(),
            kind: UserKind::Service.as_str(),
            email: None,
            email_key: Some(service_key(id)),
            email_verified: false,
            first_name: Some(name.to_owned()),
            last_name: None,
            password_hash: None,
            locale: None,
            active: true,
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }
}

impl Env {
    /// The users that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn users(&self, filter: UserFilter, page: Page) -> Result<Listed<User>> {
        let environment = self.key();
        let (roles, organization) = (Key::all(filter.role_ids), filter.organization_id.map(Key::from));
        let rows = on!(self.db, read, |c| {
            let matching = || {
                let mut query = users::table.filter(users::environment_id.eq(environment)).into_boxed();
                // Words, not parameters: only so does a database see that its partial indexes hold what is asked for.
                query = match filter.kind {
                    Some(UserKind::Person) => query.filter(sql::<Bool>("users.kind = 'person'")),
                    Some(UserKind::Service) => query.filter(sql::<Bool>("users.kind = 'service'")),
                    None => query,
                };
                query = match filter.active {
                    Some(true) => query.filter(sql::<Bool>("users.active")),
                    Some(false) => query.filter(sql::<Bool>("NOT users.active")),
                    None => query,
                };
                for role in roles.iter().copied() {
                    let held = user_roles::environment_id.eq(environment).and(user_roles::role_id.eq(role));
                    query = query.filter(users::id.eq_any(user_roles::table.filter(held).select(user_roles::user_id)));
                }
                if let Some(organization) = organization {
                    let here =
                        memberships::environment_id.eq(environment).and(memberships::organization_id.eq(organization));
                    query =
                        query.filter(users::id.eq_any(memberships::table.filter(here).select(memberships::user_id)));
                }
                query
            };
            let name = users::email_key.assume_not_null();
            page!(c, page, users::id, name, UserRow::as_select(), matching())
        })?;
        Listed::of(rows, User::try_from)
    }

    /// The user of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn user(&self, id: Id<User>) -> Result<Option<User>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row = on!(self.db, lookup, |c| {
            let row =
                users::table.find((environment, id)).select(UserRow::as_select()).get_result(c).await.optional()?;
            Ok::<Option<UserRow>, Error>(row)
        })?;
        row.map(User::try_from).transpose()
    }

    /// Makes a person.
    ///
    /// # Errors
    /// `Conflict` when the address is taken.
    pub async fn create_person(&self, person: NewPerson, by: &Context) -> Result<User> {
        let environment = self.key();
        let event = Event::new("user.created", "user", person.id, person.email.as_str());
        let audit = entry(environment, by, &event)?;
        let row = NewUserRow::person(environment, person, by.at);
        let row = on!(self.db, transaction, |c| {
            let row: UserRow = row.insert_into(users::table).returning(UserRow::as_returning()).get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            Ok(row)
        })?;
        User::try_from(row)
    }

    /// Changes a user. A new password or a deactivation kills every token and ends every session the user has. `None`
    /// when there is no such user.
    ///
    /// # Errors
    /// `Conflict` when the address is taken; `Refused` when the last admin would be deactivated, of the environment or of
    /// an organization that others belong to, or when it is not as expected.
    pub async fn update_user(
        &self,
        id: Id<User>,
        change: UserChange,
        expected: &Expected,
        by: &Context,
    ) -> Result<Option<User>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let user = users::table.find((environment, key));
            if change.active == Some(false) {
                // Before the user's row, as in a deletion: in another order the two could wait for each other.
                lock_admins(environment).execute(c).await?;
            }
            // Locks the row and reads what it was.
            let before: Option<UserRow> = diesel::update(user)
                .set(users::updated_at.eq(users::updated_at))
                .returning(UserRow::as_returning())
                .get_result(c)
                .await
                .optional()?;
            let Some(before) = before.map(User::try_from).transpose()? else { return Ok(None) };
            expected.check(before.updated_at.micros())?;
            let at = users::updated_at.eq(by.at.after(before.updated_at).micros());
            let password = change.password.is_some();
            let (changes, bump) = Changes::between(&before, change)?;
            let deactivates = changes.active == Some(false) && before.active;
            let administered = match deactivates {
                true => administered!(c, environment, key, None),
                false => Administered::default(),
            };
            let raise = users::generation.eq(users::generation + bump);
            let after: UserRow =
                diesel::update(user).set((changes, raise, at)).returning(UserRow::as_returning()).get_result(c).await?;
            keep_admins!(c, environment, key, administered);
            let after = User::try_from(after)?;
            if bump > 0 {
                end_all_sessions!(c, environment, key, None, by.at);
                // A machine's that never expire are dead for good: they are neither listed nor counted any more.
                let own = access_tokens::environment_id.eq(environment).and(access_tokens::user_id.eq(key));
                let own = own.and(access_tokens::family_id.is_null()).and(access_tokens::expires_at.is_null());
                diesel::delete(access_tokens::table.filter(own)).execute(c).await?;
            }
            if bump > 0 || before.email != after.email {
                forget_links!(c, environment, key);
            }
            entry(environment, &by, &updated(&before, &after, password))?
                .insert_into(audit_events::table)
                .execute(c)
                .await?;
            Ok(Some(after))
        })
    }

    /// Deletes a user with its roles, memberships, sessions and tokens, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` for a service user, for one that clients act for, for the last admin of the environment or of an
    /// organization that others belong to, and when it is not as expected.
    pub async fn delete_user(&self, id: Id<User>, expected: &Expected, by: &Context) -> Result<bool> {
        self.remove_user(id, expected, None, by).await
    }

    /// Deletes a user, tells the applications it was signed in at, and sends it this letter.
    pub(crate) async fn remove_user(
        &self,
        id: Id<User>,
        expected: &Expected,
        letter: Option<NewMail>,
        by: &Context,
    ) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            lock_admins(environment).execute(c).await?;
            let administered = administered!(c, environment, key, None);
            let acting = clients::table.filter(clients::environment_id.eq(environment).and(clients::user_id.eq(key)));
            let acting: i64 = acting.count().get_result(c).await?;
            // Locks the row and reads what it was.
            let lock =
                diesel::update(users::table.find((environment, key))).set(users::updated_at.eq(users::updated_at));
            let found: Option<UserRow> = lock.returning(UserRow::as_returning()).get_result(c).await.optional()?;
            let Some(user) = found.map(User::try_from).transpose()? else { return Ok(false) };
            if user.kind == UserKind::Service {
                return Err(Error::Refused(Refusal::ServiceUser));
            }
            if acting > 0 {
                return Err(Error::Refused(Refusal::ActingClients));
            }
            end_all_sessions!(c, environment, key, None, by.at);
            let gone = diesel::delete(users::table.find((environment, key))).returning(users::updated_at);
            let version: Option<i64> = match gone.get_result(c).await.optional().map_err(Error::from) {
                // A client that acts for it was made just now.
                Err(Error::Reference) => return Err(Error::Refused(Refusal::ActingClients)),
                version => version?,
            };
            let Some(version) = version else { return Ok(false) };
            expected.check(version)?;
            keep_admins!(c, environment, key, administered);
            if let Some(letter) = letter {
                NewMailRow::new(environment, letter, by.at).insert_into(mails::table).execute(c).await?;
            }
            let event = Event::new("user.deleted", "user", id, user.name());
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}

impl Changes {
    /// The columns to write, and by how much the user's generation rises.
    fn between(before: &User, change: UserChange) -> Result<(Self, i64)> {
        if before.kind == UserKind::Service && (change.email.is_some() || change.password.is_some()) {
            return Err(Error::Refused(Refusal::ServiceUser));
        }
        let cuts_off = change.password.is_some() || change.active == Some(false);
        let moved =
            change.email.as_ref().is_some_and(|email| Some(email.key()) != before.email.as_ref().map(Email::key));
        let changes = Self {
            email_key: change.email.as_ref().map(Email::key),
            email: change.email.map(|email| email.as_str().to_owned()),
            email_verified: moved.then_some(false),
            first_name: change.first_name,
            last_name: change.last_name,
            password_hash: change.password.map(|hash| hash.0),
            active: change.active,
        };
        Ok((changes, i64::from(cuts_off)))
    }
}

fn updated(before: &User, after: &User, password: bool) -> Event {
    let email = |user: &User| user.email.as_ref().map(|email| email.as_str().to_owned());
    Event::new("user.updated", "user", after.id, after.name())
        .change("email", email(before), email(after))
        .change("first_name", before.first_name.clone(), after.first_name.clone())
        .change("last_name", before.last_name.clone(), after.last_name.clone())
        .change("active", Some(before.active.to_string()), Some(after.active.to_string()))
        .change("password", None, password.then(|| "changed".to_owned()))
}
