//! The verbs. One lock is held for the whole of each, so each is one unit of work.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{Id, Timestamp, organization::Organization, scope::Scopes, session::Session, user::User};

use super::MemoryStore;
use crate::store::{
    Application, AuthorizationCode, Belonging, Client, Consenting, EndedSession, Exchange, Exchanged, Family,
    JwtReference, Kept, Machine, Member, NewStaticToken, OpaqueToken, PresentedCode, PresentedRefreshToken, Profile,
    Rotated, Rotation, SealedKey, Standing, Store, StoreError, Use, Violation,
};

impl Store for MemoryStore {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        Ok(self.lock().client(client_id).cloned())
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        let contents = self.lock();
        let primary_kid = contents.primary_kid();
        let machine = contents.machines.get(client_id).cloned().or_else(|| {
            let client = contents.client(client_id)?.clone();
            Some(Machine { client, user: None, grants: Vec::new(), primary_kid: None })
        });
        Ok(machine.map(|machine| Machine { primary_kid, ..machine }))
    }

    async fn signing_key(&self, kid: &str) -> Result<Option<SealedKey>, StoreError> {
        let contents = self.lock();
        let key = contents.keys.iter().find(|key| key.generated.kid == kid);
        Ok(key.map(|key| SealedKey { kid: key.generated.kid.clone(), sealed: key.generated.sealed.clone() }))
    }

    async fn active_public_keys(&self) -> Result<Vec<String>, StoreError> {
        let contents = self.lock();
        Ok(contents.keys.iter().filter(|key| key.active).map(|key| key.generated.public_jwk.clone()).collect())
    }

    async fn save_access_token(&self, token: OpaqueToken) -> Result<(), StoreError> {
        self.lock().access_tokens.insert(*token.hash.as_bytes(), token);
        Ok(())
    }

    async fn save_static_token(&self, token: NewStaticToken) -> Result<Kept, StoreError> {
        Ok(self.lock().save_static_token(token))
    }

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        let contents = self.lock();
        let Some(token) = contents.access_tokens.get(hash.as_bytes()) else { return Ok(None) };
        let standing = contents.standing(&token.client_id, token.user_id, token.family_id);
        Ok(standing.map(|standing| (token.clone(), standing)))
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        let contents = self.lock();
        let key_active = contents.keys.iter().any(|key| key.active && key.generated.kid == token.kid);
        let denied = contents.denied.contains_key(token.jti);
        let standing = contents.standing(token.client_id, token.user_id, token.family_id);
        Ok(standing.map(|standing| Standing { key_active, denied, ..standing }))
    }

    async fn delete_access_token(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.lock().delete_access_token(hash);
        Ok(())
    }

    async fn deny_jwt(&self, jti: &str, until: Timestamp) -> Result<(), StoreError> {
        self.lock().denied.insert(jti.to_owned(), until);
        Ok(())
    }

    async fn may_introspect(&self, client_id: &str, audience: &str) -> Result<bool, StoreError> {
        let contents = self.lock();
        let allowed = contents.introspection_clients.get(audience);
        Ok(allowed.is_some_and(|allowed| allowed.iter().any(|allowed| allowed == client_id)))
    }

    async fn application(&self, client_id: &str, resource: Option<&str>) -> Result<Option<Application>, StoreError> {
        let contents = self.lock();
        let resource = resource.and_then(|identifier| contents.resource_servers.get(identifier).cloned());
        let application = contents.applications.get(client_id);
        Ok(application.map(|application| match application.client.ownership {
            Some(_) => application.clone(),
            None => Application { resource, ..application.clone() },
        }))
    }

    async fn consent(&self, consenting: Consenting<'_>) -> Result<Option<Scopes>, StoreError> {
        Ok(self.lock().consent(consenting))
    }

    async fn save_code(&self, code: AuthorizationCode, asked: Option<Scopes>) -> Result<bool, StoreError> {
        Ok(self.lock().save_code(code, asked))
    }

    async fn code(&self, hash: &SecretHash) -> Result<Option<PresentedCode>, StoreError> {
        Ok(self.lock().code(hash))
    }

    async fn wrong_verifier(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.lock().codes.get_mut(hash.as_bytes()).into_iter().for_each(|stored| stored.wrong_verifiers += 1);
        Ok(())
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Exchanged, StoreError> {
        Ok(self.lock().exchange(exchange))
    }

    async fn refresh_token(&self, hash: &SecretHash) -> Result<Option<PresentedRefreshToken>, StoreError> {
        Ok(self.lock().refresh_token(hash))
    }

    async fn rotate(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        Ok(self.lock().rotate(rotation))
    }

    async fn revoke_family(&self, id: Id<Family>, _at: Timestamp) -> Result<(), StoreError> {
        self.lock().revoke_family(id);
        Ok(())
    }

    async fn profile(&self, user_id: Id<User>) -> Result<Option<Profile>, StoreError> {
        Ok(self.lock().people.get(&user_id).map(|(_, profile)| profile.clone()))
    }

    async fn belongings(&self, user_id: Id<User>) -> Result<Vec<Belonging>, StoreError> {
        let contents = self.lock();
        let theirs = contents.members.iter().filter(|(user, ..)| *user == user_id);
        let mut theirs: Vec<Belonging> = theirs.map(|(_, belonging, _)| belonging.clone()).collect();
        theirs.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        Ok(theirs)
    }

    async fn member(&self, user_id: Id<User>, organization_id: Id<Organization>) -> Result<Option<Member>, StoreError> {
        let contents = self.lock();
        let found =
            contents.members.iter().find(|(user, belonging, _)| *user == user_id && belonging.id == organization_id);
        Ok(found.map(|(.., member)| member.clone()))
    }

    async fn report(&self, violation: Violation) -> Result<(), StoreError> {
        self.lock().report(violation);
        Ok(())
    }

    fn note_use(&self, used: Use) {
        self.lock().uses.push(used);
    }

    async fn end_session(&self, id: Id<Session>, _at: Timestamp) -> Result<Option<EndedSession>, StoreError> {
        Ok(self.lock().end_session(id))
    }

    async fn use_assertion(&self, client_id: &str, jti: &str, _until: Timestamp) -> Result<bool, StoreError> {
        Ok(self.lock().assertions.insert((client_id.to_owned(), jti.to_owned())))
    }
}
