//! People on their way to an account. Whether registration is open is asked in each unit of work, so that closing it
//! stops those who have begun too.

use std::net::IpAddr;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Timestamp,
    audit::{By, Context, Event},
    language::Language,
    mail::NewMail,
    registration::{
        ATTEMPTS_WINDOW, Begun, MAX_ATTEMPTS, MAX_ATTEMPTS_PER_ADDRESS, Newcomer, PASSCODE_TTL, Proved, Registration,
        TOKEN_TTL,
    },
    session::Session,
    user::{Email, User},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, NewSession, Result,
    audit::entry,
    counters::{count, seconds_until},
    error::Refusal,
    key::Key,
    mails::{NewMailRow, mail_quota},
    pool::on,
    schema::{audit_events, counters, environments, mails, registrations, sessions, users},
    sessions::{NewSessionRow, SessionRow},
    users::{NewUserRow, UserRow},
};

/// A whole row of `registrations`.
#[derive(Insertable)]
#[diesel(table_name = registrations, treat_none_as_default_value = false)]
struct RegistrationRow {
    environment_id: Key,
    id_hash: Vec<u8>,
    email: String,
    email_key: String,
    locale: Option<&'static str>,
    /// None when the address has an account: then no code is the right one.
    passcode_mac: Option<Vec<u8>>,
    attempts: i32,
    token_hash: Option<Vec<u8>>,
    created_at: i64,
    expires_at: i64,
}

/// A registration about to begin.
#[derive(Debug)]
pub struct NewRegistration {
    /// The hash of its id.
    pub id: SecretHash,
    /// The address to be proved, and the language of its mails.
    pub registration: Registration<Begun>,
    /// The keyed hash of the code.
    pub passcode: SecretHash,
    /// The mail with the code.
    pub code: NewMail,
    /// The mail that goes out in its place to somebody who has an account.
    pub notice: NewMail,
    /// Where it is asked for.
    pub ip: Option<IpAddr>,
}

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// The address is proved, and the token is good.
    Right,
    /// The code, or the registration, is not good or not good any more.
    Wrong,
    /// Codes for the address were tried too often lately; this one was not looked at.
    TooMany {
        /// When one can be tried again, in seconds.
        retry_after: u32,
    },
}

/// Somebody who just became a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The user.
    pub user: User,
    /// The session that began, if one was asked for.
    pub session: Option<Session>,
}

/// Refuses when registration is closed; answers how long sessions last, in seconds, and the fewest characters of a
/// password.
macro_rules! must_be_open {
    ($c:ident, $environment:expr) => {{
        let settings: (bool, i64, i32) = environments::table
            .find($environment)
            .select((environments::registration_enabled, environments::session_ttl, environments::password_min_length))
            .get_result($c)
            .await?;
        let (true, session_ttl, password_min_length) = settings else {
            return Err(Error::Refused(Refusal::RegistrationClosed));
        };
        (session_ttl, password_min_length)
    }};
}

fn language(locale: Option<String>) -> Option<Language> {
    locale.as_deref().and_then(Language::of_tag)
}

impl Env {
    /// Begins a registration, and queues the mail with its code, or the notice to somebody who has an account. The two
    /// cost the same and cannot be told apart from outside. Codes that were mailed to the address before are dead.
    ///
    /// # Errors
    /// `Refused` when registration is closed, `TooMany` when too many mails were asked for.
    pub async fn begin_registration(&self, new: NewRegistration, at: Timestamp) -> Result<()> {
        let environment = self.key();
        on!(self.db, transaction, |c| {
            must_be_open!(c, environment);
            let email = new.registration.email();
            let email_key = email.key();
            // Also makes those wait who begin for the same address at the same moment.
            mail_quota!(c, environment, email_key, new.ip, at);
            let begun = registrations::environment_id.eq(environment).and(registrations::email_key.eq(&email_key));
            let begun = registrations::table.filter(begun.and(registrations::token_hash.is_null()));
            diesel::delete(begun).execute(c).await?;
            let known = users::environment_id.eq(environment).and(users::email_key.eq(&email_key));
            let known: i64 = users::table.filter(known).count().get_result(c).await?;
            let (passcode, mail) = match known {
                0 => (Some(new.passcode.as_bytes().to_vec()), new.code),
                _ => (None, new.notice),
            };
            let row = RegistrationRow {
                environment_id: environment,
                id_hash: new.id.as_bytes().to_vec(),
                email: email.as_str().to_owned(),
                email_key,
                locale: new.registration.language().map(Language::tag),
                passcode_mac: passcode,
                attempts: 0,
                token_hash: None,
                created_at: at.micros(),
                expires_at: at.plus_seconds(PASSCODE_TTL).micros(),
            };
            row.insert_into(registrations::table).execute(c).await?;
            NewMailRow::new(environment, mail, at).insert_into(mails::table).execute(c).await?;
            Ok(())
        })
    }

    /// The registration of this id, whose code is awaited.
    ///
    /// # Errors
    /// `Refused` when registration is closed.
    pub async fn begun_registration(&self, id: &SecretHash, at: Timestamp) -> Result<Option<Registration<Begun>>> {
        let (environment, id, at) = (self.key(), id.as_bytes().to_vec(), at.micros());
        on!(self.db, lookup, |c| {
            must_be_open!(c, environment);
            let awaited = registrations::token_hash.is_null().and(registrations::expires_at.gt(at));
            let found = registrations::table.find((environment, id)).filter(awaited);
            let found = found.select((registrations::email, registrations::locale));
            let found: Option<(String, Option<String>)> = found.get_result(c).await.optional()?;
            Ok(found.map(|(email, locale)| Registration::begun(Email::stored(email), language(locale))))
        })
    }

