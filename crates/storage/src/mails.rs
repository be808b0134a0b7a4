//! The outbox: mails that go out, written in the unit of work whose effect they tell of, and how many one may ask for.

use diesel::prelude::*;
use paylent_domain::{
    Timestamp,
    mail::{MailStatus, NewMail},
};

use crate::{key::Key, schema::mails};

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

/// The time in which mails are counted, in seconds.
pub(crate) const QUOTA_WINDOW: i64 = 3_600;

/// Counts one mail to an address, asked for by somebody at `$ip` who is not signed in. Fails with `TooMany` when there
/// were too many lately; then nothing is counted, as nothing else of the unit of work is done.
macro_rules! mail_quota {
    ($c:expr, $environment:expr, $email_key:expr, $ip:expr, $at:expr) => {{
        use $crate::{counters::count, mails::QUOTA_WINDOW, schema::counters};

        let from = $ip.map(|ip| format!("mail:ip:{}", paylent_domain::network::client_network(ip)));
        for name in [Some(format!("mail:address:{}", $email_key)), from].into_iter().flatten() {
            let counted = count!($c, $environment, name.as_str(), QUOTA_WINDOW, $at);
            if counted > paylent_domain::mail::HOURLY_LIMIT {
                let until = counters::table.find(($environment, name.as_str())).select(counters::expires_at);
                let until = Timestamp::from_micros(until.get_result($c).await?);
                return Err($crate::Error::TooMany { retry_after: $crate::counters::seconds_until(until, $at) });
            }
        }
    }};
}

pub(crate) use mail_quota;
