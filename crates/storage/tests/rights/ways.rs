//! Every way to change rights, and things to change.

use std::{fmt, future::Future, pin::Pin};

use paylent_domain::{
    Id,
    client::Client,
    permission::{Permission, RolePermission},
    resource_server::{ClientGrant, ResourceServer},
    role::{Role, UserRole},
    scope::Scope,
    user::User,
};
use paylent_storage::{
    Env, Error, Expected, Links, NewClientGrant, NewPermission, NewRole, NewScope, PermissionChange,
    ResourceServerChange, RoleChange, RolePermissionFilter, ScopeChange, ScopeFilter,
};
use paylent_tests::seed::{Seeded, by, new_id};

use crate::common::{ALL, assign, person, replace, resource_server, user_role};

/// One thing of each kind.
#[derive(Debug, Clone)]
pub(super) struct Things {
    pub role: Id<Role>,
    /// The role holds it.
    pub permission: Id<Permission>,
    /// The role does not hold it.
    pub other_permission: Id<Permission>,
    pub role_permission: Id<RolePermission>,
    /// Who holds the role.
    pub user: Id<User>,
    /// The user does not hold it.
    pub other_role: Id<Role>,
    pub user_role: Id<UserRole>,
    /// The client has a grant for it, and may introspect.
    pub server: Id<ResourceServer>,
    pub scope: Id<Scope>,
    pub client: Id<Client>,
    /// The client has nothing to do with it.
    pub other_server: Id<ResourceServer>,
    pub grant: Id<ClientGrant>,
}

type Taken = Pin<Box<dyn Future<Output = Result<bool, Error>>>>;

/// A way to change rights.
pub(super) struct Way {
    /// The events it leaves.
    pub actions: &'static [&'static str],
    /// The table of the row whose version it expects.
    pub table: Option<&'static str>,
    /// Whether it links two things, so that either may be missing.
    pub links: bool,
    /// Takes it, and says whether there was anything to change.
    pub take: fn(Env, Things, Expected) -> Taken,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.actions)
    }
}

/// `way!(events, table of the version or none, links or one, |env, things, expected| outcome)`
macro_rules! way {
    ([$($action:literal),+], $table:expr, $links:expr, |$env:ident, $things:ident, $expected:ident| $outcome:expr) => {
        Way {
            actions: &[$($action),+],
            table: $table,
            links: $links,
            take: |$env, $things, $expected| Box::pin(async move {
                let _ = (&$things, &$expected);
                $outcome
            }),
        }
    };
}

