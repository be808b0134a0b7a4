//! Requests that may be sent again: which of them were made, and what was answered (the `Idempotency-Key` header).

use diesel::{prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{Env, Error, Result, key::Key, pool::on, schema::idempotency_keys};

/// How long a request may take before another may take over, in seconds.
const LOCK_SECONDS: i64 = 60;
/// How long a key is known, in seconds: one day.
const KEEP_SECONDS: i64 = 24 * 3_600;

/// What is known about a request that is about to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// Nobody made it: go ahead.
    New,
    /// Somebody made it and was not heard of since: go ahead, but what was to be made may be there.
    Resumed {
        /// The id of what was to be made.
        resource: [u8; 16],
    },
    /// It was answered.
    Answered {
        /// What was answered, as [`Env::complete_idempotency_key`] was told.
        answer: String,
    },
    /// It is being served.
    InProgress,
    /// The key was used for another request.
    Different,
}

/// A row of `idempotency_keys`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = idempotency_keys, primary_key(environment_id, key_hash))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct KeyRow {
    environment_id: Key,
    key_hash: Vec<u8>,
    request_hash: Vec<u8>,
    resource_id: Key,
    answer: Option<String>,
    locked_until: i64,
    expires_at: i64,
}

impl Env {
    /// Reserves a key for a request and for what it is to make. Of several at once, one is told to go ahead.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn reserve_idempotency_key(
        &self,
        key: [u8; 32],
        request: [u8; 32],
        resource: [u8; 16],
        now: Timestamp,
    ) -> Result<Reservation> {
        let row = KeyRow {
            environment_id: self.key(),
            key_hash: key.to_vec(),
            request_hash: request.to_vec(),
            resource_id: Key(resource),
            answer: None,
            locked_until: now.plus_seconds(LOCK_SECONDS).micros(),
            expires_at: now.plus_seconds(KEEP_SECONDS).micros(),
        };
        on!(self.db, transaction, |c| {
            let this = idempotency_keys::table.find((row.environment_id, row.key_hash.clone()));
            // Writes the row, or locks the one that is there as it is.
            let known: KeyRow = row
                .clone()
                .insert_into(idempotency_keys::table)
                .on_conflict((idempotency_keys::environment_id, idempotency_keys::key_hash))
                .do_update()
                .set(idempotency_keys::key_hash.eq(excluded(idempotency_keys::key_hash)))
                .returning(KeyRow::as_returning())
                .get_result(c)
                .await?;
            let reservation = row.judge(&known, now);
            match reservation {
                Reservation::New if known.resource_id != row.resource_id => {
                    diesel::update(this).set(row).execute(c).await?;
                }
                Reservation::Resumed { .. } => {
                    let lock = idempotency_keys::locked_until.eq(row.locked_until);
                    diesel::update(this).set(lock).execute(c).await?;
                }
                _ => {}
            }
            Ok(reservation)
        })
    }

    /// Keeps the answer to the request that reserved this key.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn complete_idempotency_key(&self, key: [u8; 32], answer: String) -> Result<()> {
        let environment = self.key();
        on!(self.db, write, |c| {
            let this = idempotency_keys::table.find((environment, key.to_vec()));
            diesel::update(this).set(idempotency_keys::answer.eq(answer)).execute(c).await?;
            Ok::<_, Error>(())
        })
    }

    /// Gives up a key whose request made nothing, so that it may be sent again. One that was answered stays.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn release_idempotency_key(&self, key: [u8; 32]) -> Result<()> {
        let environment = self.key();
        on!(self.db, write, |c| {
            let this = idempotency_keys::table.find((environment, key.to_vec()));
            diesel::delete(this.filter(idempotency_keys::answer.is_null())).execute(c).await?;
            Ok::<_, Error>(())
        })
    }
}

impl KeyRow {
    /// What the row that is there says about a request that would write this one.
    fn judge(&self, known: &Self, now: Timestamp) -> Reservation {
        let now = now.micros();
        if known.resource_id == self.resource_id || known.expires_at <= now {
            Reservation::New
        } else if known.request_hash != self.request_hash {
            Reservation::Different
        } else if let Some(answer) = known.answer.clone() {
            Reservation::Answered { answer }
        } else if known.locked_until > now {
            Reservation::InProgress
        } else {
            Reservation::Resumed { resource: known.resource_id.0 }
        }
    }
}
