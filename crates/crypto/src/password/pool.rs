//! Password hashing on tokio's blocking threads, a bounded number at a time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::memory::Memory;
use super::{Passwords, Verification};
use crate::Error;

/// How long a call may wait for a slot before it fails with [`Error::Busy`].
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// [`Passwords`] for a server: at most `permits` hashes run at once, in memory that the pool keeps (`permits` × 19 MiB once all
/// were busy together, from then on neither more nor less), at most `queue` calls
/// wait for their turn, each at most 2 seconds. Clones share the same slots. Needs a tokio runtime with its timer enabled.
#[derive(Clone)]
pub struct PasswordPool {
    passwords: Arc<Passwords>,
    /// One permit for each hash that runs.
    slots: Arc<Semaphore>,
    /// One permit for each call that runs or waits.
    places: Arc<Semaphore>,
    /// The memory of the slots that are free, as far as they were used.
    memories: Arc<Mutex<Vec<Memory>>>,
    /// How many hashes were begun.
    runs: Arc<AtomicU64>,
}

/// A place among the calls that run or wait, free again when it is dropped. Who takes it before other work is done for a
/// password is refused before that work costs anything.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is held, not read")] OwnedSemaphorePermit);

impl fmt::Debug for PasswordPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPool").field("slots", &self.slots).field("runs", &self.runs()).finish_non_exhaustive()
    }
}

impl PasswordPool {
    /// The number of waiting calls to allow unless there is a reason for another.
    pub const DEFAULT_QUEUE: usize = 64;

    /// A pool with `permits` slots (as many as there are cores, at least 1) and `queue` waiting places.
    pub fn new(passwords: Passwords, permits: usize, queue: usize) -> Self {
        let permits = permits.max(1);
        Self {
            passwords: Arc::new(passwords),
            slots: Arc::new(Semaphore::new(permits)),
            places: Arc::new(Semaphore::new(permits.saturating_add(queue).min(Semaphore::MAX_PERMITS))),
            memories: Arc::default(),
            runs: Arc::default(),
        }
    }

    /// How many hashes were begun since the pool was made, by all its clones.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// A place, if one is free.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn place(&self) -> Result<Place, Error> {
        Arc::clone(&self.places).try_acquire_owned().map(Place).map_err(|_| Error::Busy)
    }

    /// [`Passwords::hash`], or [`Error::Busy`].
    ///
    /// # Errors
    /// As [`Passwords::hash`], and [`Error::Busy`].
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        self.run(self.place()?, password, |passwords, memory, password| passwords.hash_in(memory, password)).await
    }

    /// [`Passwords::verify`], or [`Error::Busy`].
    ///
    /// # Errors
    /// As [`Passwords::verify`], and [`Error::Busy`].
    pub async fn verify(&self, password: &str, phc: &str) -> Result<Verification, Error> {
        let phc = phc.to_owned();
        let work = move |passwords: &Passwords, memory: &mut Memory, password: &str| {
            passwords.verify_in(memory, password, &phc)
        };
        self.run(self.place()?, password, work).await
    }

    /// [`Passwords::verify_anyone`] in a place that was taken before it was looked up who it is, or [`Error::Busy`]: an unknown
    /// user waits in the same queue.
    ///
    /// # Errors
    /// As [`Passwords::verify_anyone`], and [`Error::Busy`].
    pub async fn verify_anyone(&self, place: Place, password: &str, phc: Option<&str>) -> Result<Verification, Error> {
        let phc = phc.map(str::to_owned);
        let work = move |passwords: &Passwords, memory: &mut Memory, password: &str| {
            passwords.verify_anyone_in(memory, password, phc.as_deref())
        };
        self.run(place, password, work).await
    }

    async fn run<T, F>(&self, _place: Place, password: &str, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Passwords, &mut Memory, &str) -> Result<T, Error> + Send + 'static,
    {
        let slot = timeout(LONGEST_WAIT, Arc::clone(&self.slots).acquire_owned())
            .await
            .map_err(|_| Error::Busy)?
            .map_err(|_| Error::Hashing)?;
        self.runs.fetch_add(1, Ordering::Relaxed);
        let (passwords, memories) = (Arc::clone(&self.passwords), Arc::clone(&self.memories));
        let password = Zeroizing::new(password.to_owned());
        spawn_blocking(move || {
            // The work holds the slot, not the caller: a caller that goes away does not stop the work.
            let _slot = slot;
            let mut memory = locked(&memories).pop().unwrap_or_default();
            let outcome = work(&passwords, &mut memory, &password);
            // What a hash from elsewhere needed beyond our own cost is given back.
            if memory.blocks() <= passwords.params.block_count() {
                locked(&memories).push(memory);
            }
            outcome
        })
        .await
        .map_err(|_| Error::Hashing)?
    }
}