pub(super) const WAYS: &[Way] = &[
    way!(["role.created"], None, false, |env, things, expected| {
        env.create_role(new_role("new", None), &by()).await.map(|_| true)
    }),
    way!(["role.updated"], Some("roles"), false, |env, things, expected| {
        let change = RoleChange { description: Some(None), ..RoleChange::default() };
        some(env.update_role(things.role, change, &expected, &by()).await)
    }),
    way!(["role.deleted"], Some("roles"), false, |env, things, expected| {
        env.delete_role(things.role, &expected, &by()).await
    }),
    way!(["permission.created"], None, false, |env, things, expected| {
        env.create_permission(new_permission("documents:new"), &by()).await.map(|_| true)
    }),
    way!(["permission.updated"], Some("permissions"), false, |env, things, expected| {
        let change = PermissionChange { description: Some(Some("changed".to_owned())) };
        some(env.update_permission(things.permission, change, &expected, &by()).await)
    }),
    way!(["permission.deleted"], Some("permissions"), false, |env, things, expected| {
        env.delete_permission(things.permission, &expected, &by()).await
    }),
    way!(["role_permission.created"], None, true, |env, things, expected| {
        let (role_id, permission_id) = (things.role, things.other_permission);
        let held = RolePermission { id: new_id(), role_id, permission_id, created_at: by().at };
        env.grant_permission(held, &by()).await.map(|_| true)
    }),
    way!(["role_permission.deleted"], Some("role_permissions"), false, |env, things, expected| {
        env.delete_role_permission(things.role_permission, &expected, &by()).await
    }),
    way!(["role_permission.created"], None, true, |env, things, expected| {
        let links = Links::Add(vec![things.permission, things.other_permission]);
        env.link_role_permissions(things.role, links, &by()).await.map(|()| true)
    }),
    way!(["role_permission.created", "role_permission.deleted"], None, true, |env, things, expected| {
        let links = replace(vec![things.other_permission]);
        env.link_role_permissions(things.role, links, &by()).await.map(|()| true)
    }),
    way!(["role_permission.deleted"], None, false, |env, things, expected| {
        let links = Links::Remove(vec![things.permission, things.other_permission]);
        env.link_role_permissions(things.role, links, &by()).await.map(|()| true)
    }),
    way!(["user_role.created"], None, true, |env, things, expected| {
        env.assign_role(user_role(things.user, things.other_role), &by()).await.map(|_| true)
    }),
    way!(["user_role.deleted"], Some("user_roles"), false, |env, things, expected| {
        env.delete_user_role(things.user_role, &expected, &by()).await
    }),
    way!(["user_role.created"], None, true, |env, things, expected| {
        let links = Links::Add(vec![things.role, things.other_role]);
        env.link_user_roles(things.user, links, &by()).await.map(|()| true)
    }),
    way!(["user_role.created", "user_role.deleted"], None, true, |env, things, expected| {
        env.link_user_roles(things.user, replace(vec![things.other_role]), &by()).await.map(|()| true)
    }),
    way!(["user_role.deleted"], None, false, |env, things, expected| {
        let links = Links::Remove(vec![things.role, things.other_role]);
        env.link_user_roles(things.user, links, &by()).await.map(|()| true)
    }),
    way!(["resource_server.created"], None, false, |env, things, expected| {
        env.create_resource_server(resource_server("https://new.example"), &by()).await.map(|_| true)
    }),
    way!(["resource_server.updated"], Some("resource_servers"), false, |env, things, expected| {
        let change = ResourceServerChange { token_ttl: Some(61), ..ResourceServerChange::default() };
        some(env.update_resource_server(things.server, change, &expected, &by()).await)
    }),
    way!(["resource_server.deleted"], Some("resource_servers"), false, |env, things, expected| {
        env.delete_resource_server(things.server, &expected, &by()).await
    }),
    way!(["scope.created"], None, false, |env, things, expected| {
        let new = NewScope {
            id: new_id(),
            resource_server_id: things.server,
            name: "documents:sign".to_owned(),
            description: None,
        };
        env.create_scope(new, &by()).await.map(|_| true)
    }),
    way!(["scope.updated"], Some("scopes"), false, |env, things, expected| {
        let change = ScopeChange { description: Some(Some("changed".to_owned())) };
        some(env.update_scope(things.scope, change, &expected, &by()).await)
    }),
    way!(["scope.deleted"], Some("scopes"), false, |env, things, expected| {
        env.delete_scope(things.scope, &expected, &by()).await
    }),
    way!(["client_grant.created"], None, true, |env, things, expected| {
        env.create_client_grant(new_grant(things.client, things.other_server), &by()).await.map(|_| true)
    }),
    way!(["client_grant.updated"], Some("client_grants"), false, |env, things, expected| {
        some(env.update_client_grant(things.grant, Some(Default::default()), &expected, &by()).await)
    }),
    way!(["client_grant.deleted"], Some("client_grants"), false, |env, things, expected| {
        env.delete_client_grant(things.grant, &expected, &by()).await
    }),
    way!(["introspection_client.created"], None, true, |env, things, expected| {
        env.link_introspection_clients(things.other_server, Links::Add(vec![things.client]), &by()).await.map(|()| true)
    }),
    way!(["introspection_client.created"], None, true, |env, things, expected| {
        let links = replace(vec![things.client]);
        env.link_introspection_clients(things.other_server, links, &by()).await.map(|()| true)
    }),
    way!(["introspection_client.deleted"], None, false, |env, things, expected| {
        env.link_introspection_clients(things.server, Links::Remove(vec![things.client]), &by()).await.map(|()| true)
    }),
];

fn some<T>(changed: Result<Option<T>, Error>) -> Result<bool, Error> {
    changed.map(|row| row.is_some())
}

