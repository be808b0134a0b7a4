//! A store that fails on demand.

use std::{
    future::Future,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use paylent_domain::{Id, Timestamp, organization::Organization, scope::Scopes, session::Session, user::User};
use paylent_oauth::{
    Store,
    crypto::secret::SecretHash,
    store::{
        Application, AuthorizationCode, Belonging, Client, Consenting, EndedSession, Exchange, Exchanged, Family,
        JwtReference, Kept, Machine, Member, NewStaticToken, OpaqueToken, PresentedCode, PresentedRefreshToken,
        Profile, Rotated, Rotation, SealedKey, Standing, StoreError, Use, Violation,
    },
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
    stale_code: Mutex<Option<PresentedCode>>,
    stale_refresh_token: Mutex<Option<PresentedRefreshToken>>,
}

impl<S: Store> Faulty<S> {
    /// Fails at the call of this number, counted from 1; zero never fails.
    pub(crate) fn at(failing: usize, fault: Fault, within: S) -> Self {
        let (calls, writes) = Default::default();
        let (denied_until, stale_code, stale_refresh_token) = Default::default();
        Self { within, failing, fault, calls, writes, denied_until, stale_code, stale_refresh_token }
    }

    /// Reads this code once as it is now, whatever happens to it until then: another request is faster.
    pub(crate) async fn remember_code(&self, code: &str) {
        *self.stale_code.lock().unwrap() = self.within.code(&SecretHash::of(code)).await.unwrap();
    }

    /// As [`remember_code`](Self::remember_code), for a refresh token.
    pub(crate) async fn remember_refresh_token(&self, token: &str) {
        let now = self.within.refresh_token(&SecretHash::of(token)).await.unwrap();
        *self.stale_refresh_token.lock().unwrap() = now;
    }

    /// Whether the failing call was reached.
    pub(crate) fn has_failed(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= self.failing
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
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

    async fn write<T>(&self, work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
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

    async fn save_static_token(&self, token: NewStaticToken) -> Result<Kept, StoreError> {
        self.write(self.within.save_static_token(token)).await
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

    async fn application(&self, client_id: &str, resource: Option<&str>) -> Result<Option<Application>, StoreError> {
        self.perform(self.within.application(client_id, resource)).await
    }

    async fn consent(&self, consenting: Consenting<'_>) -> Result<Option<Scopes>, StoreError> {
        self.perform(self.within.consent(consenting)).await
    }

    async fn save_code(&self, code: AuthorizationCode, asked: Option<Scopes>) -> Result<bool, StoreError> {
        self.write(self.within.save_code(code, asked)).await
    }

    async fn code(&self, hash: &SecretHash) -> Result<Option<PresentedCode>, StoreError> {
        let stale = self.stale_code.lock().unwrap().take();
        match stale {
            Some(stale) => Ok(Some(stale)),
            None => self.perform(self.within.code(hash)).await,
        }
    }

    async fn wrong_verifier(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.write(self.within.wrong_verifier(hash)).await
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        self.write(self.within.exchange(exchange)).await
    }

    async fn refresh_token(&self, hash: &SecretHash) -> Result<Option<PresentedRefreshToken>, StoreError> {
        let stale = self.stale_refresh_token.lock().unwrap().take();
        match stale {
            Some(stale) => Ok(Some(stale)),
            None => self.perform(self.within.refresh_token(hash)).await,
        }
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        self.write(self.within.rotate(rotation)).await
    }

    async fn revoke_family(&self, id: Id<Family>, at: Timestamp) -> Result<(), StoreError> {
        self.write(self.within.revoke_family(id, at)).await
    }

    async fn profile(&self, user_id: Id<User>) -> Result<Option<Profile>, StoreError> {
        self.perform(self.within.profile(user_id)).await
    }

    async fn belongings(&self, user_id: Id<User>) -> Result<Vec<Belonging>, StoreError> {
        self.perform(self.within.belongings(user_id)).await
    }

    async fn member(&self, user_id: Id<User>, organization_id: Id<Organization>) -> Result<Option<Member>, StoreError> {
        self.perform(self.within.member(user_id, organization_id)).await
    }

    async fn report(&self, violation: Violation) -> Result<(), StoreError> {
        self.write(self.within.report(violation)).await
    }

    fn note_use(&self, used: Use) {
        self.within.note_use(used);
    }

    async fn end_session(&self, id: Id<Session>, at: Timestamp) -> Result<Option<EndedSession>, StoreError> {
        self.write(self.within.end_session(id, at)).await
    }

    async fn use_assertion(&self, client_id: &str, jti: &str, until: Timestamp) -> Result<bool, StoreError> {
        self.write(self.within.use_assertion(client_id, jti, until)).await
    }
}
