//! Mails on their way: what is due, who attempts it, and what became of it. The job that delivers mails works for all
//! environments at once; what a mail says is sealed for its own.

use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    environment::Environment,
    mail::{Mail, MailStatus},
};

use crate::{Db, Error, Result, key::Key, pool::on, schema::mails};

/// For how long it is remembered what became of a mail, in seconds: thirty days.
const HISTORY: i64 = 30 * 24 * 3_600;
/// The condition of the index of what is to be delivered.
const QUEUED: &str = "mails.status = 'queued'";
/// The condition of the index of what came to an end.
const DONE: &str = "mails.status <> 'queued'";
/// The condition of the index of what was given up.
const FAILED: &str = "mails.status = 'failed'";

/// A mail that is to be attempted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueMail {
    environment: Key,
    id: Key,
    attempts: i32,
}

/// A mail that nobody else attempts until the claim is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// Whose mail it is.
    pub environment: Id<Environment>,
    /// Its id.
    pub id: Id<Mail>,
    /// What it is about, in one word.
    pub kind: String,
    /// The one address it goes to.
    pub recipient: String,
    /// What it says, sealed.
    pub letter: Vec<u8>,
    /// How often it was tried, with this time.
    pub attempts: i32,
    /// From when on it is of no use to anybody.
    pub expires_at: Option<Timestamp>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// The next mail server took the mail over: its letter is wiped.
    Sent,
    /// It came to nothing in time and was not sent: its letter is wiped.
    Expired,
    /// It is attempted again.
    Postponed {
        /// From when on.
        until: Timestamp,
        /// Why it failed this time.
        reason: String,
    },
    /// It is given up. The letter is kept, so that it can be sent again by hand, unless it is of no use any more.
    Failed {
        /// Why.
        reason: String,
    },
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mails)]
struct ClaimedRow {
    environment_id: Key,
    id: Key,
    kind: String,
    recipient: String,
    letter: Option<Vec<u8>>,
    attempts: i32,
    expires_at: Option<i64>,
    created_at: i64,
}

impl From<ClaimedRow> for ClaimedMail {
    fn from(row: ClaimedRow) -> Self {
        Self {
            environment: row.environment_id.id(),
            id: row.id.id(),
            kind: row.kind,
            recipient: row.recipient,
            letter: row.letter.unwrap_or_default(),
            attempts: row.attempts,
            expires_at: row.expires_at.map(Timestamp::from_micros),
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl Db {
    /// The mails of all environments that are to be attempted now, the longest due first.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn due_mails(&self, now: Timestamp, limit: i64) -> Result<Vec<DueMail>> {
        let rows: Vec<(Key, Key, i32)> = on!(self, read, |c| {
            let due = mails::table
                .filter(sql::<Bool>(QUEUED).and(mails::next_attempt_at.le(now.micros())))
                .order(mails::next_attempt_at.asc())
                .limit(limit)
                .select((mails::environment_id, mails::id, mails::attempts));
            Ok::<_, Error>(due.load(c).await?)
        })?;
        Ok(rows.into_iter().map(|(environment, id, attempts)| DueMail { environment, id, attempts }).collect())
    }

    /// How many mails are still to be delivered.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn queued_mails(&self) -> Result<i64> {
        on!(self, read, |c| { Ok::<_, Error>(mails::table.filter(sql::<Bool>(QUEUED)).count().get_result(c).await?) })
    }

    /// Counts an attempt and keeps everybody else from another one until then: of all who claim what they read, one gets
    /// the mail. Whoever dies with a claim loses nothing but time.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn claim_mail(&self, due: DueMail, now: Timestamp, until: Timestamp) -> Result<Option<ClaimedMail>> {
        let claimed: Option<ClaimedRow> = on!(self, write, |c| {
            let unclaimed = mails::table
                .find((due.environment, due.id))
                .filter(mails::status.eq(MailStatus::Queued.as_str()))
                .filter(mails::attempts.eq(due.attempts).and(mails::next_attempt_at.le(now.micros())));
            let claim = (
                mails::attempts.eq(due.attempts + 1),
                mails::next_attempt_at.eq(until.micros()),
                mails::updated_at.eq(now.micros()),
            );
            let claimed = diesel::update(unclaimed).set(claim).returning(ClaimedRow::as_returning());
            Ok::<_, Error>(claimed.get_result(c).await.optional()?)
        })?;
        Ok(claimed.map(ClaimedMail::from))
    }

    /// Notes what became of a claimed mail. That it was sent counts whatever happened meanwhile; anything else only as
    /// long as nobody else claimed it.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn settle_mail(&self, claimed: &ClaimedMail, attempt: MailOutcome, now: Timestamp) -> Result<()> {
        let (this, attempts) = ((Key::from(claimed.environment), Key::from(claimed.id)), claimed.attempts);
        let is_useless = claimed.expires_at.is_some_and(|at| at <= now);
        let now = now.micros();
        on!(self, write, |c| {
            let mail = mails::table.find(this);
            let ours = mail.filter(mails::status.eq(MailStatus::Queued.as_str()).and(mails::attempts.eq(attempts)));
            let over = |status: MailStatus, reason: Option<String>| {
                (mails::status.eq(status.as_str()), mails::last_error.eq(reason), mails::updated_at.eq(now))
            };
            let wiped = mails::letter.eq(None::<Vec<u8>>);
            match attempt {
                MailOutcome::Sent => diesel::update(mail).set((over(MailStatus::Sent, None), wiped)).execute(c).await?,
                MailOutcome::Expired => {
                    diesel::update(ours).set((over(MailStatus::Expired, None), wiped)).execute(c).await?
                }
                MailOutcome::Postponed { until, reason } => {
                    let later = (mails::next_attempt_at.eq(until.micros()), over(MailStatus::Queued, Some(reason)));
                    diesel::update(ours).set(later).execute(c).await?
                }
                MailOutcome::Failed { reason } if is_useless => {
                    diesel::update(ours).set((over(MailStatus::Failed, Some(reason)), wiped)).execute(c).await?
                }
                MailOutcome::Failed { reason } => {
                    diesel::update(ours).set(over(MailStatus::Failed, Some(reason))).execute(c).await?
                }
            };
            Ok::<_, Error>(())
        })
    }

    /// Wipes the letters of all mails that are of no use any more, and forgets those that came to an end long ago. Says
    /// how many rows it touched.
    pub(crate) async fn purge_mails(&self, now: Timestamp) -> Result<usize> {
        let (now, long_ago) = (now.micros(), now.plus_seconds(-HISTORY).micros());
        let wiped = || mails::letter.eq(None::<Vec<u8>>);
        let expired = on!(self, write, |c| {
            let late = mails::table.filter(sql::<Bool>(QUEUED).and(mails::expires_at.le(now)));
            let over = (mails::status.eq(MailStatus::Expired.as_str()), wiped(), mails::updated_at.eq(now));
            Ok::<_, Error>(diesel::update(late).set(over).execute(c).await?)
        })?;
        let useless = on!(self, write, |c| {
            let late = mails::expires_at.le(now).and(mails::letter.is_not_null());
            let late = mails::table.filter(sql::<Bool>(FAILED).and(late));
            Ok::<_, Error>(diesel::update(late).set(wiped()).execute(c).await?)
        })?;
        let gone = on!(self, write, |c| {
            let old = mails::table.filter(sql::<Bool>(DONE).and(mails::updated_at.lt(long_ago)));
            Ok::<_, Error>(diesel::delete(old).execute(c).await?)
        })?;
        Ok(expired + useless + gone)
    }
}
