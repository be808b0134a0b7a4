//! Who may do what at the Management API: the one place that decides.
//!
//! Effective right = token scope AND the user's permission (docs/adr). Scopes are `<resource>:read|write|delete`,
//! permissions `<resource>:read|create|update|delete`, where `<resource>` is the path segment.

use std::collections::BTreeSet;

use crate::{
    Id,
    actor::{Actor, TokenActor},
    organization::Organization,
    permission::{Permissions, name_of},
    scope::Scopes,
};

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
    Environment,
    Applications,
    ApplicationConnections,
    ApplicationTokens,
    Mails,
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
    pub const ALL: [Self; 21] = [
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
        Self::Environment,
        Self::Applications,
        Self::ApplicationConnections,
        Self::ApplicationTokens,
        Self::Mails,
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
            Self::Environment => "environment",
            Self::Applications => "applications",
            Self::ApplicationConnections => "application-connections",
            Self::ApplicationTokens => "application-tokens",
            Self::Mails => "mails",
        }
    }

    /// Whether its rows belong to organizations, so that a role in an organization can reach them.
    #[must_use]
    pub const fn is_of_organizations(self) -> bool {
        matches!(
            self,
            Self::Organizations
                | Self::Memberships
                | Self::MembershipRoles
                | Self::Invitations
                | Self::Applications
                | Self::ApplicationConnections
                | Self::ApplicationTokens
        )
    }

    /// What can be done to it at all.
    #[must_use]
    pub const fn actions(self) -> &'static [Action] {
        use Action::{Create, Delete, Read, Update};
        match self {
            Self::AuditEvents => &[Read],
            Self::Environment | Self::Mails => &[Read, Update],
            Self::ApplicationConnections => &[Read, Update, Delete],
            Self::ApplicationTokens => &[Read, Delete],
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
pub fn exercised_by(scope: &str) -> Permissions {
    let pairs =
        Resource::ALL.into_iter().flat_map(|resource| resource.actions().iter().map(move |action| (resource, *action)));
    pairs
        .filter(|(resource, action)| scope == format!("{}:{}", resource.path(), action.scope()))
        .map(|(resource, action)| name_of(resource, action))
        .collect()
}

/// What these scopes of the Management API let a user exercise, together.
#[must_use]
pub fn exercised(scopes: &Scopes) -> Permissions {
    scopes.iter().flat_map(|scope| exercised_by(scope).iter().map(str::to_owned).collect::<Vec<_>>()).collect()
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

/// How far a right reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every row of the environment.
    Environment,
    /// The rows of these organizations. To the one who asks, there are no others.
    Organizations(BTreeSet<Id<Organization>>),
}

impl Reach {
    /// Whether a row of this organization, or of none, is within reach.
    #[must_use]
    pub fn covers(&self, organization: Option<Id<Organization>>) -> bool {
        match (self, organization) {
            (Self::Environment, _) => true,
            (Self::Organizations(reached), Some(organization)) => reached.contains(&organization),
            (Self::Organizations(_), None) => false,
        }
    }
}

/// Whether `actor` may do `action` to `resource` of its own environment, and to which rows. A role in an organization
/// reaches that organization's rows and makes no new organizations.
///
/// # Errors
/// Why not.
pub fn permits(actor: &Actor, resource: Resource, action: Action) -> Result<Reach, Denied> {
    let Actor::Token(token) = actor else { return Err(Denied::Anonymous) };
    let scope = format!("{}:{}", resource.path(), action.scope());
    if !token.scopes.contains(&scope) {
        return Err(Denied::MissingScope(scope));
    }
    let permission = name_of(resource, action);
    if token.permissions.contains(&permission) {
        return Ok(Reach::Environment);
    }
    let confinable = resource.is_of_organizations() && (resource, action) != (Resource::Organizations, Action::Create);
    let organizations = if confinable { organizations_where(token, &permission) } else { BTreeSet::new() };
    match organizations.is_empty() {
        true => Err(Denied::MissingPermission(permission)),
        false => Ok(Reach::Organizations(organizations)),
    }
}

fn organizations_where(token: &TokenActor, permission: &str) -> BTreeSet<Id<Organization>> {
    let held = token.organizations.iter().filter(|(_, permissions)| permissions.contains(permission));
    held.map(|(organization, _)| *organization).collect()
}

/// Whether `actor` holds everything it is about to give away: nobody grants what they lack. What is given `within` an
/// organization may be held there or in the whole environment; what is given in the environment must be held there.
///
/// # Errors
/// The first permission the actor lacks.
pub fn may_grant(actor: &Actor, granted: &Permissions, within: Option<Id<Organization>>) -> Result<(), Denied> {
    let Actor::Token(token) = actor else { return Err(Denied::Anonymous) };
    let there = within.and_then(|organization| token.organizations.get(&organization));
    match lacking(granted, &token.permissions, there) {
        Some(missing) => Err(Denied::MissingPermission(missing.to_owned())),
        None => Ok(()),
    }
}

/// The first of the `granted` permissions that somebody lacks who holds these in the environment and, where it counts,
/// those in the organization `there`.
#[must_use]
pub fn lacking<'a>(granted: &'a Permissions, held: &Permissions, there: Option<&Permissions>) -> Option<&'a str> {
    granted.iter().find(|name| !held.contains(name) && !there.is_some_and(|there| there.contains(name)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn token(scopes: &str, permissions: &[&str]) -> Actor {
        Actor::Token(TokenActor {
            user_id: Id::from_bytes([1; 16]),
            user_name: "machine".into(),
            client_id: "client".into(),
            scopes: Scopes::parse(scopes).unwrap(),
            permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
            organizations: BTreeMap::new(),
        })
    }

    #[test]
    fn rb_scope_and_perm_both_are_needed() {
        let both = token("users:write", &["users:update"]);
        assert_eq!(permits(&both, Resource::Users, Action::Update), Ok(Reach::Environment));
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
        assert_eq!(may_grant(&reader, &["users:read".to_owned()].into_iter().collect(), None), Ok(()));
        assert_eq!(
            may_grant(&reader, &["users:delete".to_owned()].into_iter().collect(), None),
            Err(Denied::MissingPermission("users:delete".into()))
        );
    }

    #[test]
    fn rb_xorg_a_role_in_an_organization_reaches_that_organization_alone() {
        let (own, other) = (Id::from_bytes([7; 16]), Id::from_bytes([8; 16]));
        let names = ["memberships:create", "organizations:create", "users:create"];
        let Actor::Token(mut token) = token("memberships:write organizations:write users:write", &[]) else {
            unreachable!()
        };
        token.organizations.insert(own, names.map(str::to_owned).into_iter().collect());
        let admin = Actor::Token(token);
        let reach = permits(&admin, Resource::Memberships, Action::Create).unwrap();
        assert_eq!(reach, Reach::Organizations([own].into()));
        assert!(reach.covers(Some(own)) && !reach.covers(Some(other)) && !reach.covers(None));
        for resource in [Resource::Organizations, Resource::Users] {
            assert!(permits(&admin, resource, Action::Create).is_err(), "{resource:?}");
        }
        let users = ["users:create".to_owned()].into_iter().collect();
        assert_eq!(may_grant(&admin, &users, Some(own)), Ok(()));
        assert!(may_grant(&admin, &users, Some(other)).is_err());
        assert!(may_grant(&admin, &users, None).is_err());
    }

    #[test]
    fn a_write_scope_exercises_create_and_update() {
        let exercised = exercised_by("clients:write");
        assert_eq!(exercised.iter().collect::<Vec<_>>(), ["clients:create", "clients:update"]);
        assert_eq!(exercised_by("read:documents").iter().count(), 0);
        let both = super::exercised(&Scopes::stored("clients:write read:documents users:read"));
        assert_eq!(both.iter().collect::<Vec<_>>(), ["clients:create", "clients:update", "users:read"]);
    }

    #[test]
    fn write_covers_create_and_update_once() {
        let scopes: Vec<String> = management_scopes().collect();
        assert_eq!(scopes.iter().filter(|scope| *scope == "clients:write").count(), 1);
        assert!(scopes.contains(&"roles:delete".to_owned()));
        assert!(!scopes.contains(&"audit-events:write".to_owned()));
    }
}
