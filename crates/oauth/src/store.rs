//! The one thing a host implements: a dozen atomic verbs over the data of one environment.
//!
//! Each verb is one unit of work. A verb that writes has happened, for every node, when its future resolves.

use std::future::Future;

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType, TokenFormat},
    scope::Scopes,
    user::User,
};

/// The store failed; whether the work was done is unknown. The engine answers 503.
#[derive(Debug, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The data of one environment, as the engine needs it.
pub trait Store: Send + Sync {
    /// The client of this `client_id`, active or not.
    fn client(&self, client_id: &str) -> impl Future<Output = Result<Option<Client>, StoreError>> + Send;

    /// The client with all that a client-credentials token depends on, in one read.
    fn machine(&self, client_id: &str) -> impl Future<Output = Result<Option<Machine>, StoreError>> + Send;

    /// The sealed private key of this `kid`, active or not.
    fn signing_key(&self, kid: &str) -> impl Future<Output = Result<Option<SealedKey>, StoreError>> + Send;

    /// The public keys of all active signing keys, as JWKs in JSON, newest first.
    fn active_public_keys(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Keeps an opaque access token.
    fn save_access_token(&self, token: OpaqueToken) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The opaque access token of this hash, expired or not, and how those it depends on stand now.
    fn access_token(
        &self,
        hash: &SecretHash,
    ) -> impl Future<Output = Result<Option<(OpaqueToken, Standing)>, StoreError>> + Send;

    /// How those a signed token depends on stand now; `None` when its client is gone.
    fn jwt_standing(
        &self,
        token: JwtReference<'_>,
    ) -> impl Future<Output = Result<Option<Standing>, StoreError>> + Send;

    /// Forgets an opaque access token: from now on it is unknown.
    fn delete_access_token(&self, hash: &SecretHash) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Refuses the signed token of this `jti` from now on; the entry may be forgotten after `until`.
    fn deny_jwt(&self, jti: &str, until: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this client may introspect tokens for this audience that were issued to others. The audience is as
    /// written in the token; one that is no resource server's is nobody's. Asked for live tokens only.
    fn may_introspect(&self, client_id: &str, audience: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// An OAuth client, as far as tokens depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its public identifier.
    pub client_id: String,
    /// Whether it has a secret.
    pub client_type: ClientType,
    /// The SHA-256 of its secret; confidential clients only.
    pub secret_hash: Option<SecretHash>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Its own lifetime for access tokens, in seconds.
    pub access_token_ttl: Option<i32>,
    /// Whether it may act at all.
    pub active: bool,
    /// Raised when everything issued to it so far must die.
    pub generation: i64,
}

/// A client with all that a client-credentials token depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The client.
    pub client: Client,
    /// Whom its tokens act for.
    pub user: Option<Subject>,
    /// For which resource servers it may get tokens.
    pub grants: Vec<Grant>,
    /// The `kid` of the key that signs at this moment.
    pub primary_kid: Option<String>,
}

/// The user a token acts for, with the claims that describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id: the `sub`.
    pub id: Id<User>,
    /// Whether it may act at all.
    pub active: bool,
    /// Raised when everything issued to it so far must die.
    pub generation: i64,
    /// The names of its roles in the environment.
    pub roles: Vec<String>,
    /// The names of the permissions those roles hold.
    pub permissions: Vec<String>,
}

/// That a client may get tokens for a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The resource server's identifier: the audience.
    pub resource: String,
    /// How long its access tokens live, in seconds.
    pub token_ttl: i32,
    /// All scopes the resource server has.
    pub scopes: Scopes,
    /// Those the client may ask for; `None` means all, an empty set none.
    pub allowed_scopes: Option<Scopes>,
}

/// A private signing key, sealed under the master key (see [`Keyring`](crate::Keyring)).
#[derive(Clone)]
pub struct SealedKey {
    /// Its name in token headers.
    pub kid: String,
    /// The sealed private key.
    pub sealed: Vec<u8>,
}

/// An opaque access token, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueToken {
    /// The SHA-256 of the token.
    pub hash: SecretHash,
    /// The client it was issued to.
    pub client_id: String,
    /// Whom it acts for.
    pub user_id: Id<User>,
    /// The resource server it is for.
    pub audience: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// The client's generation when it was issued.
    pub client_generation: i64,
    /// The user's generation when it was issued.
    pub user_generation: i64,
}

/// What identifies a signed token and those it depends on.
#[derive(Debug, Clone, Copy)]
pub struct JwtReference<'a> {
    /// The key that signed it.
    pub kid: &'a str,
    /// Its own identifier.
    pub jti: &'a str,
    /// The client it was issued to.
    pub client_id: &'a str,
    /// Whom it acts for.
    pub user_id: Id<User>,
}

/// How those a token depends on stand at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether the client may act.
    pub client_active: bool,
    /// The client's generation now.
    pub client_generation: i64,
    /// Whether the user exists and may act.
    pub user_active: bool,
    /// The user's generation now; zero when it is gone.
    pub user_generation: i64,
    /// Whether the signing key is still accepted; true for opaque tokens.
    pub key_active: bool,
    /// Whether the token itself was revoked; false for opaque tokens, which are deleted instead.
    pub denied: bool,
    /// Tokens of this environment issued before this moment are dead.
    pub not_before: Timestamp,
}
