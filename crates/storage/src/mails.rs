//! The outbox: mails that go out, written in the unit of work whose effect they tell of, and how many one may ask for.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Context, Event},
    mail::{Mail, MailStatus, NewMail},
};

use crate::{
    Env, Error, Expected, Listed, Page, Result,
    audit::entry,
    error::{Refusal, broken},
    key::Key,
    page::page,
    pool::on,
    schema::{audit_events, mails},
};

/// A whole row of `mails`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = mails, treat_none_as_default_value = false)]
pub(crate) struct NewMailRow {
    environment_id: Key,
    id: Key,
    kind: &'static str,
    recipient: String,
    status: &'static str,
    letter: Option<Vec<u8>>,
    attempts: i32,
    next_attempt_at: i64,
    expires_at: Option<i64>,
    last_error: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl NewMailRow {
    /// The row that queues a mail: `NewMailRow::new(…).insert_into(mails::table).execute(c)` in the unit of work that
    /// has the effect.
    pub(crate) fn new(environment_id: Key, mail: NewMail, at: Timestamp) -> Self {
        Self {
            environment_id,
            id: mail.id.into(),
            kind: mail.kind,
            recipient: mail.recipient,
            status: MailStatus::Queued.as_str(),
            letter: Some(mail.letter),
            attempts: 0,
            next_attempt_at: at.micros(),
            expires_at: mail.expires_at.map(Timestamp::micros),
            last_error: None,
            created_at: at.micros(),
            updated_at: at.micros(),
        }
    }
}

/// A row of `mails`, without the letter.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = mails)]
struct MailRow {
    id: Key,
    kind: String,
    recipient: String,
    status: String,
    attempts: i32,
    next_attempt_at: i64,
    expires_at: Option<i64>,
    last_error: Option<String>,
    created_at: i64,
    updated_at: i64,
}

/// Which mails to list. Their name is the recipient's address.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    /// Only those that stand here.
    pub status: Option<MailStatus>,
    /// Only those that do not stand here.
    pub not_status: Option<MailStatus>,
    /// Only those about this.
    pub kind: Option<String>,
}

impl TryFrom<MailRow> for Mail {
    type Error = Error;

    fn try_from(row: MailRow) -> Result<Self> {
        Ok(Self {
            id: row.id.id(),
            kind: row.kind,
            recipient: row.recipient,
            status: row.status.parse().map_err(broken)?,
            attempts: row.attempts,
            next_attempt_at: Timestamp::from_micros(row.next_attempt_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_error: row.last_error,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

impl Env {
    /// Queues a mail that tells of nothing that is written with it.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn queue_mail(&self, mail: NewMail, at: Timestamp) -> Result<()> {
        let environment = self.key();
        on!(self.db, write, |c| {
            NewMailRow::new(environment, mail, at).insert_into(mails::table).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// The mails that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn mails(&self, filter: MailFilter, page: Page) -> Result<Listed<Mail>> {
        let environment = self.key();
        let rows: (Vec<MailRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = mails::table.filter(mails::environment_id.eq(environment)).into_boxed();
                if let Some(status) = filter.status {
                    query = query.filter(mails::status.eq(status.as_str()));
                }
                if let Some(status) = filter.not_status {
                    query = query.filter(mails::status.ne(status.as_str()));
                }
                if let Some(kind) = filter.kind.clone() {
                    query = query.filter(mails::kind.eq(kind));
                }
                query
            };
            page!(c, page, mails::id, mails::recipient, MailRow::as_select(), matching())
        })?;
        Listed::of(rows, Mail::try_from)
    }

    /// The mail of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn mail(&self, id: Id<Mail>) -> Result<Option<Mail>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<MailRow> = on!(self.db, lookup, |c| {
            let row = mails::table.find((environment, id)).select(MailRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(Mail::try_from).transpose()
    }

    /// Queues a mail that failed once more, as if it had never been tried.
    ///
    /// # Errors
    /// `Refused` when it did not fail, when its letter was wiped meanwhile, and when it is not as expected.
    pub async fn resend_mail(&self, id: Id<Mail>, expected: &Expected, by: &Context) -> Result<Option<Mail>> {
        let (environment, key, by, expected) = (self.key(), Key::from(id), by.clone(), expected.clone());
        let row: Option<MailRow> = on!(self.db, transaction, |c| {
            let mail = mails::table.find((environment, key));
            // Locks the row and reads what it was.
            let before: Option<(String, i64, bool)> = diesel::update(mail)
                .set(mails::updated_at.eq(mails::updated_at))
                .returning((mails::status, mails::updated_at, mails::letter.is_not_null()))
                .get_result(c)
                .await
                .optional()?;
            let Some((status, updated_at, has_letter)) = before else { return Ok(None) };
            expected.check(updated_at)?;
            if status != MailStatus::Failed.as_str() || !has_letter {
                return Err(Error::Refused(Refusal::NoLetter));
            }
            let after = diesel::update(mail)
                .set((
                    mails::status.eq(MailStatus::Queued.as_str()),
                    mails::attempts.eq(0),
                    mails::next_attempt_at.eq(by.at.micros()),
                    mails::updated_at.eq(by.at.after(Timestamp::from_micros(updated_at)).micros()),
                ))
                .returning(MailRow::as_returning());
            let after: MailRow = after.get_result(c).await?;
            let event = Event::new("mail.resent", "mail", id, &after.recipient);
            let event = event.change("status", Some(status), Some(after.status.clone()));
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(Some(after))
        })?;
        row.map(Mail::try_from).transpose()
    }
}
/// Counts one mail to an address, asked for from `$ip`. Fails with `TooMany` when there were too many lately; then nothing
/// is counted, as nothing else of the unit of work is done.
macro_rules! mail_quota {
    ($c:expr, $environment:expr, $email_key:expr, $ip:expr, $at:expr) => {
        let from = $ip.map(|ip| format!("mail:ip:{}", paylent_domain::network::client_network(ip)));
        let names = [Some(format!("mail:address:{}", $email_key)), from].into_iter().flatten();
        $crate::counters::quota!($c, $environment, names, paylent_domain::mail::HOURLY_LIMIT, $at);
    };
}

pub(crate) use mail_quota;
