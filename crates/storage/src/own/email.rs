//! A change of address: wanted by the person, proved by a link that is mailed to the new address.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{By, Context, Event},
    language::Language,
    mail::NewMail,
    user::{Email, User, UserKind},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, Result,
    audit::entry,
    key::Key,
    mails::{NewMailRow, mail_quota},
    pool::on,
    schema::{audit_events, email_changes, mails, users},
};

/// An address that a person wants to have from now on.
#[derive(Debug, Clone)]
pub struct NewEmailChange {
    /// Who.
    pub user_id: Id<User>,
    /// The address.
    pub email: Email,
    /// The hash of the link's secret.
    pub token_hash: SecretHash,
    /// Until when the link is good.
    pub expires_at: Timestamp,
}

/// A change of address whose link was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenEmail {
    /// Who.
    pub user_id: Id<User>,
    /// The address they have.
    pub old: Email,
    /// The address they want.
    pub new: Email,
    /// The language that they chose.
    pub language: Option<Language>,
}

/// Forgets the links that were mailed to a user and not used: who has such a link could take the account over.
macro_rules! forget_links {
    ($c:ident, $environment:expr, $user:expr) => {{
        use $crate::schema::{email_changes, password_resets};

        diesel::delete(email_changes::table.find(($environment, $user))).execute($c).await?;
        let resets = password_resets::environment_id.eq($environment).and(password_resets::user_id.eq($user));
        diesel::delete(password_resets::table.filter(resets)).execute($c).await?;
    }};
}
pub(crate) use forget_links;

impl Env {
    /// Notes that a person wants another address, in place of what they wanted before, and sends the letter with the link
    /// there. When somebody else has the address, `taken` goes there instead, and all else is the same: whoever asks does
    /// not learn it.
    ///
    /// # Errors
    /// `TooMany` when the address or the browser's network had too many mails within an hour, `Reference` when there is
    /// no such person.
    pub async fn request_email_change(
        &self,
        change: NewEmailChange,
        link: NewMail,
        taken: NewMail,
        by: &Context,
    ) -> Result<()> {
        let (environment, by) = (self.key(), by.clone());
        on!(self.db, transaction, |c| {
            let (user, email_key, at) = (Key::from(change.user_id), change.email.key(), by.at);
            let email = change.email.as_str().to_owned();
            mail_quota!(c, environment, email_key, by.ip, at);
            let others = users::table
                .filter(users::environment_id.eq(environment).and(users::email_key.eq(&email_key)))
                .filter(users::id.ne(user));
            let others: i64 = others.count().get_result(c).await?;
            diesel::delete(email_changes::table.find((environment, user))).execute(c).await?;
            let wanted = (
                email_changes::environment_id.eq(environment),
                email_changes::user_id.eq(user),
                email_changes::token_hash.eq(change.token_hash.as_bytes().to_vec()),
                email_changes::email.eq(&email),
                email_changes::email_key.eq(email_key),
                email_changes::created_at.eq(at.micros()),
                email_changes::expires_at.eq(change.expires_at.micros()),
            );
            diesel::insert_into(email_changes::table).values(wanted).execute(c).await?;
            let letter = if others == 0 { link } else { taken };
            NewMailRow::new(environment, letter, at).insert_into(mails::table).execute(c).await?;
            let name: Option<String> =
                users::table.find((environment, user)).select(users::email).get_result(c).await?;
            let event = Event::new("user.email_change_requested", "user", change.user_id, &name.unwrap_or_default());
            let event = event.change("pending_email", None, Some(email));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(())
        })
    }

    /// The change that this link stands for, if it is good at this moment.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn email_change(&self, token: &SecretHash, now: Timestamp) -> Result<Option<ProvenEmail>> {
        type Row = (Key, Option<String>, String, Option<String>);
        let (environment, token, now) = (self.key(), token.as_bytes().to_vec(), now.micros());
        let row: Option<Row> = on!(self.db, lookup, |c| {
            let user =
                users::environment_id.eq(email_changes::environment_id).and(users::id.eq(email_changes::user_id));
            let row = email_changes::table
                .inner_join(users::table.on(user))
                .filter(email_changes::environment_id.eq(environment).and(email_changes::token_hash.eq(token)))
                .filter(email_changes::expires_at.gt(now))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .select((users::id, users::email, email_changes::email, users::locale));
            Ok::<_, Error>(row.get_result(c).await.optional()?)
        })?;
        Ok(row.map(|(user, old, new, locale)| ProvenEmail {
            user_id: user.id(),
            old: Email::stored(old.unwrap_or_default()),
            new: Email::stored(new),
            language: locale.as_deref().and_then(Language::of_tag),
        }))
    }

    /// Gives a person the address that this link proved to be theirs, and tells the old one so by this letter. Of any
    /// number of calls for one link one is answered `true`, and only while the change is what it was read as. Mailed links
    /// that were not used die.
    ///
    /// # Errors
    /// `Conflict` when somebody else has the address by now.
    pub async fn confirm_email_change(
        &self,
        token: &SecretHash,
        change: ProvenEmail,
        letter: NewMail,
        from: &Context,
    ) -> Result<bool> {
        let (environment, token, from) = (self.key(), token.as_bytes().to_vec(), from.clone());
        on!(self.db, transaction, |c| {
            let (user, at) = (Key::from(change.user_id), from.at);
            let (old, new) = (change.old.as_str().to_owned(), change.new.as_str().to_owned());
            // The user's row first, as in every other unit of work that forgets the links.
            let person = users::table
                .find((environment, user))
                .filter(users::active.eq(true).and(users::kind.eq(UserKind::Person.as_str())))
                .filter(users::email.eq(&old));
            let lock = diesel::update(person).set(users::updated_at.eq(users::updated_at));
            let before: Option<i64> = lock.returning(users::updated_at).get_result(c).await.optional()?;
            let Some(before) = before.map(Timestamp::from_micros) else { return Ok(false) };
            let presented = email_changes::token_hash.eq(token).and(email_changes::email.eq(&new));
            let presented = presented.and(email_changes::expires_at.gt(at.micros()));
            let used = diesel::delete(email_changes::table.find((environment, user)).filter(presented));
            if used.execute(c).await? == 0 {
                return Ok(false);
            }
            let changed = (
                users::email.eq(&new),
                users::email_key.eq(change.new.key()),
                users::email_verified.eq(true),
                users::updated_at.eq(at.after(before).micros()),
            );
            diesel::update(users::table.find((environment, user))).set(changed).execute(c).await?;
            forget_links!(c, environment, user);
            if change.old.key() != change.new.key() {
                NewMailRow::new(environment, letter, at).insert_into(mails::table).execute(c).await?;
            }
            let by = Context { by: By::User { id: change.user_id, name: old.clone() }, ..from };
            let event = Event::new("user.email_changed", "user", change.user_id, &new);
            let event = event.change("email", Some(old), Some(new));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(true)
        })
    }
}
