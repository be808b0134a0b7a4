//! A store that fails on demand.

use std::{
    future::Future,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use paylent_domain::Timestamp;
use paylent_oauth::{
    Store,
    crypto::secret::SecretHash,
    store::{Client, JwtReference, Machine, OpaqueToken, SealedKey, Standing, StoreError},
};

/// When a failing verb fails: a lost connection leaves both possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    BeforeTheWork,
    /// The work was done, and only the answer was lost.
    AfterTheWork,
}

/// Passes every verb on to the store within, except that the n-th one fails.
pub(crate) struct Faulty<S> {
    within: S,
    failing: usize,
    fault: Fault,
    calls: AtomicUsize,
    writes: AtomicUsize,
    denied_until: Mutex<Option<Timestamp>>,
}

impl<S: Store> Faulty<S> {
    /// Fails at the call of this number, counted from 1; zero never fails.
    pub(crate) fn at(failing: usize, fault: Fault, within: S) -> Self {
        let (calls, writes, denied_until) = Default::default();
        Self { within, failing, fault, calls, writes, denied_until }
    }

    /// Whether the failing call was reached.
    pub(crate) fn has_failed(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= self.failing
    }

    /// How many writes were done.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Until when the last denied signed token must be remembered.
    pub(crate) fn denied_until(&self) -> Option<Timestamp> {
        *self.denied_until.lock().unwrap()
    }

    async fn perform<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
        let fails = self.calls.fetch_add(1, Ordering::SeqCst) + 1 == self.failing;
        let lost = || StoreError("the connection was lost".into());
        if fails && self.fault == Fault::BeforeTheWork {
            return Err(lost());
        }
        let done = work.await?;
        if fails { Err(lost()) } else { Ok(done) }
    }

    async fn write(&self, work: impl Future<Output = Result<(), StoreError>> + Send) -> Result<(), StoreError> {
        self.perform(async {
            self.writes.fetch_add(1, Ordering::SeqCst);
            work.await
        })
        .await
    }
}

impl<S: Store> Store for &Faulty<S> {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        self.perform(self.within.client(client_id)).await
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        self.perform(self.within.machine(client_id)).await
    }

    async fn signing_key(&self, kid: &str) -> Result<Option<SealedKey>, StoreError> {
        self.perform(self.within.signing_key(kid)).await
    }

    async fn active_public_keys(&self) -> Result<Vec<String>, StoreError> {
        self.perform(self.within.active_public_keys()).await
    }

    async fn save_access_token(&self, token: OpaqueToken) -> Result<(), StoreError> {
        self.write(self.within.save_access_token(token)).await
    }

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        self.perform(self.within.access_token(hash)).await
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        self.perform(self.within.jwt_standing(token)).await
    }

    async fn delete_access_token(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.write(self.within.delete_access_token(hash)).await
    }

    async fn deny_jwt(&self, jti: &str, until: Timestamp) -> Result<(), StoreError> {
        *self.denied_until.lock().unwrap() = Some(until);
        self.write(self.within.deny_jwt(jti, until)).await
    }

    async fn may_introspect(&self, client_id: &str, audience: &str) -> Result<bool, StoreError> {
        self.perform(self.within.may_introspect(client_id, audience)).await
    }
}
