//! Who asks: nobody we know, or the user behind an access token.

use std::collections::BTreeMap;

use crate::{Id, organization::Organization, permission::Permissions, scope::Scopes, user::User};

/// The one who calls the Management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// No token was sent.
    Anonymous,
    /// A valid token of this environment's Management API was sent.
    Token(TokenActor),
}

/// The user and the client behind a token, with the rights both have at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenActor {
    /// The user the token acts for.
    pub user_id: Id<User>,
    /// What to call that user in the audit trail: the e-mail address, or the service user's name.
    pub user_name: String,
    /// The client the token was issued to.
    pub client_id: String,
    /// What the token may be used for.
    pub scopes: Scopes,
    /// What the user may do in the whole environment, read anew for this request.
    pub permissions: Permissions,
    /// What the user may do with the rows of single organizations, through its memberships.
    pub organizations: BTreeMap<Id<Organization>, Permissions>,
}
