//! The profile of a person, and the end of the account.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    language::Language,
    mail::NewMail,
    user::{Email, User, UserKind},
};

use crate::{
    Env, Error, Expected, Result,
    audit::entry,
    key::Key,
    pool::on,
    schema::{audit_events, email_changes, environments, users},
};

/// A person, as the account pages show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: Id<User>,
    /// The address.
    pub email: Email,
    /// Whether the address was proved to be theirs.
    pub email_verified: bool,
    /// The address that they want from now on, while it can still be proved.
    pub pending_email: Option<Email>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The language that they chose.
    pub language: Option<Language>,
    /// How many characters a password has here at least.
    pub password_minimum: usize,
    /// Since when they have the account.
    pub created_at: Timestamp,
}

/// What people say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The language of pages and mails; none to leave it to the browser.
    pub language: Option<Language>,
}

impl Env {
    /// The person of this id; `None` for a service user and for somebody who may not sign in.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn person(&self, id: Id<User>, now: Timestamp) -> Result<Option<Person>> {
        type Row = (Option<String>, bool, Option<String>, Option<String>, Option<String>, i64, i32, Option<String>);
        let (environment, key, now) = (self.key(), Key::from(id), now.micros());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let pending =
                email_changes::environment_id.eq(users::environment_id).and(email_changes::user_id.eq(users::id));
            let row = users::table
                .inner_join(environments::table.on(environments::id.eq(users::environment_id)))
                .left_join(email_changes::table.on(pending.and(email_changes::expires_at.gt(now))))
                .filter(users::environment_id.eq(environment).and(users::id.eq(key)))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .select((
                    users::email,
                    users::email_verified,
                    users::first_name,
                    users::last_name,
                    users::locale,
                    users::created_at,
                    environments::password_min_length,
                    email_changes::email.nullable(),
                ));
            Ok::<_, Error>(row.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(email, email_verified, first_name, last_name, locale, created_at, minimum, pending)| Person {
            id,
            email: Email::stored(email.unwrap_or_default()),
            email_verified,
            pending_email: pending.map(Email::stored),
            first_name,
            last_name,
            language: locale.as_deref().and_then(Language::of_tag),
            password_minimum: usize::try_from(minimum).unwrap_or_default(),
            created_at: Timestamp::from_micros(created_at),
        }))
    }

    /// Keeps what a person says of themselves. `false` when there is no such person.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn save_profile(&self, id: Id<User>, profile: Profile, by: &Context) -> Result<bool> {
        type Row = (Option<String>, Option<String>, Option<String>, Option<String>, i64);
        let (environment, key, by) = (self.key(), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let person = users::table.find((environment, key)).filter(users::kind.eq(UserKind::Person.as_str()));
            // Locks the row and reads what it was.
            let lock = diesel::update(person).set(users::updated_at.eq(users::updated_at));
            let columns = (users::email, users::first_name, users::last_name, users::locale, users::updated_at);
            let before: Option<Row> = lock.returning(columns).get_result(c).await.optional()?;
            let Some((email, first_name, last_name, locale, updated_at)) = before else { return Ok(false) };
            let language = profile.language.map(|language| language.tag().to_owned());
            let event = Event::new("user.updated", "user", id, &email.unwrap_or_default())
                .change("first_name", first_name, profile.first_name.clone())
                .change("last_name", last_name, profile.last_name.clone())
                .change("locale", locale, language.clone());
            if event.changes.is_empty() {
                return Ok(true);
            }
            let said = (
                users::first_name.eq(profile.first_name),
                users::last_name.eq(profile.last_name),
                users::locale.eq(language),
                users::updated_at.eq(by.at.after(Timestamp::from_micros(updated_at)).micros()),
            );
            diesel::update(users::table.find((environment, key))).set(said).execute(c).await?;
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// Notes that a person takes away everything that is known about them.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn tell_data_downloaded(&self, id: Id<User>, email: &Email, by: &Context) -> Result<()> {
        let event = Event::new("user.data_downloaded", "user", id, email.as_str());
        let row = entry(self.key(), by, &event)?;
        on!(self.db, write, |c| {
            row.insert_into(audit_events::table).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// Deletes the account of a person as [`delete_user`](Env::delete_user) does, and sends them a last letter. `false`
    /// when there is no such person.
    ///
    /// # Errors
    /// `Refused` for somebody whom clients act for, and for the last admin, of the environment or of an organization that
    /// others belong to.
    pub async fn delete_person(&self, id: Id<User>, letter: NewMail, by: &Context) -> Result<bool> {
        self.remove_user(id, &Expected::Any, Some(letter), by).await
    }
}
