//! What signing in asks for: whose session a cookie is, whose password to compare, and what follows if it is right.

use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    language::Language,
    session::{Session, ends_at},
    user::{Email, PasswordHash, User, UserKind},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Result,
    key::Key,
    pool::on,
    schema::{environments, known_browsers, sessions, users},
};

/// A session that is good now, of a person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub id: Id<Session>,
    /// When the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// When it was last used, as far as it was noted.
    pub last_activity_at: Timestamp,
    /// Whose it is.
    pub user_id: Id<User>,
    /// The person's generation at this moment.
    pub user_generation: i64,
    /// The person's address.
    pub email: String,
    /// The person's first name.
    pub first_name: Option<String>,
    /// The person's last name.
    pub last_name: Option<String>,
    /// The language that the person chose.
    pub language: Option<Language>,
}

/// The person that an address belongs to, with the hash of the password to compare.
#[derive(Clone)]
pub struct SignInCandidate {
    /// Who.
    pub user_id: Id<User>,
    /// The hash in PHC form; none when the person has no password.
    pub password_hash: Option<String>,
    /// Whether a session can be made for this user.
    pub can_sign_in: bool,
    /// The address, as the person wrote it.
    pub email: Option<Email>,
    /// The language of mails to the person, if it is known.
    pub language: Option<Language>,
    /// Whether the person signed in in this browser before.
    pub knows_browser: bool,
}

/// How often the use of a session is noted at most, in seconds.
const NOTED_EVERY: i64 = 5 * 60;

impl LiveSession {
    /// Whether its use at this moment needs no note of its own.
    #[must_use]
    pub fn is_noted(&self, at: Timestamp) -> bool {
        at < self.last_activity_at.plus_seconds(NOTED_EVERY)
    }
}

/// Locks the row of somebody who is about to sign in and reads how long their session lasts, at most and while it is not
/// used, in seconds. Whoever deactivates the user meanwhile ends this session too.
macro_rules! may_sign_in {
    ($c:ident, $environment:expr, $user:expr) => {{
        use paylent_domain::user::UserKind;
        use $crate::{Refusal, prepared::Prepare as _, schema::users};

        let found: Option<(String, bool)> = diesel::update(users::table.find(($environment, Key::from($user))))
            .set(users::updated_at.eq(users::updated_at))
            .returning((users::kind, users::active))
            .prepared()
            .get_result($c)
            .await
            .optional()?;
        let (kind, active) = found.ok_or(Error::Reference)?;
        if !active || kind != UserKind::Person.as_str() {
            return Err(Error::Refused(Refusal::CannotSignIn));
        }
        $crate::sessions::lifetimes!($c, $environment)
    }};
}

/// Gives a live session of a user another token and the time of a new one. `None` when the old token is not its token:
/// of two renewals with one token, one succeeds.
macro_rules! renew {
    ($c:ident, $environment:expr, $id:expr, $renewal:expr, $lifetimes:expr, $at:expr) => {{
        use $crate::schema::sessions;

        let $crate::Renewal { user_id: user, old, new } = $renewal;
        let (old, new, at) = (old.as_bytes().to_vec(), new.as_bytes().to_vec(), $at);
        let (ttl, idle_ttl) = $lifetimes;
        let session = sessions::table.find(($environment, $crate::key::Key::from($id)));
        let theirs = session
            .filter(sessions::user_id.eq($crate::key::Key::from(user)).and(sessions::token_hash.eq(old)))
            .filter(sessions::revoked_at.is_null());
        let lock = diesel::update(theirs).set(sessions::updated_at.eq(sessions::updated_at));
        let before: Option<$crate::sessions::SessionRow> =
            lock.returning($crate::sessions::SessionRow::as_returning()).get_result($c).await.optional()?;
        match before
            .map(paylent_domain::session::Session::try_from)
            .transpose()?
            .filter(|before| before.is_live(at, idle_ttl))
        {
            Some(before) => {
                let renewed = (
                    sessions::token_hash.eq(new),
                    sessions::last_activity_at.eq(at.micros()),
                    sessions::expires_at.eq(at.plus_seconds(ttl).micros()),
                    sessions::updated_at.eq(at.after(before.updated_at).micros()),
                    sessions::authenticated_at.eq(at.micros()),
                );
                let renewed = diesel::update(session).set(renewed);
                Some(renewed.returning($crate::sessions::SessionRow::as_returning()).get_result($c).await?)
            }
            None => None,
        }
    }};
}

/// What follows from a password that was right.
macro_rules! welcome {
    ($c:ident, $environment:expr, $user:expr, $proof:expr, $by:expr) => {
        if let Some($crate::RightPassword { attempt, after_failures }) = $proof {
            use $crate::{
                attempts::{forget_attempts, know_browser},
                mails::NewMailRow,
                schema::{counters, known_browsers, mails},
            };

            forget_attempts!($c, $environment, attempt);
            know_browser!($c, $environment, Key::from($user), attempt.browser, $by.at);
            if let Some((failures, mail)) = after_failures {
                NewMailRow::new($environment, mail, $by.at).insert_into(mails::table).execute($c).await?;
                let name = match &$by.by {
                    By::User { name, .. } => name.as_str(),
                    By::System => "user",
                };
                let event = Event::new("user.signed_in_after_failures", "user", $user, name);
                let event = event.change("failures", None, Some(failures.to_string()));
                entry($environment, &$by, &event)?.insert_into(audit_events::table).execute($c).await?;
            }
        }
    };
}

