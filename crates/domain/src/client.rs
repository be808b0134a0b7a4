//! OAuth clients: the applications that ask for tokens (RFC 6749 section 2).

mod addresses;

use std::str::FromStr;

pub use addresses::{check_origin, check_origins, check_uri, check_uris};

use crate::{Id, Invalid, clock::Timestamp, user::User};

/// An application that asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id at the Management API.
    pub id: Id<Client>,
    /// Its public identifier at the OAuth endpoints.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// Where it may be returned to, compared byte for byte.
    pub redirect_uris: Vec<String>,
    /// Where a person may be returned to after signing out, compared byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told that a person signed out (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// Where the pages come from whose scripts may read this environment's answers. They count for a public client.
    pub allowed_origins: Vec<String>,
    /// The public keys it signs its assertions with, a JWK Set in JSON. Never together with `jwks_uri`.
    pub jwks: Option<String>,
    /// Where it publishes these keys instead.
    pub jwks_uri: Option<String>,
    /// Whether its ID tokens carry the claims of its scopes, and not only the userinfo endpoint's answers.
    pub id_token_claims: bool,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The form of its access tokens.
    pub token_format: TokenFormat,
    /// Whether it belongs to the environment's owner, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether it must use PKCE.
    pub require_pkce: bool,
    /// The lifetime of its access tokens in seconds, instead of the resource server's.
    pub access_token_ttl: Option<i32>,
    /// Whether people act for an organization there.
    pub organization_usage: OrganizationUsage,
    /// Whether it may act at all.
    pub active: bool,
    /// Whom its client-credentials tokens act for.
    pub user_id: Option<Id<User>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it proves itself with keys. It has no secret then.
    #[must_use]
    pub const fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// How it authenticates (RFC 7591 section 2). A client with a secret may send it by `client_secret_post`, too.
    #[must_use]
    pub const fn token_endpoint_auth_method(&self) -> &'static str {
        match (self.client_type, self.has_keys()) {
            (ClientType::Public, _) => "none",
            (ClientType::Confidential, true) => "private_key_jwt",
            (ClientType::Confidential, false) => "client_secret_basic",
        }
    }
}

/// Whether a client can keep a secret (RFC 6749 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the RFC's term")]
pub enum ClientType {
    Confidential,
    Public,
}

impl ClientType {
    /// The RFC's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

impl FromStr for ClientType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "confidential" => Ok(Self::Confidential),
            "public" => Ok(Self::Public),
            _ => Err(Invalid("must be confidential or public")),
        }
    }
}

/// How a client gets tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each variant is the RFC's term")]
pub enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    RefreshToken,
}

impl GrantType {
    /// The RFC's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
        }
    }
}

impl FromStr for GrantType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "authorization_code" => Ok(Self::AuthorizationCode),
            "client_credentials" => Ok(Self::ClientCredentials),
            "refresh_token" => Ok(Self::RefreshToken),
            _ => Err(Invalid("must be authorization_code, client_credentials or refresh_token")),
        }
    }
}

/// The form of access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFormat {
    /// Signed, checked with the JWKS (RFC 9068).
    Jwt,
    /// A random string, checked by introspection (RFC 7662).
    Opaque,
}

impl TokenFormat {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

impl FromStr for TokenFormat {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "jwt" => Ok(Self::Jwt),
            "opaque" => Ok(Self::Opaque),
            _ => Err(Invalid("must be jwt or opaque")),
        }
    }
}

/// Whether people act for an organization at a client, when the authorization request names none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrganizationUsage {
    /// They act for themselves, and are not asked.
    #[default]
    None,
    /// Members of an organization choose whether they do.
    Optional,
    /// They do, or get no further.
    Required,
}

impl OrganizationUsage {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

impl FromStr for OrganizationUsage {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "none" => Ok(Self::None),
            "optional" => Ok(Self::Optional),
            "required" => Ok(Self::Required),
            _ => Err(Invalid("must be none, optional or required")),
        }
    }
}

/// How many URIs of one kind, or origins, a client may register.
pub const MAX_ADDRESSES: usize = 10;
/// The longest client name, in characters.
pub const MAX_NAME: usize = 100;
