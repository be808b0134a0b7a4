//! What an accepted token says.

use serde::Deserialize;

use crate::{Rejection, TokenError};

/// An accepted access token: whom it acts for, by which client, and what it may be used for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token {
    /// Whom it acts for: the id of a person or of a machine's service user.
    pub subject: String,
    /// The client it was issued to.
    pub client_id: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// The subject's roles in the environment; empty for a token that was introspected.
    pub roles: Vec<String>,
    /// The subject's permissions in the environment; empty for a token that was introspected.
    pub permissions: Vec<String>,
    /// The organization it acts in: the one that the person chose, or the one that owns the application.
    pub organization: Option<Organization>,
    /// When it was issued, in seconds since the Unix epoch.
    pub issued_at: Option<i64>,
    /// When it dies, in seconds since the Unix epoch; `None`: never.
    pub expires_at: Option<i64>,
}

/// The organization that a token acts in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// The person's roles there; an application has none.
    pub roles: Vec<String>,
    /// The person's permissions there; an application has none.
    pub permissions: Vec<String>,
}

impl Token {
    /// Whether it may be used for `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Checks that it holds every one of these scopes.
    ///
    /// # Errors
    /// `InsufficientScope` with those it lacks.
    pub fn require<S: AsRef<str>>(&self, scopes: &[S]) -> Result<(), Rejection> {
        let lacking = scopes.iter().map(AsRef::as_ref).filter(|scope| !self.has_scope(scope));
        let missing: Vec<String> = lacking.map(str::to_owned).collect();
        if missing.is_empty() { Ok(()) } else { Err(Rejection::InsufficientScope(missing)) }
    }

    /// Whether it is alive at this moment, in seconds since the Unix epoch.
    pub(crate) fn is_alive(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|moment| now < moment)
    }
}

/// The claims that a signed token (RFC 9068) and an introspection response (RFC 7662) have in common.
#[derive(Deserialize)]
pub(crate) struct Claims {
    sub: String,
    client_id: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    permissions: Vec<String>,
    org_id: Option<String>,
    #[serde(default)]
    org_roles: Vec<String>,
    #[serde(default)]
    org_permissions: Vec<String>,
    iat: Option<i64>,
    exp: Option<i64>,
}

impl TryFrom<Claims> for Token {
    type Error = TokenError;

    fn try_from(claims: Claims) -> Result<Self, TokenError> {
        for (name, value) in [("sub", &claims.sub), ("client_id", &claims.client_id)] {
            if value.is_empty() {
                return Err(TokenError::Claim(name));
            }
        }
        let (roles, permissions) = (claims.org_roles, claims.org_permissions);
        Ok(Self {
            subject: claims.sub,
            client_id: claims.client_id,
            scopes: claims.scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            roles: claims.roles,
            permissions: claims.permissions,
            organization: claims.org_id.map(|id| Organization { id, roles, permissions }),
            issued_at: claims.iat,
            expires_at: claims.exp,
        })
    }
}
