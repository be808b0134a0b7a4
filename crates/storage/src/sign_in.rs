//! What signing in asks for: whose session a cookie is, and whose password to compare.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    language::Language,
    session::Session,
    user::{PasswordHash, User, UserKind},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Result,
    key::Key,
    pool::on,
    schema::{sessions, users},
};

/// A session that is good now, of a person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// The session.
    pub id: Id<Session>,
    /// When the person last proved who they are.
    pub authenticated_at: Timestamp,
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
}

impl Env {
    /// Whose session this token is, if it is live at this moment and its user may sign in.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn session_by_token(&self, token: &SecretHash, at: Timestamp) -> Result<Option<LiveSession>> {
        type Row = (Key, i64, Key, i64, Option<String>, Option<String>, Option<String>, Option<String>);
        let (environment, token, at) = (self.key(), token.as_bytes().to_vec(), at.micros());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let named = sessions::environment_id.eq(environment).and(sessions::token_hash.eq(token));
            let live = sessions::revoked_at.is_null().and(sessions::expires_at.gt(at));
            let user = users::environment_id.eq(environment).and(users::id.eq(sessions::user_id));
            let row = sessions::table
                .inner_join(users::table.on(user))
                .filter(named.and(live))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .select((
                    sessions::id,
                    sessions::authenticated_at,
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
        Ok(row.map(|(id, authenticated_at, user_id, user_generation, email, first_name, last_name, locale)| {
            LiveSession {
                id: id.id(),
                authenticated_at: Timestamp::from_micros(authenticated_at),
                user_id: user_id.id(),
                user_generation,
                email: email.unwrap_or_default(),
                first_name,
                last_name,
                language: locale.as_deref().and_then(Language::of_tag),
            }
        }))
    }

    /// Whose address this is, in the form of [`Email::key`](paylent_domain::user::Email::key).
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn sign_in_candidate(&self, email_key: &str) -> Result<Option<SignInCandidate>> {
        type Row = (Key, Option<String>, bool, String);
        let (environment, email_key) = (self.key(), email_key.to_owned());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let row = users::table
                .filter(users::environment_id.eq(environment).and(users::email_key.eq(email_key)))
                .select((users::id, users::password_hash, users::active, users::kind))
                .get_result(c)
                .await
                .optional()?;
            Ok::<_, Error>(row)
        })?;
        Ok(row.map(|(id, password_hash, active, kind)| SignInCandidate {
            user_id: id.id(),
            password_hash,
            can_sign_in: active && kind == UserKind::Person.as_str(),
        }))
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