/// Nothing is left half-done under this lock, so that a panic elsewhere does not matter.
fn locked(memories: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    memories.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(permits: usize, queue: usize) -> PasswordPool {
        PasswordPool::new(Passwords::insecure_for_tests(), permits, queue)
    }

    #[tokio::test]
    async fn the_pool_hashes_and_verifies() {
        let pool = pool(1, PasswordPool::DEFAULT_QUEUE);
        let hash = pool.hash("correct horse").await.unwrap();
        assert_eq!(pool.verify("correct horse", &hash).await.unwrap(), Verification::Valid);
        assert_eq!(pool.verify("wrong", &hash).await.unwrap(), Verification::Invalid);
        let place = pool.place().unwrap();
        assert_eq!(pool.verify_anyone(place, "correct horse", None).await.unwrap(), Verification::Invalid);
        assert!(matches!(pool.verify("correct horse", "junk").await, Err(Error::PasswordHash)));
        assert_eq!((pool.slots.available_permits(), pool.places.available_permits()), (1, 65));
        assert_eq!(pool.runs(), 5, "junk costs a slot too");
    }

    #[tokio::test]
    async fn a_call_waits_for_a_slot_and_then_runs() {
        let pool = pool(1, 1);
        let slot = Arc::clone(&pool.slots).acquire_owned().await.unwrap();
        let mut waiting = Box::pin(pool.hash("correct horse"));
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
        assert!(first, "no slot is free");
        drop(slot);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn a_call_beyond_the_queue_is_refused_at_once() {
        let pool = pool(2, 3);
        let _running_and_waiting = pool.places.acquire_many(5).await.unwrap();
        assert!(matches!(pool.hash("correct horse").await, Err(Error::Busy)));
        assert!(matches!(pool.verify("correct horse", "junk").await, Err(Error::Busy)));
        assert!(matches!(pool.place(), Err(Error::Busy)));
    }

    #[tokio::test]
    async fn a_place_is_taken_until_it_is_used_or_given_up() {
        let pool = pool(1, 0);
        let place = pool.place().unwrap();
        assert!(matches!(pool.place(), Err(Error::Busy)));
        pool.verify_anyone(place, "correct horse", None).await.unwrap();
        drop(pool.place().unwrap());
        assert!(pool.hash("correct horse").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_two_seconds_is_refused() {
        let pool = pool(1, 1);
        let _running = Arc::clone(&pool.slots).acquire_owned().await.unwrap();
        let start = tokio::time::Instant::now();
        assert!(matches!(pool.hash("correct horse").await, Err(Error::Busy)));
        assert_eq!(start.elapsed().as_secs(), 2);
        assert_eq!(pool.places.available_permits(), 2, "the place in the queue is free again");
    }

    #[tokio::test]
    async fn work_keeps_its_slot_when_its_caller_goes_away() {
        let pool = pool(1, 0);
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (finish, may_finish) = std::sync::mpsc::channel::<()>();
        let caller = tokio::spawn({
            let pool = pool.clone();
            async move {
                let work = move |_: &Passwords, _: &mut Memory, _: &str| {
                    started.send(()).unwrap();
                    may_finish.recv().map_err(|_| Error::Hashing)
                };
                pool.run(pool.place()?, "", work).await
            }
        });
        has_started.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!((pool.slots.available_permits(), pool.places.available_permits()), (0, 1));
        finish.send(()).unwrap();
        assert!(pool.slots.acquire().await.is_ok(), "the slot is free when the work is done");
    }

    #[tokio::test]
    async fn work_that_panics_frees_its_slot() {
        let pool = pool(1, 0);
        let place = pool.place().unwrap();
        let result = pool.run(place, "", |_, _, _| -> Result<(), Error> { panic!("on purpose") }).await;
        assert!(matches!(result, Err(Error::Hashing)));
        assert!(pool.hash("correct horse").await.is_ok());
    }
}
