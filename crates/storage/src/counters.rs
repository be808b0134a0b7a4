//! How often something happened lately.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{Env, Error, Result, pool::on};

/// Counts one more under this name in the unit of work at hand, and says how often that is since the first of the last
/// `$seconds` seconds: the window begins with the first count and is never moved by later ones. Atomic: of any number of
/// units of work each gets a number of its own.
macro_rules! count {
    ($c:expr, $environment:expr, $name:expr, $seconds:expr, $at:expr) => {{
        use diesel::{dsl::case_when, sql_types::BigInt};

        use crate::{prepared::Prepare as _, schema::counters};

        let (at, until) = ($at.micros(), $at.plus_seconds($seconds).micros());
        let over = || counters::expires_at.le(at);
        let row = (
            counters::environment_id.eq($environment),
            counters::name.eq($name),
            counters::count.eq(1_i64),
            counters::started_at.eq(at),
            counters::blocked_until.eq(0_i64),
            counters::expires_at.eq(until),
        );
        let counted: i64 = diesel::insert_into(counters::table)
            .values(row)
            .on_conflict((counters::environment_id, counters::name))
            .do_update()
            .set((
                counters::count.eq(case_when(over(), 1_i64.into_sql::<BigInt>()).otherwise(counters::count + 1)),
                counters::started_at.eq(case_when(over(), at.into_sql::<BigInt>()).otherwise(counters::started_at)),
                counters::expires_at.eq(case_when(over(), until.into_sql::<BigInt>()).otherwise(counters::expires_at)),
            ))
            .returning(counters::count)
            .prepared()
            .get_result($c)
            .await?;
        counted
    }};
}

/// Counts one more under each of these names in the unit of work at hand, and fails with `TooMany` when that is more than
/// `$limit` in an hour; then nothing is counted, as nothing else of the unit of work is done.
macro_rules! quota {
    ($c:expr, $environment:expr, $names:expr, $limit:expr, $at:expr) => {
        for name in $names {
            let name: &str = &name;
            if $crate::counters::count!($c, $environment, name, 3_600, $at) > $limit {
                let until = $crate::schema::counters::table.find(($environment, name));
                let until: i64 = until.select($crate::schema::counters::expires_at).get_result($c).await?;
                let retry_after = $crate::counters::seconds_until(Timestamp::from_micros(until), $at);
                return Err($crate::Error::TooMany { retry_after });
            }
        }
    };
}

pub(crate) use {count, quota};

/// How many seconds there are until a moment, rounded up and at least one.
pub(crate) fn seconds_until(until: Timestamp, now: Timestamp) -> u32 {
    let seconds = (until.micros() - now.micros() + 999_999) / 1_000_000;
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

impl Env {
    /// Counts one more under this name, as a unit of work of its own, and says how often that is since the first of the
    /// last `seconds` seconds. Also of calls at the same time each gets a number of its own.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn count(&self, name: &str, seconds: i64, at: Timestamp) -> Result<i64> {
        let (environment, name) = (self.key(), name.to_owned());
        on!(self.db, write, |c| {
            let counted = count!(c, environment, name, seconds, at);
            Ok::<_, Error>(counted)
        })
    }
}
