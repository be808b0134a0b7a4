//! One quota applied to many keys.

use crate::{Quota, store::Store};
use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How many keys a limiter remembers unless told otherwise: about 8 MB of keys in the worst case.
pub const DEFAULT_CAPACITY: usize = 100_000;

type Buckets<K, S, C> = RateLimiter<K, S, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One [`Quota`], counted for each key by itself, on a monotonic clock.
///
/// Memory is bounded: at most `capacity` keys have a bucket of their own. When there is no room, further
/// keys share 1024 buckets among them, and keys that have been idle for a whole period are forgotten (at
/// most once a second), so that room returns. Nobody is ever unlimited.
pub struct Limiter<K, C = DefaultClock>
where
    K: Hash + Eq + Clone,
    C: Clock,
{
    buckets: Buckets<K, Store<K>, C>,
    crowded: Arc<AtomicBool>,
    sweeps: Buckets<NotKeyed, InMemoryState, C>,
}

/// The caller has used up its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests, retry after {} s", self.seconds())]
pub struct Exceeded {
    /// The time after which the next request is admitted; at most the quota's period.
    pub retry_after: Duration,
}

impl Exceeded {
    /// The value of `Retry-After` (RFC 9110 section 10.2.3): whole seconds, rounded up, at least 1. A caller
    /// that waits exactly so long is admitted.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        let rounded_up = self.retry_after + Duration::from_nanos(999_999_999);
        rounded_up.as_secs().max(1)
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// A limiter of [`DEFAULT_CAPACITY`] on the system's monotonic clock.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self::with_clock(quota, DEFAULT_CAPACITY, DefaultClock::default())
    }
}

impl<K, C> Limiter<K, C>
where
    K: Hash + Eq + Clone,
    C: Clock + Clone,
{
    /// A limiter that remembers at most `capacity` keys and reads `clock`.
    #[must_use]
    pub fn with_clock(quota: Quota, capacity: usize, clock: C) -> Self {
        let crowded = Arc::new(AtomicBool::new(false));
        let store = Store::new(capacity, Arc::clone(&crowded));
        let once_a_second = governor::Quota::per_second(NonZeroU32::MIN);
        Self {
            buckets: RateLimiter::new(quota.gcra(), store, clock.clone()),
            crowded,
            sweeps: RateLimiter::new(once_a_second, InMemoryState::default(), clock),
        }
    }
}

impl<K, C> Limiter<K, C>
where
    K: Hash + Eq + Clone,
    C: Clock,
{
    /// Counts one request of `key`, or refuses it. A refusal does not change when the next is admitted.
    pub fn check(&self, key: &K) -> Result<(), Exceeded> {
        let verdict = self.buckets.check_key(key);
        if self.crowded.load(Ordering::Relaxed) {
            self.make_room();
        }
        verdict.map_err(|not_until| Exceeded { retry_after: not_until.wait_time_from(self.buckets.clock().now()) })
    }

    /// Forgets the keys that have been idle for a whole period, and gives their memory back. The host calls
    /// this every period or so; the answers of [`Self::check`] do not depend on it.
    pub fn forget_idle(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }

    /// How many keys have a bucket of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Whether no key has a bucket of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// At most once a second: a flood of new keys must not turn every check into a sweep.
    #[cold]
    fn make_room(&self) {
        if self.sweeps.check().is_ok() {
            self.crowded.store(false, Ordering::Relaxed);
            self.buckets.retain_recent();
        }
    }
}
