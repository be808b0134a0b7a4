//! A new password, chosen by a person who is signed in.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    mail::NewMail,
    session::Session,
    user::PasswordHash,
};

use crate::{
    Env, Error, Renewal, Result,
    audit::entry,
    key::Key,
    mails::NewMailRow,
    own::forget_links,
    pool::on,
    schema::{audit_events, authorities, mails, users},
    session_ends::end_all_sessions,
    sessions::SessionRow,
    sign_in::{may_sign_in, renew},
};

impl Env {
    /// Gives a person another password and says so in this letter. The session it is done in goes on under another token;
    /// all others end, and so does every token. `None`, and nothing is written, when it is not a live session of theirs
    /// with this token.
    ///
    /// # Errors
    /// `Reference` when there is no such person, `Refused` when they may not sign in.
    pub async fn change_password(
        &self,
        session: Id<Session>,
        renewal: Renewal,
        password: PasswordHash,
        letter: NewMail,
        by: &Context,
    ) -> Result<Option<Session>> {
        let (environment, by) = (self.key(), by.clone());
        on!(self.db, transaction, |c| {
            let (user, at) = (renewal.user_id, by.at);
            let key = Key::from(user);
            let lifetimes = may_sign_in!(c, environment, user);
            let renewed: Option<SessionRow> = renew!(c, environment, session, renewal, lifetimes, at);
            let Some(renewed) = renewed else { return Ok(None) };
            let person = users::table.find((environment, key));
            let before: i64 = person.select(users::updated_at).get_result(c).await?;
            let changed = (
                users::password_hash.eq(password.0),
                users::generation.eq(users::generation + 1),
                users::updated_at.eq(at.after(Timestamp::from_micros(before)).micros()),
            );
            diesel::update(person).set(changed).execute(c).await?;
            end_all_sessions!(c, environment, key, Some(Key::from(session)), at);
            forget_links!(c, environment, key);
            NewMailRow::new(environment, letter, at).insert_into(mails::table).execute(c).await?;
            let name: String =
                authorities::table.find((environment, key)).select(authorities::name).get_result(c).await?;
            let event = Event::new("user.password_changed", "user", user, &name);
            let event = event.change("password", None, Some("changed".to_owned()));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(Session::try_from(renewed)?))
        })
    }
}