impl Way {
    /// Whether it refers to nothing.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.actions, ["role.created" | "permission.created" | "resource_server.created"])
    }

    /// Whether what it writes may have come with the environment, which refuses it.
    pub(super) fn can_be_fixed(&self) -> bool {
        let kind = self.actions[0].split('.').next();
        let kinds = ["role", "permission", "role_permission", "resource_server", "scope"];
        kind.is_some_and(|kind| kinds.contains(&kind)) && !self.is_free()
    }
}

impl Things {
    /// New things. Their names end with `n`.
    pub(super) async fn of(seeded: &Seeded, n: usize) -> Self {
        let (env, client) = (&seeded.env, seeded.client);
        let clerk = new_role(&format!("clerk {n}"), Some(&format!("documents:sign{n}")));
        let role = env.create_role(clerk, &by()).await.unwrap().id;
        let other_role = env.create_role(new_role(&format!("other {n}"), None), &by()).await.unwrap().id;
        let held = RolePermissionFilter { role_id: Some(role), permission_id: None };
        let held = env.role_permissions(held, ALL).await.unwrap().rows.pop().unwrap();
        let other_permission = new_permission(&format!("documents:other{n}"));
        let user = person(env, &format!("jane{n}@example.com")).await;
        let server = env.create_resource_server(resource_server(&format!("https://api{n}.example")), &by()).await;
        let server = server.unwrap().id;
        let other_server = resource_server(&format!("https://other{n}.example"));
        env.link_introspection_clients(server, Links::Add(vec![client]), &by()).await.unwrap();
        let its = ScopeFilter { resource_server_id: Some(server) };
        Self {
            role,
            permission: held.permission_id,
            other_permission: env.create_permission(other_permission, &by()).await.unwrap().id,
            role_permission: held.id,
            user,
            other_role,
            user_role: assign(env, user, role).await,
            server,
            scope: env.scopes(its, ALL).await.unwrap().rows[0].id,
            client,
            other_server: env.create_resource_server(other_server, &by()).await.unwrap().id,
            grant: env.create_client_grant(new_grant(client, server), &by()).await.unwrap().id,
        }
    }

    /// Ids that nothing has.
    pub(super) fn of_nothing() -> Self {
        Self {
            role: new_id(),
            permission: new_id(),
            other_permission: new_id(),
            role_permission: new_id(),
            user: new_id(),
            other_role: new_id(),
            user_role: new_id(),
            server: new_id(),
            scope: new_id(),
            client: new_id(),
            other_server: new_id(),
            grant: new_id(),
        }
    }

    /// Foreign things alone, and with our own on one side or the other of what a way links.
    pub(super) fn mixed(foreign: &Self, own: &Self) -> [Self; 3] {
        let (one, other) = (foreign.clone(), foreign.clone());
        let one = Self { role: own.role, user: own.user, client: own.client, ..one };
        let (other_permission, other_role) = (own.other_permission, own.other_role);
        let other = Self { other_permission, other_role, other_server: own.other_server, ..other };
        [foreign.clone(), one, other]
    }

    /// The id of the thing in this table.
    pub(super) fn key(&self, table: &str) -> [u8; 16] {
        *match table {
            "roles" => self.role.as_bytes(),
            "permissions" => self.permission.as_bytes(),
            "role_permissions" => self.role_permission.as_bytes(),
            "user_roles" => self.user_role.as_bytes(),
            "resource_servers" => self.server.as_bytes(),
            "scopes" => self.scope.as_bytes(),
            "client_grants" => self.grant.as_bytes(),
            other => panic!("no thing of {other}"),
        }
    }
}

fn new_role(name: &str, permission: Option<&str>) -> NewRole {
    let permissions = permission.map(str::to_owned).into_iter().collect();
    NewRole { id: new_id(), name: name.to_owned(), description: Some("made".to_owned()), permissions }
}

fn new_permission(name: &str) -> NewPermission {
    NewPermission { id: new_id(), name: name.to_owned(), description: None }
}

fn new_grant(client_id: Id<Client>, resource_server_id: Id<ResourceServer>) -> NewClientGrant {
    NewClientGrant { id: new_id(), client_id, resource_server_id, allowed_scopes: None }
}