pub(crate) use {may_sign_in, renew, welcome};

impl Env {
    /// Whose session this token is, if it is live at this moment and its user may sign in.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn session_by_token(&self, token: &SecretHash, at: Timestamp) -> Result<Option<LiveSession>> {
        type Times = (i64, i64, i64, i64);
        type Row = (Key, Times, Key, i64, Option<String>, Option<String>, Option<String>, Option<String>);
        let (environment, token) = (self.key(), token.as_bytes().to_vec());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let named = sessions::environment_id.eq(environment).and(sessions::token_hash.eq(token));
            let user = users::environment_id.eq(environment).and(users::id.eq(sessions::user_id));
            let row = sessions::table
                .inner_join(users::table.on(user))
                .inner_join(environments::table.on(environments::id.eq(environment)))
                .filter(named.and(sessions::revoked_at.is_null()))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .select((
                    sessions::id,
                    (
                        sessions::authenticated_at,
                        sessions::last_activity_at,
                        sessions::expires_at,
                        environments::session_idle_ttl,
                    ),
                    users::id,
                    users::generation,
                    users::email,
                    users::first_name,
                    users::last_name,
                    users::locale,
                ))
                .get_result(c)
                .await
                .optional()?;
            Ok::<_, Error>(row)
        })?;
        Ok(row.and_then(|(id, times, user_id, user_generation, email, first_name, last_name, locale)| {
            let (proved, used, expires, idle_ttl) = times;
            let last_activity_at = Timestamp::from_micros(used);
            (at < ends_at(Timestamp::from_micros(expires), last_activity_at, idle_ttl)).then(|| LiveSession {
                id: id.id(),
                authenticated_at: Timestamp::from_micros(proved),
                last_activity_at,
                user_id: user_id.id(),
                user_generation,
                email: email.unwrap_or_default(),
                first_name,
                last_name,
                language: locale.as_deref().and_then(Language::of_tag),
            })
        }))
    }

    /// Notes that a session is used. Not a change of the session: it keeps its version.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn note_activity(&self, session: Id<Session>, at: Timestamp) -> Result<()> {
        let (environment, id, at) = (self.key(), Key::from(session), at.micros());
        on!(self.db, write, |c| {
            let live = sessions::table.find((environment, id)).filter(sessions::revoked_at.is_null());
            let earlier = live.filter(sessions::last_activity_at.lt(at));
            diesel::update(earlier).set(sessions::last_activity_at.eq(at)).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// Whose address this is, in the form of [`Email::key`], for somebody in this browser.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn sign_in_candidate(&self, email_key: &str, browser: &[u8; 32]) -> Result<Option<SignInCandidate>> {
        type Row = (Key, Option<String>, bool, String, Option<String>, Option<String>, bool);
        let (environment, email_key, browser) = (self.key(), email_key.to_owned(), browser.to_vec());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let known = known_browsers::table
                .filter(known_browsers::environment_id.eq(environment).and(known_browsers::user_id.eq(users::id)))
                .filter(known_browsers::browser_hash.eq(browser));
            let row = users::table
                .filter(users::environment_id.eq(environment).and(users::email_key.eq(email_key)))
                .select((
                    users::id,
                    users::password_hash,
                    users::active,
                    users::kind,
                    users::email,
                    users::locale,
                    exists(known),
                ))
                .get_result(c)
                .await
                .optional()?;
            Ok::<_, Error>(row)
        })?;
        Ok(row.map(|(id, password_hash, active, kind, email, locale, knows_browser)| SignInCandidate {
            user_id: id.id(),
            password_hash,
            can_sign_in: active && kind == UserKind::Person.as_str(),
            email: email.map(Email::stored),
            language: locale.as_deref().and_then(Language::of_tag),
            knows_browser,
        }))
    }

    /// The language that whoever has this address chose; `None` when nobody knows.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn language_of(&self, email: &Email) -> Result<Option<Language>> {
        let (environment, email_key) = (self.key(), email.key());
        let locale: Option<Option<String>> = on!(self.db, lookup, |c| {
            let this = users::environment_id.eq(environment).and(users::email_key.eq(email_key));
            Ok::<_, Error>(users::table.filter(this).select(users::locale).get_result(c).await.optional()?)
        })?;
        Ok(locale.flatten().as_deref().and_then(Language::of_tag))
    }

    /// Keeps the same password under a newer hash, unless the stored hash is no longer `old`: then the person has chosen
    /// another password meanwhile. Says whether it was kept.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn renew_password_hash(&self, user: Id<User>, old: &str, new: &PasswordHash) -> Result<bool> {
        let (environment, user, old, new) = (self.key(), Key::from(user), old.to_owned(), new.0.clone());
        on!(self.db, write, |c| {
            let unchanged = users::table.find((environment, user)).filter(users::password_hash.eq(old));
            let kept = diesel::update(unchanged).set(users::password_hash.eq(new)).execute(c).await?;
            Ok::<_, Error>(kept == 1)
        })
    }
}
