//! Forgets what has expired. Nothing depends on it: expiry is checked whenever a row is used.

use diesel::{
    dsl::{exists, not},
    prelude::*,
};
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{
    Db, Error, Result,
    pool::on,
    schema::{
        access_tokens, authorization_codes, counters, denied_tokens, email_changes, idempotency_keys, known_browsers,
        password_resets, refresh_tokens, registrations, sessions, token_families, used_assertions,
    },
};

/// How long an expired session is remembered, in seconds: thirty days.
const SESSION_HISTORY: i64 = 30 * 24 * 3_600;
/// How long an unused code is remembered after it expired, in seconds: its page can be answered again for so long.
const CODE_HISTORY: i64 = 2 * 3_600;
/// How long a browser in which somebody signed in is known, in seconds: 400 days, as long as its cookie.
const BROWSER_HISTORY: i64 = 400 * 24 * 3_600;

/// Deletes the rows of a table that match.
macro_rules! forget {
    ($db:expr, $table:ident, $which:expr) => {
        on!($db, write, |c| {
            let expired = $table::table.filter($which);
            Ok::<_, Error>(diesel::delete(expired).execute(c).await?)
        })?
    };
}

impl Db {
    /// Deletes expired tokens, codes, families, assertions, denylist entries, idempotency keys, counters, registrations
    /// and mailed links of all environments, sessions that expired long ago, browsers that were not used for long and mails
    /// that came to an end long ago; wipes the letters of mails that expired. Says how many rows were touched; with a family
    /// go its refresh tokens.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn purge(&self, now: Timestamp) -> Result<usize> {
        let moment = now;
        let ago = |seconds: i64| now.plus_seconds(-seconds).micros();
        let (now, lately, long_ago, forgotten) =
            (now.micros(), ago(CODE_HISTORY), ago(SESSION_HISTORY), ago(BROWSER_HISTORY));
        let mut gone = forget!(self, access_tokens, access_tokens::expires_at.lt(now));
        gone += forget!(self, denied_tokens, denied_tokens::expires_at.lt(now));
        gone += forget!(self, idempotency_keys, idempotency_keys::expires_at.lt(now));
        gone += forget!(self, used_assertions, used_assertions::expires_at.lt(now));
        gone += forget!(self, refresh_tokens, refresh_tokens::expires_at.lt(now));
        gone += forget!(self, token_families, token_families::expires_at.lt(now));
        // A used code tells a replay as long as there is something to revoke.
        let families = token_families::table
            .filter(token_families::environment_id.eq(authorization_codes::environment_id))
            .filter(token_families::id.nullable().eq(authorization_codes::family_id));
        let old = authorization_codes::expires_at.lt(lately);
        gone += forget!(self, authorization_codes, old.and(not(exists(families))));
        gone += forget!(self, counters, counters::expires_at.lt(now).and(counters::blocked_until.lt(now)));
        gone += forget!(self, registrations, registrations::expires_at.lt(now));
        gone += forget!(self, password_resets, password_resets::expires_at.lt(now));
        gone += forget!(self, email_changes, email_changes::expires_at.lt(now));
        gone += forget!(self, known_browsers, known_browsers::last_used_at.lt(forgotten));
        gone += forget!(self, sessions, sessions::expires_at.lt(long_ago));
        gone += self.purge_mails(moment).await?;
        Ok(gone)
    }
}
