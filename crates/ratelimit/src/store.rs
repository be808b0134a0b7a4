//! The buckets of a limiter, in bounded memory.

use governor::{
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

const SHARDS: usize = 16;
/// How many shared buckets take the keys that find no place of their own.
pub(crate) const OVERFLOW_BUCKETS: usize = 1024;

/// One bucket per key, up to a capacity; a key that comes later shares one of [`OVERFLOW_BUCKETS`], so that
/// it is limited (with strangers, hence more tightly) and takes no memory.
///
/// Shards count for themselves and lock for themselves: knowing whether there is room costs one `len()`.
/// The price is that a shard may be full when the store is only nearly full.
pub(crate) struct Store<K> {
    shards: Box<[Mutex<Shard<K>>]>,
    /// Keyed at random, so nobody can aim at the shard or the overflow bucket of another caller.
    hasher: RandomState,
    crowded: Arc<AtomicBool>,
}

/// A bucket is one number: the theoretical arrival time (TAT) of GCRA.
struct Shard<K> {
    own: HashMap<K, Nanos>,
    capacity: usize,
    shared: [Option<Nanos>; OVERFLOW_BUCKETS / SHARDS],
}

impl<K: Hash + Eq> Store<K> {
    /// At most `capacity` keys have their own bucket. `crowded` is raised whenever a key found no place.
    pub(crate) fn new(capacity: usize, crowded: Arc<AtomicBool>) -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                own: HashMap::new(),
                capacity: capacity / SHARDS,
                shared: [None; OVERFLOW_BUCKETS / SHARDS],
            })
        };
        Self { shards: (0..SHARDS).map(shard).collect(), hasher: RandomState::new(), crowded }
    }

    fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<K>>> {
        self.shards.iter().map(lock)
    }
}

/// A panic elsewhere cannot leave a bucket half written, so a poisoned shard stays in use.
fn lock<K>(shard: &Mutex<Shard<K>>) -> MutexGuard<'_, Shard<K>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Hash + Eq + Clone> StateStore for Store<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let hash = self.hasher.hash_one(key) as usize % OVERFLOW_BUCKETS;
        let mut shard = lock(&self.shards[hash % SHARDS]);
        if let Some(tat) = shard.own.get_mut(key) {
            let (admitted, next) = measure(Some(*tat))?;
            *tat = next;
            return Ok(admitted);
        }
        if shard.own.len() < shard.capacity {
            let (admitted, next) = measure(None)?;
            shard.own.insert(key.clone(), next);
            return Ok(admitted);
        }
        self.crowded.store(true, Ordering::Relaxed);
        let tat = &mut shard.shared[hash / SHARDS];
        let (admitted, next) = measure(*tat)?;
        *tat = Some(next);
        Ok(admitted)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Store<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.shards().for_each(|mut shard| shard.own.retain(|_, tat| *tat > drop_below));
    }

    fn shrink_to_fit(&self) {
        self.shards().for_each(|mut shard| shard.own.shrink_to_fit());
    }

    fn len(&self) -> usize {
        self.shards().map(|shard| shard.own.len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.shards().all(|shard| shard.own.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(capacity: usize) -> Store<usize> {
        Store::new(capacity, Arc::default())
    }

    /// Marks the key's bucket with `tat` and returns what stood there.
    fn mark(store: &Store<usize>, key: usize, tat: u64) -> Option<u64> {
        store.measure_and_replace(&key, |before| Ok::<_, ()>((before, Nanos::new(tat)))).unwrap().map(Nanos::as_u64)
    }

    #[test]
    fn a_refused_measurement_changes_nothing() {
        let store = store(1600);
        let refuse = || store.measure_and_replace(&1, Err::<((), Nanos), _>);
        assert_eq!(refuse(), Err(None));
        assert!(store.is_empty());
        mark(&store, 1, 7);
        assert_eq!(refuse(), Err(Some(Nanos::new(7))));
        assert_eq!(mark(&store, 1, 8), Some(7));
    }

    #[test]
    fn keys_beyond_the_capacity_share_a_fixed_number_of_buckets() {
        let store = store(0);
        let fresh = (0..100_000).filter(|key| mark(&store, *key, 1).is_none());
        assert_eq!(fresh.count(), OVERFLOW_BUCKETS);
        assert_eq!(store.len(), 0);
        assert!(store.crowded.load(Ordering::Relaxed));
    }

    #[test]
    fn forgotten_keys_give_their_memory_back() {
        let store = store(160_000);
        for key in 0..100_000 {
            mark(&store, key, key as u64);
        }
        assert_eq!(store.len(), 100_000);
        store.retain_recent(Nanos::new(99_989));
        store.shrink_to_fit();
        assert_eq!(store.len(), 10);
        let room: usize = store.shards().map(|shard| shard.own.capacity()).sum();
        assert!(room < 200, "{room}");
    }
}
