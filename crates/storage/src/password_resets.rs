//! Mailed links that let their holder choose a password once.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Bool},
};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{By, Context, Event},
    language::Language,
    mail::NewMail,
    user::{Email, PasswordHash, User, UserKind},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Result,
    attempts::{Attempt, forget_attempts, know_browser},
    audit::entry,
    key::Key,
    mails::{NewMailRow, mail_quota},
    own::forget_links,
    pool::on,
    schema::{audit_events, counters, environments, known_browsers, mails, password_resets, users},
    session_ends::end_all_sessions,
};

/// How long a link is good, in seconds.
pub const RESET_TTL: i64 = 60 * 60;

/// Somebody asks for a link.
#[derive(Debug, Clone)]
pub struct ResetRequest {
    /// The address it was asked for, in the form of [`Email::key`].
    pub email_key: String,
    /// Who has that address and may sign in.
    pub person: Option<Id<User>>,
    /// The hash of the link's token.
    pub token: SecretHash,
    /// The mail that brings the link.
    pub mail: NewMail,
}

/// Who can choose a password with a link.
#[derive(Debug, Clone)]
pub struct ResetHolder {
    /// Who.
    pub user_id: Id<User>,
    /// The address that the link was sent to.
    pub email: Email,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The language of mails to the person, if it is known.
    pub language: Option<Language>,
}

/// The password that somebody chose by a link.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    /// Its hash.
    pub password: PasswordHash,
    /// The mail that tells the person.
    pub mail: NewMail,
    /// The browser it was chosen in, and its address: failures there are forgotten, and it is known from now on.
    pub attempt: Attempt,
}

impl Env {
    /// Counts a request for a link, and queues the mail if there is anybody to send it to. For nobody the same statements
    /// run and leave nothing: what they take must not tell who has an account.
    ///
    /// # Errors
    /// `TooMany` when there were too many mails to this address or from this network lately.
    pub async fn ask_password_reset(&self, request: ResetRequest, by: &Context) -> Result<()> {
        let (environment, by) = (self.key(), by.clone());
        on!(self.db, transaction, |c| {
            let ResetRequest { email_key, person, token, mail } = request;
            mail_quota!(c, environment, email_key, by.ip, by.at);
            // Nobody has the id of a mail.
            let (mail_key, user) = (Key::from(mail.id), person.map_or(Key::from(mail.id), Key::from));
            let person = users::table.find((environment, user));
            // Locks the row: whoever deletes the user or changes the address comes before all of this or after.
            let lock = diesel::update(person.filter(users::email_key.eq(email_key)))
                .set(users::updated_at.eq(users::updated_at))
                .returning(users::email);
            let found: Option<Option<String>> = lock.get_result(c).await.optional()?;
            let name = found.flatten();
            let is_nobody = name.is_none();
            let reset = (
                users::environment_id,
                token.as_bytes().to_vec().into_sql::<Binary>(),
                users::id,
                by.at.micros().into_sql::<BigInt>(),
                by.at.plus_seconds(RESET_TTL).micros().into_sql::<BigInt>(),
            );
            person
                .filter(is_nobody.into_sql::<Bool>().eq(false))
                .select(reset)
                .insert_into(password_resets::table)
                .into_columns(password_resets::all_columns)
                .execute(c)
                .await?;
            NewMailRow::new(environment, mail, by.at).insert_into(mails::table).execute(c).await?;
            let name = name.unwrap_or_default();
            let event = Event::new("user.password_reset_requested", "user", user.id::<User>(), &name);
            let told = entry(environment, &by, &event)?.insert_into(audit_events::table);
            let told: Key = told.returning(audit_events::id).get_result(c).await?;
            let is_nobody = || is_nobody.into_sql::<Bool>().eq(true);
            diesel::delete(mails::table.find((environment, mail_key)).filter(is_nobody())).execute(c).await?;
            diesel::delete(audit_events::table.find((environment, told)).filter(is_nobody())).execute(c).await?;
            Ok(())
        })
    }

    /// Who can choose a password with this link now.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn password_reset(&self, token: &SecretHash, at: Timestamp) -> Result<Option<ResetHolder>> {
        type Row = (Key, Option<String>, Option<String>, Option<String>, Option<String>);
        let (environment, token, at) = (self.key(), token.as_bytes().to_vec(), at.micros());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let user = users::environment_id.eq(environment).and(users::id.eq(password_resets::user_id));
            let row = password_resets::table
                .inner_join(users::table.on(user))
                .filter(password_resets::environment_id.eq(environment).and(password_resets::token_hash.eq(token)))
                .filter(password_resets::expires_at.gt(at))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .select((users::id, users::email, users::first_name, users::last_name, users::locale))
                .get_result(c)
                .await
                .optional()?;
            Ok::<_, Error>(row)
        })?;
        let holder = |(id, email, first_name, last_name, locale): Row| {
            Some(ResetHolder {
                user_id: id.id(),
                email: Email::stored(email?),
                first_name,
                last_name,
                language: locale.as_deref().and_then(Language::of_tag),
            })
        };
        Ok(row.and_then(holder))
    }

    /// Uses a link: the person has this password from now on, and the address is theirs. Every session, token and other
    /// link of the person ends. Says whether the link was good: of any number of uses one is.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn reset_password(&self, token: &SecretHash, new: ResetPassword, by: &Context) -> Result<bool> {
        let (environment, token, by) = (self.key(), token.as_bytes().to_vec(), by.clone());
        on!(self.db, transaction, |c| {
            let link = password_resets::table.find((environment, token));
            let good = link.filter(password_resets::expires_at.gt(by.at.micros()));
            let used: Option<Key> =
                diesel::delete(good).returning(password_resets::user_id).get_result(c).await.optional()?;
            let Some(user) = used else { return Ok(false) };
            let may = users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str()));
            let row = users::table.find((environment, user));
            let lock = diesel::update(row.filter(may)).set(users::updated_at.eq(users::updated_at));
            let before: Option<(i64, Option<String>, bool)> = lock
                .returning((users::updated_at, users::email, users::email_verified))
                .get_result(c)
                .await
                .optional()?;
            let Some((updated_at, email, verified)) = before else { return Ok(false) };
            let chosen = (
                users::password_hash.eq(new.password.0),
                users::email_verified.eq(true),
                users::generation.eq(users::generation + 1),
                users::updated_at.eq(by.at.after(Timestamp::from_micros(updated_at)).micros()),
            );
            diesel::update(row).set(chosen).execute(c).await?;
            end_all_sessions!(c, environment, user, None, by.at);
            forget_links!(c, environment, user);
            forget_attempts!(c, environment, new.attempt);
            know_browser!(c, environment, user, new.attempt.browser, by.at);
            NewMailRow::new(environment, new.mail, by.at).insert_into(mails::table).execute(c).await?;
            let name = email.unwrap_or_default();
            let event = Event::new("user.password_reset", "user", user.id::<User>(), &name)
                .change("password", None, Some("changed".to_owned()))
                .change("email_verified", Some(verified.to_string()), Some("true".to_owned()));
            let by = Context { by: By::User { id: user.id(), name }, ..by };
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }

    /// The fewest characters that a password may have here.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn password_min_length(&self) -> Result<usize> {
        let environment = self.key();
        let least: i32 = on!(self.db, lookup, |c| {
            let least = environments::table.find(environment).select(environments::password_min_length);
            Ok::<_, Error>(least.get_result(c).await?)
        })?;
        Ok(usize::try_from(least).unwrap_or_default())
    }
}
