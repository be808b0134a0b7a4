//! Forgets what has expired. Nothing depends on it: expiry is checked whenever a row is used.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{
    Db, Error, Result,
    pool::on,
    schema::{access_tokens, denied_tokens, idempotency_keys, sessions},
};

/// How long an expired session is remembered, in seconds: thirty days.
const SESSION_HISTORY: i64 = 30 * 24 * 3_600;

impl Db {
    /// Deletes expired tokens, denylist entries and idempotency keys of all environments, and sessions that expired long
    /// ago. Says how many rows went.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn purge(&self, now: Timestamp) -> Result<usize> {
        let (now, long_ago) = (now.micros(), now.plus_seconds(-SESSION_HISTORY).micros());
        let tokens = on!(self, write, |c| {
            let expired = access_tokens::table.filter(access_tokens::expires_at.lt(now));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        let denied = on!(self, write, |c| {
            let expired = denied_tokens::table.filter(denied_tokens::expires_at.lt(now));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        let keys = on!(self, write, |c| {
            let expired = idempotency_keys::table.filter(idempotency_keys::expires_at.lt(now));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        let sessions = on!(self, write, |c| {
            let expired = sessions::table.filter(sessions::expires_at.lt(long_ago));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        Ok(tokens + denied + keys + sessions)
    }
}
