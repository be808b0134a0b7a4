//! Clients still to be told that a session ended (OpenID Connect Back-Channel Logout). Rows are made by what ends
//! sessions, in the same unit of work.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, environment::Environment, session::Session, user::User};
use paylent_oauth::store::BackchannelLogout;

use crate::{
    Db, Env, Error, Result,
    directory::EnvironmentRow,
    key::Key,
    pool::on,
    schema::{environments, logout_deliveries},
};

/// A whole row of `logout_deliveries`.
#[derive(Insertable)]
#[diesel(table_name = logout_deliveries)]
pub(crate) struct NewDeliveryRow {
    environment_id: Key,
    client_id: String,
    session_id: Key,
    user_id: Key,
    uri: String,
    created_at: i64,
    attempts: i32,
    next_attempt_at: i64,
}

/// A row of `logout_deliveries`, without what finds it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = logout_deliveries)]
struct DeliveryRow {
    session_id: Key,
    user_id: Key,
    uri: String,
    created_at: i64,
    attempts: i32,
}

/// A client that is to be told something now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingClient {
    /// Whose client it is.
    pub environment: Environment,
    /// Its public identifier.
    pub client_id: String,
}

/// That a client is to be told of the end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// The client.
    pub client_id: String,
    /// The session.
    pub session_id: Id<Session>,
    /// Who was signed in.
    pub user_id: Id<User>,
    /// Where the client wants to be told. It is the client's choice: guard the request.
    pub uri: String,
    /// When the session ended.
    pub created_at: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
}

impl NewDeliveryRow {
    pub(crate) fn new(
        environment_id: Key,
        logout: &BackchannelLogout,
        session_id: Key,
        user_id: Key,
        at: Timestamp,
    ) -> Self {
        Self {
            environment_id,
            client_id: logout.client_id.clone(),
            session_id,
            user_id,
            uri: logout.uri.clone(),
            created_at: at.micros(),
            attempts: 0,
            next_attempt_at: at.micros(),
        }
    }
}

impl DeliveryRow {
    fn read(self, client_id: &str) -> LogoutDelivery {
        LogoutDelivery {
            client_id: client_id.to_owned(),
            session_id: self.session_id.id(),
            user_id: self.user_id.id(),
            uri: self.uri,
            created_at: Timestamp::from_micros(self.created_at),
            attempts: self.attempts,
        }
    }
}

impl Db {
    /// The clients of all environments that are to be told something now, up to a thousand of them.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn clients_to_tell(&self, now: Timestamp) -> Result<Vec<WaitingClient>> {
        let rows: Vec<(EnvironmentRow, String)> = on!(self, read, |c| {
            let due = logout_deliveries::table
                .inner_join(environments::table.on(environments::id.eq(logout_deliveries::environment_id)))
                .filter(logout_deliveries::next_attempt_at.le(now.micros()))
                .select((EnvironmentRow::as_select(), logout_deliveries::client_id))
                .distinct()
                .limit(1_000);
            Ok::<_, Error>(due.load(c).await?)
        })?;
        let read = |(environment, client_id): (EnvironmentRow, String)| WaitingClient {
            environment: environment.into(),
            client_id,
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

impl Env {
    /// What this client is to be told now, the longest due first.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn due_logouts(&self, client_id: &str, now: Timestamp, limit: i64) -> Result<Vec<LogoutDelivery>> {
        let (environment, client) = (self.key(), client_id.to_owned());
        let rows: Vec<DeliveryRow> = on!(self.db, read, |c| {
            let due = logout_deliveries::table
                .filter(logout_deliveries::environment_id.eq(environment).and(logout_deliveries::client_id.eq(client)))
                .filter(logout_deliveries::next_attempt_at.le(now.micros()))
                .order(logout_deliveries::next_attempt_at.asc())
                .limit(limit)
                .select(DeliveryRow::as_select());
            Ok::<_, Error>(due.load(c).await?)
        })?;
        Ok(rows.into_iter().map(|row| row.read(client_id)).collect())
    }

    /// Counts an attempt and keeps everybody else from another one until then: of all who claim what they read, one is
    /// told the delivery as it is from now on. Whoever dies with a claim loses nothing but time.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn claim_logout(
        &self,
        delivery: &LogoutDelivery,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LogoutDelivery>> {
        let (this, attempts) = (self.place(delivery), delivery.attempts);
        let claimed = on!(self.db, write, |c| {
            let unclaimed = logout_deliveries::table
                .find(this)
                .filter(logout_deliveries::attempts.eq(attempts))
                .filter(logout_deliveries::next_attempt_at.le(now.micros()));
            let claim =
                (logout_deliveries::attempts.eq(attempts + 1), logout_deliveries::next_attempt_at.eq(until.micros()));
            Ok::<_, Error>(diesel::update(unclaimed).set(claim).execute(c).await? == 1)
        })?;
        Ok(claimed.then(|| LogoutDelivery { attempts: attempts + 1, ..delivery.clone() }))
    }

    /// Lets a claimed delivery be tried again from then on, unless somebody else has claimed it since.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn postpone_logout(&self, claimed: &LogoutDelivery, until: Timestamp) -> Result<()> {
        let (this, attempts) = (self.place(claimed), claimed.attempts);
        on!(self.db, write, |c| {
            let ours = logout_deliveries::table.find(this).filter(logout_deliveries::attempts.eq(attempts));
            diesel::update(ours).set(logout_deliveries::next_attempt_at.eq(until.micros())).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// Forgets a delivery: the client was told, or never will be.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn forget_logout(&self, delivery: &LogoutDelivery) -> Result<()> {
        let this = self.place(delivery);
        on!(self.db, write, |c| {
            diesel::delete(logout_deliveries::table.find(this)).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// The primary key of a delivery.
    fn place(&self, delivery: &LogoutDelivery) -> (Key, String, Key) {
        (self.key(), delivery.client_id.clone(), delivery.session_id.into())
    }
}
