//! Sessions: which people are signed in, at which browsers.

use std::net::IpAddr;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{By, Context, Event},
    session::Session,
    user::User,
};
use paylent_oauth::{crypto::secret::SecretHash, store::EndedSession};

use crate::{
    Env, Error, Expected, Listed, Page, Result, RightPassword,
    audit::entry,
    error::{Refusal, broken},
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, authorities, sessions},
    session_ends::end_families,
    sign_in::{may_sign_in, renew, welcome},
};

/// A row of `sessions`, without the token's hash.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub(crate) struct SessionRow {
    id: Key,
    user_id: Key,
    ip: Option<String>,
    user_agent: Option<String>,
    last_activity_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// A whole row of `sessions`.
#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub(crate) struct NewSessionRow {
    environment_id: Key,
    id: Key,
    user_id: Key,
    token_hash: Vec<u8>,
    ip: Option<String>,
    user_agent: Option<String>,
    last_activity_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    authenticated_at: i64,
}

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: Id<Session>,
    /// Who is signed in.
    pub user_id: Id<User>,
    /// The hash of its token.
    pub token_hash: SecretHash,
    /// The browser's address.
    pub ip: Option<IpAddr>,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
}

/// A session about to go on, because its person proved once more who they are.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// Who that is.
    pub user_id: Id<User>,
    /// The hash of the token that the session has.
    pub old: SecretHash,
    /// The hash of the token that it gets.
    pub new: SecretHash,
}

/// How many sessions a person can have open at once.
pub const MAX_SESSIONS: i64 = 200;

/// How often a touch of a session is noted at most, in seconds.
const TOUCHED_EVERY: i64 = 60;

/// Which sessions to list.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Only those of this user.
    pub user_id: Option<Id<User>>,
    /// Only those that were ended before they expired, or only the others.
    pub revoked: Option<bool>,
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            user_id: row.user_id.id(),
            ip: row.ip.map(|ip| ip.parse().map_err(broken)).transpose()?,
            user_agent: row.user_agent,
            last_activity_at: Timestamp::from_micros(row.last_activity_at),
            expires_at: Timestamp::from_micros(row.expires_at),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl NewSessionRow {
    pub(crate) fn new(environment_id: Key, session: NewSession, at: Timestamp, ttl: i64) -> Self {
        Self {
            environment_id,
            id: session.id.into(),
            user_id: session.user_id.into(),
            token_hash: session.token_hash.as_bytes().to_vec(),
            ip: session.ip.map(|ip| ip.to_string()),
            user_agent: session.user_agent,
            last_activity_at: at.micros(),
            expires_at: at.plus_seconds(ttl).micros(),
            revoked_at: None,
            created_at: at.micros(),
            updated_at: at.micros(),
            authenticated_at: at.micros(),
        }
    }
}

/// Locks the row and reads what it was, if it is there and as expected.
macro_rules! lock_session {
    ($c:ident, $session:expr, $expected:expr) => {{
        let lock = diesel::update($session).set(sessions::updated_at.eq(sessions::updated_at));
        let before = lock.returning(SessionRow::as_returning()).get_result($c).await.optional()?;
        let Some(before) = before.map(Session::try_from).transpose()? else { return Ok(None) };
        $expected.check(before.updated_at.micros())?;
        before
    }};
}

/// How long sessions last here, at most and while they are not used, in seconds.
macro_rules! lifetimes {
    ($c:ident, $environment:expr) => {{
        use $crate::schema::environments;

        let lifetimes = (environments::session_ttl, environments::session_idle_ttl);
        let lifetimes: (i64, i64) = environments::table.find($environment).select(lifetimes).get_result($c).await?;
        lifetimes
    }};
}

/// Writes the event in which something happens to a session.
macro_rules! tell {
    ($c:ident, $environment:expr, $by:expr, $action:literal, $session:expr, $user:expr, $revoked_at:expr) => {{
        use $crate::schema::{audit_events, authorities};

        let name: String =
            authorities::table.find(($environment, Key::from($user))).select(authorities::name).get_result($c).await?;
        let event = $crate::sessions::told($action, $session, $user, &name, $revoked_at);
        entry($environment, &$by, &event)?.insert_into(audit_events::table).execute($c).await?;
    }};
}

