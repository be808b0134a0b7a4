//! A store that lives in memory: for tests, examples and hosts that need no database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use paylent_crypto::{
    Error as CryptoError,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType, TokenFormat},
    resource_server::DEFAULT_TOKEN_TTL,
    scope::Scopes,
};

use crate::{
    keyring::GeneratedKey,
    store::{Client, Grant, JwtReference, Machine, OpaqueToken, SealedKey, Standing, Store, StoreError, Subject},
};

/// One environment in memory. Clones share their contents.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    machines: HashMap<String, Machine>,
    keys: Vec<Key>,
    access_tokens: HashMap<[u8; 32], OpaqueToken>,
    denied: HashMap<String, Timestamp>,
    introspection_clients: HashMap<String, Vec<String>>,
    not_before: i64,
}

struct Key {
    generated: GeneratedKey,
    active: bool,
}

impl MemoryStore {
    /// Adds a signing key, which becomes the primary one.
    pub fn add_key(&self, key: GeneratedKey) {
        self.lock().keys.insert(0, Key { generated: key, active: true });
    }

    /// Adds a confidential client that may get signed tokens for `resource` with these space-separated scopes, and
    /// returns its `client_id` and secret.
    ///
    /// # Errors
    /// The system's randomness fails. Malformed scopes are left out.
    pub fn add_machine(&self, resource: &str, scopes: &str) -> Result<(String, Secret), CryptoError> {
        let (client_id, client_secret) = (secret::identifier()?, secret::generate(SecretKind::ClientSecret)?);
        let user = Subject {
            id: Id::new(Timestamp::from_seconds(0), secret::random_bytes()?),
            active: true,
            generation: 0,
            roles: Vec::new(),
            permissions: Vec::new(),
        };
        let grant = Grant {
            resource: resource.to_owned(),
            token_ttl: DEFAULT_TOKEN_TTL,
            scopes: Scopes::parse(scopes).unwrap_or_default(),
            allowed_scopes: None,
        };
        let client = Client {
            client_id: client_id.clone(),
            client_type: ClientType::Confidential,
            secret_hash: Some(SecretHash::of(client_secret.expose())),
            grant_types: vec![GrantType::ClientCredentials],
            token_format: TokenFormat::Jwt,
            access_token_ttl: None,
            active: true,
            generation: 0,
        };
        self.put_machine(Machine { client, user: Some(user), grants: vec![grant], primary_kid: None });
        Ok((client_id, client_secret))
    }

    /// Adds or replaces a client with its user and grants. Its `primary_kid` is ignored: the newest active key signs.
    pub fn put_machine(&self, machine: Machine) {
        self.lock().machines.insert(machine.client.client_id.clone(), machine);
    }

    /// Says which clients may introspect tokens for this audience that were issued to others: these, and no longer
    /// those of an earlier call.
    pub fn set_introspection_clients(&self, audience: &str, client_ids: &[&str]) {
        let client_ids = client_ids.iter().map(|&client_id| client_id.to_owned()).collect();
        self.lock().introspection_clients.insert(audience.to_owned(), client_ids);
    }

    /// Stops accepting the signatures of a key.
    pub fn deactivate_key(&self, kid: &str) {
        self.lock().keys.iter_mut().filter(|key| key.generated.kid == kid).for_each(|key| key.active = false);
    }

    /// Kills all tokens issued before this moment.
    pub fn set_not_before(&self, moment: Timestamp) {
        self.lock().not_before = moment.micros();
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn standing(&self, client_id: &str, user_id: Id<paylent_domain::user::User>) -> Option<Standing> {
        let client = &self.machines.get(client_id)?.client;
        let user = self.machines.values().filter_map(|machine| machine.user.as_ref()).find(|user| user.id == user_id);
        Some(Standing {
            client_active: client.active,
            client_generation: client.generation,
            user_active: user.is_some_and(|user| user.active),
            user_generation: user.map_or(0, |user| user.generation),
            key_active: true,
            denied: false,
            not_before: Timestamp::from_micros(self.not_before),
        })
    }
}

impl Store for MemoryStore {
    async fn client(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        Ok(self.lock().machines.get(client_id).map(|machine| machine.client.clone()))
    }

    async fn machine(&self, client_id: &str) -> Result<Option<Machine>, StoreError> {
        let contents = self.lock();
        let primary_kid = contents.keys.iter().find(|key| key.active).map(|key| key.generated.kid.clone());
        Ok(contents.machines.get(client_id).map(|machine| Machine { primary_kid, ..machine.clone() }))
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

    async fn access_token(&self, hash: &SecretHash) -> Result<Option<(OpaqueToken, Standing)>, StoreError> {
        let contents = self.lock();
        let Some(token) = contents.access_tokens.get(hash.as_bytes()) else { return Ok(None) };
        let standing = contents.standing(&token.client_id, token.user_id);
        Ok(standing.map(|standing| (token.clone(), standing)))
    }

    async fn jwt_standing(&self, token: JwtReference<'_>) -> Result<Option<Standing>, StoreError> {
        let contents = self.lock();
        let key_active = contents.keys.iter().any(|key| key.active && key.generated.kid == token.kid);
        let denied = contents.denied.contains_key(token.jti);
        let standing = contents.standing(token.client_id, token.user_id);
        Ok(standing.map(|standing| Standing { key_active, denied, ..standing }))
    }

    async fn delete_access_token(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.lock().access_tokens.remove(hash.as_bytes());
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
}

#[cfg(feature = "conformance")]
impl crate::conformance::StoreUnderTest for MemoryStore {
    async fn put_machine(&self, machine: Machine) {
        Self::put_machine(self, machine);
    }

    async fn add_key(&self, key: GeneratedKey) {
        Self::add_key(self, key);
    }

    async fn set_introspection_clients(&self, audience: &str, client_ids: &[&str]) {
        Self::set_introspection_clients(self, audience, client_ids);
    }

    async fn deactivate_key(&self, kid: &str) {
        Self::deactivate_key(self, kid);
    }

    async fn set_not_before(&self, moment: Timestamp) {
        Self::set_not_before(self, moment);
    }
}
