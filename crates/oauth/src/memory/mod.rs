//! A store that lives in memory: for tests, examples and hosts that need no database.

mod contents;
mod verbs;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use paylent_crypto::{
    Error as CryptoError,
    secret::{self, Secret, SecretHash, SecretKind},
};
use paylent_domain::{
    Id, Timestamp,
    application::Connection,
    client::{ClientType, GrantType, TokenFormat},
    organization::Organization,
    resource_server::DEFAULT_TOKEN_TTL,
    scope::Scopes,
    session::Session,
    user::User,
};

use crate::{
    keyring::GeneratedKey,
    store::{Application, Belonging, Client, Grant, Machine, Member, Profile, Subject, Use, Violation},
};
use contents::{Contents, Key, StoredSession};

/// One environment in memory. Clones share their contents.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

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
            jwks: None,
            jwks_uri: None,
            id_token_claims: false,
            active: true,
            generation: 0,
            previous_secret: None,
            ownership: None,
        };
        self.put_machine(Machine { client, user: Some(user), grants: vec![grant], primary_kid: None });
        Ok((client_id, client_secret))
    }

    /// Adds or replaces a client with its user and grants. Its `primary_kid` is ignored: the newest active key signs.
    pub fn put_machine(&self, machine: Machine) {
        self.lock().machines.insert(machine.client.client_id.clone(), machine);
    }

    /// Adds or replaces a client that people use, and the resource server that it comes with.
    pub fn put_application(&self, application: Application) {
        let mut contents = self.lock();
        if let Some(server) = &application.resource {
            contents.resource_servers.insert(server.identifier.clone(), server.clone());
        }
        contents.applications.insert(application.client.client_id.clone(), application);
    }

    /// Adds or replaces a person.
    pub fn put_person(&self, subject: Subject, profile: Profile) {
        self.lock().people.insert(subject.id, (subject, profile));
    }

    /// Adds a session, or gives an existing one this end.
    pub fn put_session(&self, id: Id<Session>, user_id: Id<User>, expires_at: Timestamp) {
        self.lock().sessions.insert(id, StoredSession { user_id, expires_at, ended: false });
    }

    /// Withdraws what a person agreed to let a client do: its codes are forgotten and its families revoked.
    pub fn withdraw_consent(&self, user_id: Id<User>, client_id: &str) {
        self.lock().withdraw_consent(user_id, client_id);
    }

    /// What applications did from addresses that their lists do not have, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.lock().violations.clone()
    }

    /// Where tokens of applications were accepted, in order.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        self.lock().uses.clone()
    }

    /// Ends all connections to an application: its tokens of people are dead.
    pub fn disconnect(&self, client_id: &str) {
        self.lock().disconnect(|connection| connection.client_id == client_id);
    }

    /// Withdraws a connection: its tokens are dead.
    pub fn withdraw_connection(&self, id: Id<Connection>) {
        self.lock().disconnect(|connection| connection.connected.id == id);
    }

    /// Leaves a connection no more than these scopes.
    pub fn narrow_connection(&self, id: Id<Connection>, scopes: &Scopes) {
        self.lock().narrow_connection(id, scopes);
    }

    /// Makes a person a member of an organization, or replaces what they hold there.
    pub fn put_member(&self, user_id: Id<User>, belonging: Belonging, member: Member) {
        let mut contents = self.lock();
        contents.members.retain(|(user, known, _)| *user != user_id || known.id != belonging.id);
        contents.members.push((user_id, belonging, member));
    }

    /// Ends a membership: the codes with which the person would act for the organization are forgotten, and the families
    /// in which they do are revoked.
    pub fn end_membership(&self, user_id: Id<User>, organization_id: Id<Organization>) {
        self.lock().end_membership(user_id, organization_id);
    }

    /// Removes a resource server.
    pub fn remove_resource_server(&self, identifier: &str) {
        self.lock().resource_servers.remove(identifier);
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
        self.lock().not_before = moment;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(feature = "conformance")]
impl crate::conformance::StoreUnderTest for MemoryStore {
    async fn put_machine(&self, machine: Machine) {
        Self::put_machine(self, machine);
    }

    async fn put_application(&self, application: Application) {
        Self::put_application(self, application);
    }

    async fn put_person(&self, subject: Subject, profile: Profile) {
        Self::put_person(self, subject, profile);
    }

    async fn put_session(&self, id: Id<Session>, user_id: Id<User>, expires_at: Timestamp) {
        Self::put_session(self, id, user_id, expires_at);
    }

    async fn narrow_connection(&self, id: Id<Connection>, scopes: &Scopes) {
        Self::narrow_connection(self, id, scopes);
    }

    async fn disconnect(&self, id: Id<Connection>) {
        self.withdraw_connection(id);
    }

    async fn withdraw_consent(&self, user_id: Id<User>, client_id: &str) {
        Self::withdraw_consent(self, user_id, client_id);
    }

    async fn put_member(&self, user_id: Id<User>, belonging: Belonging, member: Member) {
        Self::put_member(self, user_id, belonging, member);
    }

    async fn end_membership(&self, user_id: Id<User>, organization_id: Id<Organization>) {
        Self::end_membership(self, user_id, organization_id);
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
