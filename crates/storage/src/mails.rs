//! The outbox: mails that go out, written in the unit of work whose effect they tell of.

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
