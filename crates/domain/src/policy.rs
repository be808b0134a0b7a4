//! Who may do what at the Management API: the one place that decides.
//!
//! Effective right = token scope AND the user's permission (docs/adr). Scopes are `<resource>:read|write|delete`,
//! permissions `<resource>:read|create|update|delete`, where `<resource>` is the path segment.

use crate::actor::Actor;

/// What the Management API manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the resource of that name")]
pub enum Resource {
    Users,
    Sessions,
    Roles,
    Permissions,
    RolePermissions,
    UserRoles,
    Clients,
    Scopes,
    ResourceServers,
    ClientGrants,
    SigningKeys,
    Organizations,
    Memberships,
    MembershipRoles,
    Invitations,
    AuditEvents,
    Applications,
}

/// What can be done to a resource. Custom verbs (touch, revoke, deactivate, rotate, set-primary) are updates;
/// assign and generate are creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the action of that name")]
pub enum Action {
    Read,
    Create,
    Update,
    Delete,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 17] = [
        Self::Users,
        Self::Sessions,
        Self::Roles,
        Self::Permissions,
        Self::RolePermissions,
        Self::UserRoles,
        Self::Clients,
        Self::Scopes,
        Self::ResourceServers,
        Self::ClientGrants,
        Self::SigningKeys,
        Self::Organizations,
        Self::Memberships,
        Self::MembershipRoles,
        Self::Invitations,
        Self::AuditEvents,
        Self::Applications,
    ];

    /// The path segment under `/api`, which also names the scopes and permissions.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Sessions => "sessions",
            Self::Roles => "roles",
            Self::Permissions => "permissions",
            Self::RolePermissions => "role-permissions",
            Self::UserRoles => "user-roles",
            Self::Clients => "clients",
            Self::Scopes => "scopes",
            Self::ResourceServers => "resource-servers",
            Self::ClientGrants => "client-grants",
            Self::SigningKeys => "signing-keys",
            Self::Organizations => "organizations",
            Self::Memberships => "memberships",
            Self::MembershipRoles => "membership-roles",
            Self::Invitations => "invitations",
            Self::AuditEvents => "audit-events",
            Self::Applications => "applications",
        }
    }

    /// What can be done to it at all.
    #[must_use]
    pub const fn actions(self) -> &'static [Action] {
        use Action::{Create, Delete, Read, Update};
        match self {
            Self::AuditEvents => &[Read],
            Self::RolePermissions
            | Self::UserRoles
            | Self::MembershipRoles
            | Self::Memberships
            | Self::Organizations => &[Read, Create, Delete],
            _ => &[Read, Create, Update, Delete],
        }
    }
}

impl Action {
    /// The verb in the permission's name.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The verb in the scope's name: `write` covers create and update.
    #[must_use]
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create | Self::Update => "write",
            Self::Delete => "delete",
        }
    }
}

/// The scopes of the Management API.
pub fn management_scopes() -> impl Iterator<Item = String> {
    Resource::ALL.into_iter().flat_map(|resource| {
        let mut verbs: Vec<&str> = resource.actions().iter().map(|action| action.scope()).collect();
        verbs.dedup();
        verbs.into_iter().map(move |verb| format!("{}:{verb}", resource.path()))
    })
}

/// The permissions that a scope of the Management API lets a user exercise; none for a scope it does not have.
#[must_use]
pub fn exercised_by(scope: &str) -> crate::permission::Permissions {
    let pairs =
        Resource::ALL.into_iter().flat_map(|resource| resource.actions().iter().map(move |action| (resource, *action)));
    pairs
        .filter(|(resource, action)| scope == format!("{}:{}", resource.path(), action.scope()))
        .map(|(resource, action)| crate::permission::name_of(resource, action))
        .collect()
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is known to ask: 401.
    #[error("This needs an access token.")]
    Anonymous,
    /// The token was not given this scope: 403.
    #[error("The access token lacks the scope {0}.")]
    MissingScope(String),
    /// The user does not hold this permission: 403.
    #[error("The token's user lacks the permission {0}.")]
    MissingPermission(String),
}

/// Whether `actor` may do `action` to `resource` of its own environment.
///
/// # Errors
/// Why not.
pub fn permits(actor: &Actor, resource: Resource, action: Action) -> Result<(), Denied> {
    let Actor::Token(token) = actor else { return Err(Denied::Anonymous) };
    let scope = format!("{}:{}", resource.path(), action.scope());
    if !token.scopes.contains(&scope) {
        return Err(Denied::MissingScope(scope));
    }
    let permission = crate::permission::name_of(resource, action);
    if !token.permissions.contains(&permission) {
        return Err(Denied::MissingPermission(permission));
    }
    Ok(())
}

/// Whether `actor` holds everything it is about to give away: nobody grants what they lack.
///
/// # Errors
/// The first permission the actor lacks.
pub fn may_grant(actor: &Actor, granted: &crate::permission::Permissions) -> Result<(), Denied> {
    let Actor::Token(token) = actor else { return Err(Denied::Anonymous) };
    match token.permissions.first_missing(granted) {
        Some(missing) => Err(Denied::MissingPermission(missing.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, actor::TokenActor, scope::Scopes};

    fn token(scopes: &str, permissions: &[&str]) -> Actor {
        Actor::Token(TokenActor {
            user_id: Id::from_bytes([1; 16]),
            user_name: "machine".into(),
            client_id: "client".into(),
            scopes: Scopes::parse(scopes).unwrap(),
            permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    #[test]
    fn rb_scope_and_perm_both_are_needed() {
        let both = token("users:write", &["users:update"]);
        assert_eq!(permits(&both, Resource::Users, Action::Update), Ok(()));
        assert_eq!(
            permits(&token("users:read", &["users:update"]), Resource::Users, Action::Update),
            Err(Denied::MissingScope("users:write".into()))
        );
        assert_eq!(
            permits(&token("users:write", &["users:read"]), Resource::Users, Action::Update),
            Err(Denied::MissingPermission("users:update".into()))
        );
        assert_eq!(permits(&Actor::Anonymous, Resource::Users, Action::Read), Err(Denied::Anonymous));
    }

    #[test]
    fn rb_self_role_nobody_grants_what_they_lack() {
        let reader = token("user-roles:write", &["users:read"]);
        assert_eq!(may_grant(&reader, &["users:read".to_owned()].into_iter().collect()), Ok(()));
        assert_eq!(
            may_grant(&reader, &["users:delete".to_owned()].into_iter().collect()),
            Err(Denied::MissingPermission("users:delete".into()))
        );
    }

    #[test]
    fn a_write_scope_exercises_create_and_update() {
        let exercised = exercised_by("clients:write");
        assert_eq!(exercised.iter().collect::<Vec<_>>(), ["clients:create", "clients:update"]);
        assert_eq!(exercised_by("read:documents").iter().count(), 0);
    }

    #[test]
    fn write_covers_create_and_update_once() {
        let scopes: Vec<String> = management_scopes().collect();
        assert_eq!(scopes.iter().filter(|scope| *scope == "clients:write").count(), 1);
        assert!(scopes.contains(&"roles:delete".to_owned()));
        assert!(!scopes.contains(&"audit-events:write".to_owned()));
    }
}