/// Ends a session that is open, with what shall not outlive it.
macro_rules! end_session {
    ($c:ident, $environment:expr, $session:expr, $user:expr, $by:expr) => {{
        let at = $by.at.micros();
        let end = (sessions::revoked_at.eq(at), sessions::updated_at.eq(at));
        diesel::update(sessions::table.find(($environment, $session))).set(end).execute($c).await?;
        end_families!($c, $environment, vec![$session], $user, $by.at);
        tell!($c, $environment, $by, "session.revoked", $session.id::<Session>(), $user.id::<User>(), Some($by.at));
    }};
}

pub(crate) use {lifetimes, tell};

/// The event in which something happens to a session, and that it is over since then when it ends by that.
pub(crate) fn told(
    action: &'static str,
    id: Id<Session>,
    user: Id<User>,
    name: &str,
    revoked_at: Option<Timestamp>,
) -> Event {
    let event = Event::new(action, "session", id, name).and("user", user, name);
    event.change("revoked_at", None, revoked_at.map(|at| at.to_string()))
}

impl Env {
    /// The sessions that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn sessions(&self, filter: SessionFilter, page: Page) -> Result<Listed<Session>> {
        let environment = self.key();
        let user = filter.user_id.map(Key::from);
        let rows: (Vec<SessionRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = sessions::table.filter(sessions::environment_id.eq(environment)).into_boxed();
                if let Some(user) = user {
                    query = query.filter(sessions::user_id.eq(user));
                }
                match filter.revoked {
                    Some(true) => query = query.filter(sessions::revoked_at.is_not_null()),
                    Some(false) => query = query.filter(sessions::revoked_at.is_null()),
                    None => {}
                }
                query
            };
            page!(c, page, sessions::id, SessionRow::as_select(), matching())
        })?;
        Listed::of(rows, Session::try_from)
    }

    /// The session of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn session(&self, id: Id<Session>) -> Result<Option<Session>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<SessionRow> = on!(self.db, lookup, |c| {
            let row = sessions::table.find((environment, id)).select(SessionRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(Session::try_from).transpose()
    }

    /// Begins a session, which ends when the environment says.
    ///
    /// # Errors
    /// `Reference` when there is no such user, `Refused` when it cannot sign in.
    pub async fn create_session(&self, new: NewSession, by: &Context) -> Result<Session> {
        self.begin_session(new, None, by).await
    }

    /// Begins a session for somebody whose password was right. Of a person's sessions beyond [`MAX_SESSIONS`] the oldest
    /// ends.
    ///
    /// # Errors
    /// `Reference` when there is no such user, `Refused` when it cannot sign in.
    pub async fn begin_session(&self, new: NewSession, proof: Option<RightPassword>, by: &Context) -> Result<Session> {
        let (environment, by) = (self.key(), by.clone());
        on!(self.db, transaction, |c| {
            let (id, user) = (new.id, new.user_id);
            let (ttl, _) = may_sign_in!(c, environment, user);
            let theirs = sessions::environment_id.eq(environment).and(sessions::user_id.eq(Key::from(user)));
            let open = sessions::revoked_at.is_null().and(sessions::expires_at.gt(by.at.micros()));
            let surplus: Vec<Key> = sessions::table
                .filter(theirs.and(open))
                .order(sessions::id.desc())
                .offset(MAX_SESSIONS - 1)
                .select(sessions::id)
                .load(c)
                .await?;
            for session in surplus {
                end_session!(c, environment, session, Key::from(user), by);
            }
            welcome!(c, environment, user, proof, by);
            let row = NewSessionRow::new(environment, new, by.at, ttl).insert_into(sessions::table);
            let row: SessionRow = row.returning(SessionRow::as_returning()).get_result(c).await?;
            tell!(c, environment, by, "session.created", id, user, None);
            Session::try_from(row)
        })
    }

    /// Goes on with the session of this token, whose person proved once more who they are: with another token, and as
    /// long as a new one. What was issued in it lives on. `None` when the token is not that of a live session of theirs.
    ///
    /// # Errors
    /// `Reference` when there is no such user, `Refused` when it cannot sign in.
    pub async fn renew_session(
        &self,
        id: Id<Session>,
        renewal: Renewal,
        proof: Option<RightPassword>,
        by: &Context,
    ) -> Result<Option<Session>> {
        let (environment, by) = (self.key(), by.clone());
        on!(self.db, transaction, |c| {
            let user = renewal.user_id;
            let lifetimes = may_sign_in!(c, environment, user);
            let row: Option<SessionRow> = renew!(c, environment, id, renewal, lifetimes, by.at);
            let Some(row) = row else { return Ok(None) };
            welcome!(c, environment, user, proof, by);
            tell!(c, environment, by, "session.renewed", id, user, None);
            Ok(Some(Session::try_from(row)?))
        })
    }

    /// Notes that a session is used, every minute at most. `None` when there is no such session.
    ///
    /// # Errors
    /// `Refused` when it has ended, or is not as expected.
    pub async fn touch_session(&self, id: Id<Session>, expected: &Expected, by: &Context) -> Result<Option<Session>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let session = sessions::table.find((environment, key));
            let before = lock_session!(c, session, expected);
            let (_, idle_ttl) = lifetimes!(c, environment);
            if !before.is_live(by.at, idle_ttl) {
                return Err(Error::Refused(Refusal::InactiveSession));
            }
            if by.at < before.last_activity_at.plus_seconds(TOUCHED_EVERY) {
                return Ok(Some(before));
            }
            let used = sessions::last_activity_at.eq(by.at.micros());
            let at = sessions::updated_at.eq(by.at.after(before.updated_at).micros());
            let after = diesel::update(session).set((used, at)).returning(SessionRow::as_returning());
            let after: SessionRow = after.get_result(c).await?;
            tell!(c, environment, by, "session.touched", id, before.user_id, None);
            Ok(Some(Session::try_from(after)?))
        })
    }

    /// Ends a session with what shall not outlive it; one that was ended before stays as it is. `None` when there is no
    /// such session.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn revoke_session(&self, id: Id<Session>, expected: &Expected, by: &Context) -> Result<Option<Session>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let session = sessions::table.find((environment, key));
            let before = lock_session!(c, session, expected);
            if before.revoked_at.is_some() {
                return Ok(Some(before));
            }
            let ended = sessions::revoked_at.eq(by.at.micros());
            let at = sessions::updated_at.eq(by.at.after(before.updated_at).micros());
            let after = diesel::update(session).set((ended, at)).returning(SessionRow::as_returning());
            let after: SessionRow = after.get_result(c).await?;
            end_families!(c, environment, vec![key], Key::from(before.user_id), by.at);
            tell!(c, environment, by, "session.revoked", id, before.user_id, Some(by.at));
            Ok(Some(Session::try_from(after)?))
        })
    }

    /// Ends a session for the person who is signed in, who is told of in the audit trail. `None` when there is no such
    /// session or it was ended before.
    pub(crate) async fn sign_out(&self, id: Id<Session>, at: Timestamp) -> Result<Option<EndedSession>> {
        let (environment, session, by) = (self.key(), Key::from(id), self.context(at));
        on!(self.db, transaction, |c| {
            let open = sessions::table.find((environment, session)).filter(sessions::revoked_at.is_null());
            let end = (sessions::revoked_at.eq(at.micros()), sessions::updated_at.eq(at.micros()));
            let ended: Option<Key> =
                diesel::update(open).set(end).returning(sessions::user_id).get_result(c).await.optional()?;
            let Some(user) = ended else { return Ok(None) };
            let logouts = end_families!(c, environment, vec![session], user, at);
            let name: String =
                authorities::table.find((environment, user)).select(authorities::name).get_result(c).await?;
            let user_id = user.id::<User>();
            let event = told("session.revoked", id, user_id, &name, Some(at));
            let by = Context { by: By::User { id: user_id, name }, ..by };
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(EndedSession { session_id: id, user_id, logouts }))
        })
    }

    /// Deletes a session, which ends it, and says whether there was one.
    ///
    /// # Errors
    /// `Refused` when it is not as expected.
    pub async fn delete_session(&self, id: Id<Session>, expected: &Expected, by: &Context) -> Result<bool> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        on!(self.db, transaction, |c| {
            let gone = diesel::delete(sessions::table.find((environment, key))).returning(SessionRow::as_returning());
            let gone: Option<SessionRow> = gone.get_result(c).await.optional()?;
            let Some(gone) = gone else { return Ok(false) };
            expected.check(gone.updated_at)?;
            if gone.revoked_at.is_none() {
                end_families!(c, environment, vec![key], gone.user_id, by.at);
            }
            tell!(c, environment, by, "session.deleted", id, gone.user_id.id::<User>(), None);
            Ok(true)
        })
    }
}
