//! The sessions of a person, whatever browser they are in.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, audit::Context, session::Session, user::User};

use crate::{
    Env, Error, Result,
    audit::entry,
    key::Key,
    pool::on,
    schema::{sessions, users},
    session_ends::{end_all_sessions, end_families},
    sessions::{SessionRow, lifetimes, tell},
};

/// As many sessions as one page shows.
const MOST: i64 = 200;

impl Env {
    /// The sessions of a person that are live at this moment, the one that was used last first.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn live_sessions(&self, user: Id<User>, now: Timestamp) -> Result<Vec<Session>> {
        let (environment, user) = (self.key(), Key::from(user));
        let (rows, (_, idle_ttl)): (Vec<SessionRow>, _) = on!(self.db, read, |c| {
            let theirs = sessions::environment_id.eq(environment).and(sessions::user_id.eq(user));
            let open = sessions::revoked_at.is_null().and(sessions::expires_at.gt(now.micros()));
            let rows = sessions::table.filter(theirs.and(open)).select(SessionRow::as_select());
            let rows = rows.order((sessions::last_activity_at.desc(), sessions::id.desc())).limit(MOST);
            Ok::<_, Error>((rows.load(c).await?, lifetimes!(c, environment)))
        })?;
        let sessions = rows.into_iter().map(Session::try_from);
        sessions.filter(|read| read.as_ref().map_or(true, |session| session.is_live(now, idle_ttl))).collect()
    }

    /// Ends a live session of this person, with what shall not outlive it. `false` when there is none of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn end_own_session(&self, user: Id<User>, id: Id<Session>, by: &Context) -> Result<bool> {
        let (environment, key, session, by) = (self.key(), Key::from(user), Key::from(id), by.clone());
        on!(self.db, transaction, |c| {
            let live = sessions::revoked_at.is_null().and(sessions::expires_at.gt(by.at.micros()));
            let own = sessions::table.find((environment, session)).filter(sessions::user_id.eq(key).and(live));
            let end = (sessions::revoked_at.eq(by.at.micros()), sessions::updated_at.eq(by.at.micros()));
            if diesel::update(own).set(end).execute(c).await? == 0 {
                return Ok(false);
            }
            end_families!(c, environment, vec![session], key, by.at);
            tell!(c, environment, by, "session.revoked", id, user, Some(by.at));
            Ok(true)
        })
    }

    /// Ends all live sessions of this person but the one to keep, with what shall not outlive them, and says how many
    /// those are.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn end_own_sessions(&self, user: Id<User>, keep: Option<Id<Session>>, by: &Context) -> Result<usize> {
        let (environment, key, keep, by) = (self.key(), Key::from(user), keep.map(Key::from), by.clone());
        on!(self.db, transaction, |c| {
            let lock =
                diesel::update(users::table.find((environment, key))).set(users::updated_at.eq(users::updated_at));
            if lock.execute(c).await? == 0 {
                return Ok(0);
            }
            let ended = end_all_sessions!(c, environment, key, keep, by.at);
            for session in &ended {
                tell!(c, environment, by, "session.revoked", session.id::<Session>(), user, Some(by.at));
            }
            Ok(ended.len())
        })
    }
}
