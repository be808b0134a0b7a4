//! The issuer's published keys, kept for a while.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

use paylent_crypto::{jwks::JwkSet, keys::PublicKey};
use tokio::{sync::OwnedMutexGuard, task::JoinHandle};

use crate::{
    Clock, Rejection,
    http::{Answer, Http, Unreachable},
};

/// For how long keys are kept when the issuer does not say, and the bounds of what it may say; in seconds.
const DEFAULT_MAX_AGE: i64 = 300;
const LEAST_MAX_AGE: i64 = 60;
const GREATEST_MAX_AGE: i64 = 3_600;
/// For how long keys that are due count while newer ones cannot be had, in seconds.
const GRACE: i64 = 3_600;
/// For how long a key that is unknown stays so, in seconds: strangers cannot make us ask more often.
const UNKNOWN_FOR: i64 = 30;
/// How long after a failure the issuer is asked again, in seconds.
const RETRY_AFTER: u32 = 5;
const FAILED_FOR: i64 = RETRY_AFTER as i64;

/// The keys of one issuer. Whoever needs a key that is not there waits for the one fetch that is under way.
pub(crate) struct Keys {
    url: String,
    http: Arc<dyn Http>,
    clock: Clock,
    state: RwLock<State>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, PublicKey>,
    /// When the keys were asked for, and for how long they are kept.
    kept: Range<i64>,
    /// When the last fetch ended, and whether it failed.
    tried: Option<(i64, bool)>,
}

/// What is known of a key.
enum Known {
    /// This, for now; `None`: there is no such key.
    Now(Option<PublicKey>),
    /// This, though newer keys should be asked for meanwhile.
    Meanwhile(PublicKey),
    /// Nothing; the issuer has just failed to answer.
    Unavailable,
    /// Nothing before the issuer is asked.
    Ask,
}

impl State {
    fn look_up(&self, kid: &str, now: i64) -> Known {
        let found = self.keys.get(kid).cloned();
        let is_kept = self.kept.contains(&now);
        let since = self.tried.map(|(at, failed)| (now - at, failed));
        match (found, since) {
            (Some(key), _) if is_kept => Known::Now(Some(key)),
            (None, Some((0..UNKNOWN_FOR, false))) => Known::Now(None),
            (Some(key), Some((age, true))) if (self.kept.start..self.kept.end + GRACE).contains(&now) => match age {
                0..FAILED_FOR => Known::Now(Some(key)),
                _ => Known::Meanwhile(key),
            },
            (_, Some((0..FAILED_FOR, true))) => Known::Unavailable,
            _ => Known::Ask,
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("the status of the answer is {0}")]
    Status(u16),
    #[error("the answer is no JWK Set")]
    Malformed,
}

impl Keys {
    pub(crate) fn new(url: String, http: Arc<dyn Http>, clock: Clock) -> Self {
        Self { url, http, clock, state: RwLock::default(), turn: Arc::default() }
    }

    /// The key with this id; `None` when the issuer has none.
    pub(crate) async fn get(self: &Arc<Self>, kid: &str) -> Result<Option<PublicKey>, Rejection> {
        match self.look_up(kid) {
            Known::Now(key) => return Ok(key),
            Known::Meanwhile(key) => {
                if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
                    drop(self.fetch(turn));
                }
                return Ok(Some(key));
            }
            Known::Unavailable => return Err(UNAVAILABLE),
            Known::Ask => {}
        }
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // Somebody may have asked while we waited.
        if matches!(self.look_up(kid), Known::Ask) && self.fetch(turn).await.is_err() {
            return Err(UNAVAILABLE);
        }
        match self.look_up(kid) {
            Known::Now(key) => Ok(key),
            Known::Meanwhile(key) => Ok(Some(key)),
            Known::Unavailable | Known::Ask => Err(UNAVAILABLE),
        }
    }

    fn look_up(&self, kid: &str) -> Known {
        self.state.read().unwrap_or_else(PoisonError::into_inner).look_up(kid, (self.clock)())
    }

    /// A task of its own: a caller who goes away does not end the fetch that others wait for.
    fn fetch(self: &Arc<Self>, turn: OwnedMutexGuard<()>) -> JoinHandle<()> {
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            let asked_at = (keys.clock)();
            let fetched = keys.http.get(&keys.url).await.map_err(Failure::from).and_then(read);
            let mut state = keys.state.write().unwrap_or_else(PoisonError::into_inner);
            state.tried = Some(((keys.clock)(), fetched.is_err()));
            match fetched {
                Ok((keys, max_age)) => (state.keys, state.kept) = (keys, asked_at..asked_at + max_age),
                Err(failure) => tracing::warn!(error = %failure, cause = ?failure, "the issuer's keys cannot be had"),
            }
            drop(state);
            drop(turn);
        })
    }
}

const UNAVAILABLE: Rejection = Rejection::Unavailable { retry_after: RETRY_AFTER };

/// The keys in an answer, and for how long they may be kept. Keys that cannot be used are left out (RFC 7517 section 5).
fn read(answer: Answer) -> Result<(HashMap<String, PublicKey>, i64), Failure> {
    if answer.status != 200 {
        return Err(Failure::Status(answer.status));
    }
    let set: JwkSet = serde_json::from_slice(&answer.body).map_err(|_| Failure::Malformed)?;
    let usable = set.keys.iter().filter_map(|jwk| PublicKey::from_jwk(jwk).ok());
    let keys = usable.map(|key| (key.kid().to_owned(), key)).collect();
    let max_age = answer.cache_control.as_deref().and_then(max_age).unwrap_or(DEFAULT_MAX_AGE);
    Ok((keys, max_age.clamp(LEAST_MAX_AGE, GREATEST_MAX_AGE)))
}

/// `max-age` in a `Cache-Control` header (RFC 9111 section 5.2.2.1).
fn max_age(header: &str) -> Option<i64> {
    let value = |directive: &str| directive.trim().strip_prefix("max-age=")?.parse().ok();
    header.split(',').find_map(value)
}
