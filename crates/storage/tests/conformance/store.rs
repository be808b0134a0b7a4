//! The environment answers as the store that it is.

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

use super::EnvUnderTest;

impl Store for EnvUnderTest {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        self.env.client(client_id).await
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        self.env.machine(client_id).await
    }

    async fn signing_key(&self, kid: &str) -> Result<Option<SealedKey>, StoreError> {
        self.env.signing_key(kid).await
    }

    async fn active_public_keys(&self) -> Result<Vec<String>, StoreError> {
        self.env.active_public_keys().await
    }

    async fn save_access_token(&self, token: OpaqueToken) -> Result<(), StoreError> {
        self.env.save_access_token(token).await
    }

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        self.env.access_token(hash).await
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        self.env.jwt_standing(token).await
    }

    async fn delete_access_token(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.env.delete_access_token(hash).await
    }

    async fn deny_jwt(&self, jti: &str, until: Timestamp) -> Result<(), StoreError> {
        self.env.deny_jwt(jti, until).await
    }

    async fn may_introspect(&self, client_id: &str, audience: &str) -> Result<bool, StoreError> {
        self.env.may_introspect(client_id, audience).await
    }

    async fn application(&self, client_id: &str, resource: Option<&str>) -> Result<Option<Application>, StoreError> {
        self.env.application(client_id, resource).await
    }

    async fn consent(&self, consenting: Consenting<'_>) -> Result<Option<Scopes>, StoreError> {
        self.env.consent(consenting).await
    }

    async fn save_static_token(&self, token: NewStaticToken) -> Result<Kept, StoreError> {
        self.env.save_static_token(token).await
    }

    async fn report(&self, violation: Violation) -> Result<(), StoreError> {
        self.env.report(violation).await
    }

    fn note_use(&self, used: Use) {
        self.env.note_use(used);
    }

    async fn save_code(&self, code: AuthorizationCode, asked: Option<Scopes>) -> Result<bool, StoreError> {
        self.env.save_code(code, asked).await
    }

    async fn code(&self, hash: &SecretHash) -> Result<Option<PresentedCode>, StoreError> {
        self.env.code(hash).await
    }

    async fn wrong_verifier(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.env.wrong_verifier(hash).await
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        self.env.exchange(exchange).await
    }

    async fn refresh_token(&self, hash: &SecretHash) -> Result<Option<PresentedRefreshToken>, StoreError> {
        self.env.refresh_token(hash).await
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        self.env.rotate(rotation).await
    }

    async fn revoke_family(&self, id: Id<Family>, at: Timestamp) -> Result<(), StoreError> {
        self.env.revoke_family(id, at).await
    }

    async fn profile(&self, user_id: Id<User>) -> Result<Option<Profile>, StoreError> {
        self.env.profile(user_id).await
    }

    async fn belongings(&self, user_id: Id<User>) -> Result<Vec<Belonging>, StoreError> {
        self.env.belongings(user_id).await
    }

    async fn member(&self, user: Id<User>, organization: Id<Organization>) -> Result<Option<Member>, StoreError> {
        Store::member(&self.env, user, organization).await
    }

    async fn end_session(&self, id: Id<Session>, at: Timestamp) -> Result<Option<EndedSession>, StoreError> {
        self.env.end_session(id, at).await
    }

    async fn use_assertion(&self, client_id: &str, jti: &str, until: Timestamp) -> Result<bool, StoreError> {
        self.env.use_assertion(client_id, jti, until).await
    }
}
