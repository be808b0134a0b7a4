//! Forgets what has expired. Nothing depends on it: expiry is checked whenever a row is used.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{
    Db, Error, Result,
    pool::on,
    schema::{access_tokens, denied_tokens},
};

impl Db {
    /// Deletes expired tokens and denylist entries of all environments, and says how many rows went.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn purge(&self, now: Timestamp) -> Result<usize> {
        let now = now.micros();
        let tokens = on!(self, write, |c| {
            let expired = access_tokens::table.filter(access_tokens::expires_at.lt(now));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        let denied = on!(self, write, |c| {
            let expired = denied_tokens::table.filter(denied_tokens::expires_at.lt(now));
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?;
        Ok(tokens + denied)
    }
}
