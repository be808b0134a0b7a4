//! Attempts to prove a password: how many there were lately without success, and who has to wait.
//!
//! A browser in which a person signed in before has a counter of its own, so that nobody locks people out of their own
//! browsers. All others are counted by address, and together by account. Counters are named by e-mail address, whether
//! or not somebody has it, so they tell nothing.

use std::fmt::Write as _;

use diesel::{dsl::case_when, prelude::*, query_dsl::methods::FilterDsl, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, mail::NewMail, user::User};

use crate::{
    Env, Error, Result,
    key::Key,
    pool::on,
    schema::{counters, known_browsers},
};

/// How long failures are remembered after the last of them, in seconds.
const MEMORY: i64 = 24 * 3_600;

/// After so many attempts without success, how many seconds the next one has to wait. The last holds for all that follow.
type Steps = [(i64, i64); 5];

/// One browser, or one address of strangers.
const STEPS: Steps = [(10, 60), (11, 120), (12, 240), (13, 480), (14, 900)];
/// All strangers together: guesses that come from everywhere at once.
const ACCOUNT_STEPS: Steps = [(100, 900), (100, 900), (100, 900), (100, 900), (100, 900)];

/// Somebody who is about to show a password.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whose password it is said to be, in the form of [`Email::key`](paylent_domain::user::Email::key).
    pub email_key: String,
    /// The address of the browser, as far as one client controls it.
    pub place: String,
    /// What tells the browser from others.
    pub browser: [u8; 32],
    /// Whether the person signed in in this browser before.
    pub known: bool,
}

/// A password that was right, and what follows in the unit of work that it was shown for.
#[derive(Debug, Clone)]
pub struct RightPassword {
    /// The attempt that succeeded.
    pub attempt: Attempt,
    /// How many failed before it, and the mail that tells the person so.
    pub after_failures: Option<(i64, NewMail)>,
}

impl Attempt {
    /// The names of the counters it counts for, in the order in which they are locked.
    pub(crate) fn counters(&self) -> Vec<String> {
        let email = &self.email_key;
        if self.known {
            let mut name = format!("sign_in:browser:{email}:");
            self.browser.iter().for_each(|byte| _ = write!(name, "{byte:02x}"));
            return vec![name];
        }
        vec![format!("sign_in:address:{email}:{}", self.place), format!("sign_in:account:{email}")]
    }
}

/// Counts one more attempt for this counter, unless it has to wait. Says how many there were since the last success, this
/// one included. One statement: of any number of attempts at once no more are let through than may be.
macro_rules! attempt {
    ($c:ident, $environment:expr, $name:expr, $steps:expr, $at:expr) => {{
        let at = $at.micros();
        let steps: Steps = $steps;
        // What is stored is the count before this attempt.
        let reached = |step: usize| counters::count.ge(steps[step].0 - 1);
        let wait = |step: usize| $at.plus_seconds(steps[step].1).micros().into_sql::<BigInt>();
        let over = || counters::expires_at.le(at);
        let blocked_until = case_when(over(), 0_i64.into_sql::<BigInt>())
            .when(reached(4), wait(4))
            .when(reached(3), wait(3))
            .when(reached(2), wait(2))
            .when(reached(1), wait(1))
            .when(reached(0), wait(0))
            .otherwise(0_i64.into_sql::<BigInt>());
        let expires_at = $at.plus_seconds(MEMORY).micros();
        let row = (
            counters::environment_id.eq($environment),
            counters::name.eq($name),
            counters::count.eq(1_i64),
            counters::started_at.eq(at),
            counters::blocked_until.eq(0_i64),
            counters::expires_at.eq(expires_at),
        );
        let upsert = diesel::insert_into(counters::table)
            .values(row)
            .on_conflict((counters::environment_id, counters::name))
            .do_update()
            .set((
                counters::count.eq(case_when(over(), 1_i64.into_sql::<BigInt>()).otherwise(counters::count + 1)),
                counters::blocked_until.eq(blocked_until),
                counters::expires_at.eq(expires_at),
            ));
        let unless_blocked = FilterDsl::filter(upsert, counters::blocked_until.le(at));
        let counted: Option<i64> = unless_blocked.returning(counters::count).get_result($c).await.optional()?;
        counted
    }};
}

/// Forgets the attempts that came before a success.
macro_rules! forget_attempts {
    ($c:ident, $environment:expr, $attempt:expr) => {
        for name in $attempt.counters() {
            diesel::delete(counters::table.find(($environment, name))).execute($c).await?;
        }
    };
}

/// Notes that a person was in this browser.
macro_rules! know_browser {
    ($c:ident, $environment:expr, $user:expr, $browser:expr, $at:expr) => {
        diesel::insert_into(known_browsers::table)
            .values((
                known_browsers::environment_id.eq($environment),
                known_browsers::user_id.eq($user),
                known_browsers::browser_hash.eq($browser.to_vec()),
                known_browsers::last_used_at.eq($at.micros()),
            ))
            .on_conflict((known_browsers::environment_id, known_browsers::user_id, known_browsers::browser_hash))
            .do_update()
            .set(known_browsers::last_used_at.eq($at.micros()))
            .execute($c)
            .await?
    };
}

pub(crate) use {forget_attempts, know_browser};

impl Env {
    /// Counts an attempt before its password is looked at, and says how many there were since the last success, this one
    /// included. `None` when it has to wait: then its password is not to be looked at.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn count_attempt(&self, attempt: &Attempt, at: Timestamp) -> Result<Option<i64>> {
        let (environment, mut names) = (self.key(), attempt.counters().into_iter());
        match (names.next(), names.next()) {
            (Some(address), Some(account)) => on!(self.db, transaction, |c| {
                // The account's counter is not raised by an address that has to wait: nobody could do so by hammering.
                if attempt!(c, environment, address, STEPS, at).is_none() {
                    return Ok(None);
                }
                let counted = attempt!(c, environment, account, ACCOUNT_STEPS, at);
                Ok::<_, Error>(counted)
            }),
            (name, _) => on!(self.db, write, |c| {
                let counted = attempt!(c, environment, name.unwrap_or_default(), STEPS, at);
                Ok::<_, Error>(counted)
            }),
        }
    }

    /// Forgets the failures before a password that was right, where no session begins with it. A browser that was not
    /// known is not known by this: only a sign-in gives it a name that nobody else can know.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn forget_attempts(&self, user: Id<User>, attempt: &Attempt, at: Timestamp) -> Result<()> {
        let (environment, attempt, user) = (self.key(), attempt.clone(), Key::from(user));
        on!(self.db, transaction, |c| {
            forget_attempts!(c, environment, attempt);
            if attempt.known {
                know_browser!(c, environment, user, attempt.browser, at);
            }
            Ok::<_, Error>(())
        })
    }
}