    /// Tries a code. The attempt is counted before the code is looked at, and whether or not it is right. With the right
    /// one, the registration goes on under the token.
    ///
    /// # Errors
    /// `Refused` when registration is closed.
    pub async fn try_passcode(
        &self,
        id: &SecretHash,
        passcode: SecretHash,
        token: &SecretHash,
        at: Timestamp,
    ) -> Result<Guess> {
        type Row = (String, String, Option<String>, Option<Vec<u8>>);
        let (environment, id, token) = (self.key(), id.as_bytes().to_vec(), token.as_bytes().to_vec());
        on!(self.db, transaction, |c| {
            must_be_open!(c, environment);
            let open = registrations::token_hash
                .is_null()
                .and(registrations::attempts.lt(MAX_ATTEMPTS))
                .and(registrations::expires_at.gt(at.micros()));
            let counted: Option<Row> = diesel::update(registrations::table.find((environment, &id)).filter(open))
                .set(registrations::attempts.eq(registrations::attempts + 1))
                .returning((
                    registrations::email,
                    registrations::email_key,
                    registrations::locale,
                    registrations::passcode_mac,
                ))
                .get_result(c)
                .await
                .optional()?;
            let Some((email, email_key, locale, expected)) = counted else { return Ok(Guess::Wrong) };
            let name = format!("passcode:address:{email_key}");
            if count!(c, environment, name.as_str(), ATTEMPTS_WINDOW, at) > MAX_ATTEMPTS_PER_ADDRESS {
                let until = counters::table.find((environment, name)).select(counters::expires_at);
                let until = Timestamp::from_micros(until.get_result(c).await?);
                return Ok(Guess::TooMany { retry_after: seconds_until(until, at) });
            }
            let expected = expected.and_then(|mac| <[u8; 32]>::try_from(mac).ok()).map(SecretHash::from_bytes);
            let begun = Registration::begun(Email::stored(email), language(locale));
            if begun.prove(expected == Some(passcode)).is_none() {
                return Ok(Guess::Wrong);
            }
            let proved = (
                registrations::passcode_mac.eq(None::<Vec<u8>>),
                registrations::token_hash.eq(token),
                registrations::expires_at.eq(at.plus_seconds(TOKEN_TTL).micros()),
            );
            diesel::update(registrations::table.find((environment, id))).set(proved).execute(c).await?;
            Ok(Guess::Right)
        })
    }

    /// The registration of this token, with the fewest characters that its password must have.
    ///
    /// # Errors
    /// `Refused` when registration is closed.
    pub async fn proved_registration(
        &self,
        token: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<(Registration<Proved>, usize)>> {
        let (environment, token, at) = (self.key(), token.as_bytes().to_vec(), at.micros());
        on!(self.db, lookup, |c| {
            let (_, password_min_length) = must_be_open!(c, environment);
            let proved = registrations::environment_id.eq(environment).and(registrations::token_hash.eq(token));
            let found = registrations::table.filter(proved.and(registrations::expires_at.gt(at)));
            let found = found.select((registrations::email, registrations::locale));
            let found: Option<(String, Option<String>)> = found.get_result(c).await.optional()?;
            let minimum = usize::try_from(password_min_length).unwrap_or_default();
            Ok(found.map(|(email, locale)| (Registration::proved(Email::stored(email), language(locale)), minimum)))
        })
    }

    /// Makes the user of the registration of this token, which is used up by it, and the session of this one, if one is
    /// asked for. `None` when the token is not good or not good any more.
    ///
    /// # Errors
    /// `Refused` when registration is closed; `Conflict` when the address has an account by now.
    pub async fn complete_registration(
        &self,
        token: &SecretHash,
        newcomer: Newcomer,
        session: Option<NewSession>,
        by: &Context,
    ) -> Result<Option<Registered>> {
        let (environment, token, by) = (self.key(), token.as_bytes().to_vec(), by.clone());
        on!(self.db, transaction, |c| {
            let (session_ttl, _) = must_be_open!(c, environment);
            let proved = registrations::environment_id.eq(environment).and(registrations::token_hash.eq(token));
            let used = diesel::delete(registrations::table)
                .filter(proved.and(registrations::expires_at.gt(by.at.micros())))
                .returning((registrations::email, registrations::locale));
            let used: Option<(String, Option<String>)> = used.get_result(c).await.optional()?;
            let Some((email, locale)) = used else { return Ok(None) };
            let registration = Registration::proved(Email::stored(email), language(locale));
            let locale = registration.language().map(|language| language.tag().to_owned());
            let person = registration.complete(newcomer);
            let (id, name) = (person.id, person.email.as_str().to_owned());
            let row = NewUserRow { locale, ..NewUserRow::person(environment, person, by.at) };
            let row: UserRow = row.insert_into(users::table).returning(UserRow::as_returning()).get_result(c).await?;
            let by = Context { by: By::User { id, name: name.clone() }, ..by };
            let registered = Event::new("user.registered", "user", id, &name);
            entry(environment, &by, &registered)?.insert_into(audit_events::table).execute(c).await?;
            let session = match session {
                Some(session) => {
                    let begun = Event::new("session.created", "session", session.id, &name).and("user", id, &name);
                    let row =
                        NewSessionRow::new(environment, NewSession { user_id: id, ..session }, by.at, session_ttl);
                    let row = row.insert_into(sessions::table).returning(SessionRow::as_returning());
                    let row: SessionRow = row.get_result(c).await?;
                    entry(environment, &by, &begun)?.insert_into(audit_events::table).execute(c).await?;
                    Some(Session::try_from(row)?)
                }
                None => None,
            };
            Ok(Some(Registered { user: User::try_from(row)?, session }))
        })
    }
}
