//! Clients and those they act for, as the engine reads them.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    client::{ClientType, GrantType, OrganizationUsage, TokenFormat},
    organization::{Organization, Slug},
    scope::Scopes,
    user::User,
};

/// An OAuth client, as far as tokens depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its public identifier.
    pub client_id: String,
    /// Whether it has a secret.
    pub client_type: ClientType,
    /// The SHA-256 of its secret; confidential clients only.
    pub secret_hash: Option<SecretHash>,
    /// The secret before that one, while both work.
    pub previous_secret: Option<PreviousSecret>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Its own lifetime for access tokens, in seconds.
    pub access_token_ttl: Option<i32>,
    /// The keys it signs its assertions with (`private_key_jwt`), a JWK Set in JSON that
    /// [`check_set`](crate::crypto::client_assertion::check_set) accepted. A client that has keys authenticates with
    /// them, and with nothing else.
    pub jwks: Option<String>,
    /// Where the client publishes these keys instead, an absolute URL: a client has `jwks` or `jwks_uri`, never both.
    pub jwks_uri: Option<String>,
    /// Whether its ID tokens carry the claims of its scopes, and not only the userinfo endpoint's answers.
    pub id_token_claims: bool,
    /// Whether it may act at all.
    pub active: bool,
    /// Raised when everything issued to it so far must die.
    pub generation: i64,
    /// That an organization owns it, if one does: then `state` is required.
    pub ownership: Option<Ownership>,
}

/// A secret that was replaced, and works for a while longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Its SHA-256.
    pub hash: SecretHash,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// That an organization owns a client, and what its tokens are bound to for as long as they live. They are opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The owner.
    pub organization_id: Id<Organization>,
    /// The scopes of its API that it may ask for. A token is good for no others, whatever it was granted.
    pub permissions: Scopes,
    /// From where its tokens and its secret may be used; an empty list restricts nothing.
    pub allow_list: AllowList,
    /// What happens to a token from elsewhere.
    pub allow_list_mode: AllowListMode,
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

/// An organization that a person belongs to, as the person tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// Its id: the `org_id`.
    pub id: Id<Organization>,
    /// What people call it.
    pub name: String,
    /// What requests may call it, beside its id.
    pub slug: Option<Slug>,
}

/// A person as a member of one organization, with the claims that describe them there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The organization: the `org_id`.
    pub organization_id: Id<Organization>,
    /// The names of the roles of the membership.
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

/// A client as the authorization endpoint and its pages need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The client.
    pub client: Client,
    /// What people call it.
    pub name: String,
    /// What the organization that owns it is called, for people to read. That one does is what the client's `ownership` says.
    pub organization: Option<String>,
    /// Whether it belongs to the environment's owner, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE; a public client must in any case.
    pub require_pkce: bool,
    /// Whether people act for an organization there, when a request names none.
    pub organization_usage: OrganizationUsage,
    /// Where people may be returned to.
    pub redirect_uris: Vec<String>,
    /// Where people may be returned to after they signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told that a person signed out.
    pub backchannel_logout_uri: Option<String>,
    /// The resource server that was asked about, if it exists.
    pub resource: Option<ResourceServer>,
}

/// An API that tokens are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its identifier: the audience of the tokens.
    pub identifier: String,
    /// How long its access tokens live, in seconds.
    pub token_ttl: i32,
    /// Whether refresh tokens may be issued for it.
    pub allow_offline_access: bool,
    /// Its scopes.
    pub scopes: Vec<DescribedScope>,
}

/// A scope and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedScope {
    /// Its name, unique in its resource server.
    pub name: String,
    /// What it allows, in words.
    pub description: Option<String>,
}

/// What userinfo and ID tokens can say about a person (OpenID Connect Core section 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Given name.
    pub given_name: Option<String>,
    /// Family name.
    pub family_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address was proved to be this person's.
    pub email_verified: bool,
    /// When any of this last changed.
    pub updated_at: Timestamp,
}

/// All that the tokens of one person at one client depend on, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// The client.
    pub client: Client,
    /// The person.
    pub subject: Subject,
    /// What can be said about the person.
    pub profile: Profile,
    /// When the session in which the person consented ends; `None` when it was ended or is gone.
    pub session_expires_at: Option<Timestamp>,
    /// The resource server that is the audience; `None` when the audience is no resource server's identifier.
    pub resource: Option<ResourceServer>,
    /// The `kid` of the key that signs at this moment.
    pub primary_kid: Option<String>,
    /// What was issued in this environment before this moment is dead.
    pub not_before: Timestamp,
}
