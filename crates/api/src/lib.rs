//! The Management API of an environment: JSON:API documents under `/api`.
//!
//! Owns the endpoints, what each resource shows and takes, and how every failure is told. Called by the server, which
//! puts the [`Env`](paylent_storage::Env) of the request's host and the
//! [`Origin`](paylent_domain::network::Origin) of the request into its extensions. Refuses to know who may do what
//! (it asks [`paylent_domain::policy`]), what a token is worth (it asks [`paylent_oauth`]) and SQL.

#![deny(missing_docs)]

mod actor;
mod attributes;
mod call;
mod entity;
mod etag;
mod failure;
mod filters;
mod handlers;
mod idempotency;
mod links;
mod lists;
mod openapi;
mod relationships;
mod resources;
mod respond;

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{HttpResponse, web};
use paylent_crypto::password::PasswordPool;
use paylent_domain::{
    Clock,
    application::{Application, Connection, StaticToken},
    audit::Entry,
    client::Client,
    environment::EnvironmentSettings,
    invitation::Invitation,
    mail::Mail,
    organization::{Membership, MembershipRole, Organization},
    permission::{Permission, RolePermission},
    policy::{
        Action::{self, Create, Delete, Read, Update},
        Resource::{
            self, ApplicationConnections, ApplicationTokens, Applications, AuditEvents, ClientGrants, Clients,
            Environment, Invitations, Mails, MembershipRoles, Memberships, Organizations, Permissions, ResourceServers,
            RolePermissions, Roles, Scopes, Sessions, SigningKeys, UserRoles, Users,
        },
    },
    resource_server::{ClientGrant, ResourceServer},
    role::{Role, UserRole},
    scope::Scope,
    session::Session,
    signing_key::SigningKey,
    user::User,
};
use paylent_mail::LetterKey;
use paylent_oauth::Keyring;

use crate::{
    call::Call,
    failure::Failure,
    openapi::operation::{
        Describe, Operation, add, create, delete, held, linkage, linkage_as, linkages, list, related, related_as,
        remove, replace, show, update, verb,
    },
    resources::{
        application_connections::ConnectedBy, application_writes, client_writes::rotate_secret, mails,
        revoke_invitation, sessions, signing_keys,
    },
};

/// What the host lends.
#[derive(Clone)]
pub struct Settings {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The signing keys of all environments.
    pub keys: Arc<Keyring>,
    /// Where passwords are hashed.
    pub passwords: PasswordPool,
    /// Authenticates page cursors, and nothing else.
    pub cursor_key: [u8; 32],
    /// Seals the mails that go out.
    pub letters: LetterKey,
    /// The least number of characters of a password.
    pub minimum_password: usize,
}

/// What can be asked at one path with one method, and the right it takes.
pub struct Endpoint {
    /// The HTTP method. `GET` answers `HEAD` too.
    pub method: &'static str,
    /// The path under `/api`, as a pattern.
    pub path: &'static str,
    /// What the policy is asked for.
    pub resource: Resource,
    /// What is done to it.
    pub action: Action,
    answer: fn(Call) -> Answering,
    describe: Describe,
}

/// The answer to a call, once it is there.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>>>>;

/// Every endpoint. No request reaches a handler but through a line of this table, and none before the policy agreed.
#[rustfmt::skip]
pub static ENDPOINTS: &[Endpoint] = &[
    at("GET",    "/users",                                                     Users,           Read,   list::<User>()),
    at("POST",   "/users",                                                     Users,           Create, create::<User>()),
    at("GET",    "/users/{id}",                                                Users,           Read,   show::<User>()),
    at("PATCH",  "/users/{id}",                                                Users,           Update, update::<User>()),
    at("DELETE", "/users/{id}",                                                Users,           Delete, delete::<User>()),
    at("GET",    "/users/{id}/relationships/roles",                            UserRoles,       Read,   linkages::<User, Role>()),
    at("POST",   "/users/{id}/relationships/roles",                            UserRoles,       Create, add::<User, Role>()),
    at("PATCH",  "/users/{id}/relationships/roles",                            UserRoles,       Create, replace::<User, Role>()),
    at("DELETE", "/users/{id}/relationships/roles",                            UserRoles,       Delete, remove::<User, Role>()),
    at("GET",    "/users/{id}/roles",                                          UserRoles,       Read,   held::<User, Role>()),

    at("GET",    "/sessions",                                                  Sessions,        Read,   list::<Session>()),
    at("POST",   "/sessions",                                                  Sessions,        Create, create::<Session>()),
    at("GET",    "/sessions/{id}",                                             Sessions,        Read,   show::<Session>()),
    at("PATCH",  "/sessions/{id}/touch",                                       Sessions,        Update, verb::<Session>(sessions::touch)),
    at("PATCH",  "/sessions/{id}/revoke",                                      Sessions,        Update, verb::<Session>(sessions::revoke)),
    at("DELETE", "/sessions/{id}",                                             Sessions,        Delete, delete::<Session>()),
    at("GET",    "/sessions/{id}/relationships/user",                          Sessions,        Read,   linkage::<Session, User>()),
    at("GET",    "/sessions/{id}/user",                                        Sessions,        Read,   related::<Session, User>()),

    at("GET",    "/roles",                                                     Roles,           Read,   list::<Role>()),
    at("POST",   "/roles",                                                     Roles,           Create, create::<Role>()),
    at("GET",    "/roles/{id}",                                                Roles,           Read,   show::<Role>()),
    at("PATCH",  "/roles/{id}",                                                Roles,           Update, update::<Role>()),
    at("DELETE", "/roles/{id}",                                                Roles,           Delete, delete::<Role>()),
    at("GET",    "/roles/{id}/relationships/permissions",                      RolePermissions, Read,   linkages::<Role, Permission>()),
    at("POST",   "/roles/{id}/relationships/permissions",                      RolePermissions, Create, add::<Role, Permission>()),
    at("PATCH",  "/roles/{id}/relationships/permissions",                      RolePermissions, Create, replace::<Role, Permission>()),
    at("DELETE", "/roles/{id}/relationships/permissions",                      RolePermissions, Delete, remove::<Role, Permission>()),
    at("GET",    "/roles/{id}/permissions",                                    RolePermissions, Read,   held::<Role, Permission>()),
    at("GET",    "/roles/{id}/relationships/users",                            UserRoles,       Read,   linkages::<Role, User>()),
    at("GET",    "/roles/{id}/users",                                          UserRoles,       Read,   held::<Role, User>()),

    at("GET",    "/permissions",                                               Permissions,     Read,   list::<Permission>()),
    at("POST",   "/permissions",                                               Permissions,     Create, create::<Permission>()),
    at("GET",    "/permissions/{id}",                                          Permissions,     Read,   show::<Permission>()),
    at("PATCH",  "/permissions/{id}",                                          Permissions,     Update, update::<Permission>()),
    at("DELETE", "/permissions/{id}",                                          Permissions,     Delete, delete::<Permission>()),
    at("GET",    "/permissions/{id}/relationships/roles",                      RolePermissions, Read,   linkages::<Permission, Role>()),
    at("GET",    "/permissions/{id}/roles",                                    RolePermissions, Read,   held::<Permission, Role>()),

    at("GET",    "/role-permissions",                                          RolePermissions, Read,   list::<RolePermission>()),
    at("POST",   "/role-permissions",                                          RolePermissions, Create, create::<RolePermission>()),
    at("GET",    "/role-permissions/{id}",                                     RolePermissions, Read,   show::<RolePermission>()),
    at("DELETE", "/role-permissions/{id}",                                     RolePermissions, Delete, delete::<RolePermission>()),
    at("GET",    "/role-permissions/{id}/relationships/role",                  RolePermissions, Read,   linkage::<RolePermission, Role>()),
    at("GET",    "/role-permissions/{id}/role",                                RolePermissions, Read,   related::<RolePermission, Role>()),
    at("GET",    "/role-permissions/{id}/relationships/permission",            RolePermissions, Read,   linkage::<RolePermission, Permission>()),
    at("GET",    "/role-permissions/{id}/permission",                          RolePermissions, Read,   related::<RolePermission, Permission>()),

    at("GET",    "/user-roles",                                                UserRoles,       Read,   list::<UserRole>()),
    at("POST",   "/user-roles",                                                UserRoles,       Create, create::<UserRole>()),
    at("GET",    "/user-roles/{id}",                                           UserRoles,       Read,   show::<UserRole>()),
    at("DELETE", "/user-roles/{id}",                                           UserRoles,       Delete, delete::<UserRole>()),
    at("GET",    "/user-roles/{id}/relationships/user",                        UserRoles,       Read,   linkage::<UserRole, User>()),
    at("GET",    "/user-roles/{id}/user",                                      UserRoles,       Read,   related::<UserRole, User>()),
    at("GET",    "/user-roles/{id}/relationships/role",                        UserRoles,       Read,   linkage::<UserRole, Role>()),
    at("GET",    "/user-roles/{id}/role",                                      UserRoles,       Read,   related::<UserRole, Role>()),

    at("GET",    "/clients",                                                   Clients,         Read,   list::<Client>()),
    at("POST",   "/clients",                                                   Clients,         Create, create::<Client>()),
    at("GET",    "/clients/{id}",                                              Clients,         Read,   show::<Client>()),
    at("PATCH",  "/clients/{id}",                                              Clients,         Update, update::<Client>()),
    at("PATCH",  "/clients/{id}/rotate-secret",                                Clients,         Update, verb::<Client>(rotate_secret)),
    at("DELETE", "/clients/{id}",                                              Clients,         Delete, delete::<Client>()),
    at("GET",    "/clients/{id}/relationships/user",                           Clients,         Read,   linkage::<Client, User>()),
    at("GET",    "/clients/{id}/user",                                         Clients,         Read,   related::<Client, User>()),

    at("GET",    "/resource-servers",                                          ResourceServers, Read,   list::<ResourceServer>()),
    at("POST",   "/resource-servers",                                          ResourceServers, Create, create::<ResourceServer>()),
    at("GET",    "/resource-servers/{id}",                                     ResourceServers, Read,   show::<ResourceServer>()),
    at("PATCH",  "/resource-servers/{id}",                                     ResourceServers, Update, update::<ResourceServer>()),
    at("DELETE", "/resource-servers/{id}",                                     ResourceServers, Delete, delete::<ResourceServer>()),
    at("GET",    "/resource-servers/{id}/relationships/scopes",                Scopes,          Read,   linkages::<ResourceServer, Scope>()),
    at("GET",    "/resource-servers/{id}/scopes",                              Scopes,          Read,   held::<ResourceServer, Scope>()),
    at("GET",    "/resource-servers/{id}/relationships/introspection_clients", ResourceServers, Read,   linkages::<ResourceServer, Client>()),
    at("POST",   "/resource-servers/{id}/relationships/introspection_clients", ResourceServers, Update, add::<ResourceServer, Client>()),
    at("PATCH",  "/resource-servers/{id}/relationships/introspection_clients", ResourceServers, Update, replace::<ResourceServer, Client>()),
    at("DELETE", "/resource-servers/{id}/relationships/introspection_clients", ResourceServers, Update, remove::<ResourceServer, Client>()),
    at("GET",    "/resource-servers/{id}/introspection_clients",               ResourceServers, Read,   held::<ResourceServer, Client>()),

    at("GET",    "/scopes",                                                    Scopes,          Read,   list::<Scope>()),
    at("POST",   "/scopes",                                                    Scopes,          Create, create::<Scope>()),
    at("GET",    "/scopes/{id}",                                               Scopes,          Read,   show::<Scope>()),
    at("PATCH",  "/scopes/{id}",                                               Scopes,          Update, update::<Scope>()),
    at("DELETE", "/scopes/{id}",                                               Scopes,          Delete, delete::<Scope>()),
    at("GET",    "/scopes/{id}/relationships/resource_server",                 Scopes,          Read,   linkage::<Scope, ResourceServer>()),
    at("GET",    "/scopes/{id}/resource_server",                               Scopes,          Read,   related::<Scope, ResourceServer>()),

    at("GET",    "/client-grants",                                             ClientGrants,    Read,   list::<ClientGrant>()),
    at("POST",   "/client-grants",                                             ClientGrants,    Create, create::<ClientGrant>()),
    at("GET",    "/client-grants/{id}",                                        ClientGrants,    Read,   show::<ClientGrant>()),
    at("PATCH",  "/client-grants/{id}",                                        ClientGrants,    Update, update::<ClientGrant>()),
    at("DELETE", "/client-grants/{id}",                                        ClientGrants,    Delete, delete::<ClientGrant>()),
    at("GET",    "/client-grants/{id}/relationships/client",                   ClientGrants,    Read,   linkage::<ClientGrant, Client>()),
    at("GET",    "/client-grants/{id}/client",                                 ClientGrants,    Read,   related::<ClientGrant, Client>()),
    at("GET",    "/client-grants/{id}/relationships/resource_server",          ClientGrants,    Read,   linkage::<ClientGrant, ResourceServer>()),
    at("GET",    "/client-grants/{id}/resource_server",                        ClientGrants,    Read,   related::<ClientGrant, ResourceServer>()),

    at("GET",    "/signing-keys",                                              SigningKeys,     Read,   list::<SigningKey>()),
    at("POST",   "/signing-keys",                                              SigningKeys,     Create, create::<SigningKey>()),
    at("GET",    "/signing-keys/{id}",                                         SigningKeys,     Read,   show::<SigningKey>()),
    at("PATCH",  "/signing-keys/{id}/deactivate",                              SigningKeys,     Update, verb::<SigningKey>(signing_keys::deactivate)),
    at("PATCH",  "/signing-keys/{id}/set-primary",                             SigningKeys,     Update, verb::<SigningKey>(signing_keys::set_primary)),
    at("DELETE", "/signing-keys/{id}",                                         SigningKeys,     Delete, delete::<SigningKey>()),

    at("GET",    "/organizations",                                             Organizations,   Read,   list::<Organization>()),
    at("POST",   "/organizations",                                             Organizations,   Create, create::<Organization>()),
    at("GET",    "/organizations/{id}",                                        Organizations,   Read,   show::<Organization>()),
    at("DELETE", "/organizations/{id}",                                        Organizations,   Delete, delete::<Organization>()),
    at("GET",    "/organizations/{id}/relationships/memberships",              Memberships,     Read,   linkages::<Organization, Membership>()),
    at("GET",    "/organizations/{id}/memberships",                            Memberships,     Read,   held::<Organization, Membership>()),

    at("GET",    "/memberships",                                               Memberships,     Read,   list::<Membership>()),
    at("POST",   "/memberships",                                               Memberships,     Create, create::<Membership>()),
    at("GET",    "/memberships/{id}",                                          Memberships,     Read,   show::<Membership>()),
    at("DELETE", "/memberships/{id}",                                          Memberships,     Delete, delete::<Membership>()),
    at("GET",    "/memberships/{id}/relationships/user",                       Memberships,     Read,   linkage::<Membership, User>()),
    at("GET",    "/memberships/{id}/user",                                     Memberships,     Read,   related::<Membership, User>()),
    at("GET",    "/memberships/{id}/relationships/organization",               Memberships,     Read,   linkage::<Membership, Organization>()),
    at("GET",    "/memberships/{id}/organization",                             Memberships,     Read,   related::<Membership, Organization>()),
    at("GET",    "/memberships/{id}/relationships/roles",                      MembershipRoles, Read,   linkages::<Membership, Role>()),
    at("GET",    "/memberships/{id}/roles",                                    MembershipRoles, Read,   held::<Membership, Role>()),

    at("GET",    "/membership-roles",                                          MembershipRoles, Read,   list::<MembershipRole>()),
    at("POST",   "/membership-roles",                                          MembershipRoles, Create, create::<MembershipRole>()),
    at("GET",    "/membership-roles/{id}",                                     MembershipRoles, Read,   show::<MembershipRole>()),
    at("DELETE", "/membership-roles/{id}",                                     MembershipRoles, Delete, delete::<MembershipRole>()),
    at("GET",    "/membership-roles/{id}/relationships/membership",            MembershipRoles, Read,   linkage::<MembershipRole, Membership>()),
    at("GET",    "/membership-roles/{id}/membership",                          MembershipRoles, Read,   related::<MembershipRole, Membership>()),
    at("GET",    "/membership-roles/{id}/relationships/role",                  MembershipRoles, Read,   linkage::<MembershipRole, Role>()),
    at("GET",    "/membership-roles/{id}/role",                                MembershipRoles, Read,   related::<MembershipRole, Role>()),

    at("GET",    "/invitations",                                               Invitations,     Read,   list::<Invitation>()),
    at("POST",   "/invitations",                                               Invitations,     Create, create::<Invitation>()),
    at("GET",    "/invitations/{id}",                                          Invitations,     Read,   show::<Invitation>()),
    at("PATCH",  "/invitations/{id}/revoke",                                   Invitations,     Update, verb::<Invitation>(revoke_invitation)),
    at("DELETE", "/invitations/{id}",                                          Invitations,     Delete, delete::<Invitation>()),
    at("GET",    "/invitations/{id}/relationships/organization",               Invitations,     Read,   linkage::<Invitation, Organization>()),
    at("GET",    "/invitations/{id}/organization",                             Invitations,     Read,   related::<Invitation, Organization>()),
    at("GET",    "/invitations/{id}/relationships/inviter",                    Invitations,     Read,   linkage::<Invitation, User>()),
    at("GET",    "/invitations/{id}/inviter",                                  Invitations,     Read,   related::<Invitation, User>()),

    at("GET",    "/applications",                                              Applications,    Read,   list::<Application>()),
    at("POST",   "/applications",                                              Applications,    Create, create::<Application>()),
    at("GET",    "/applications/{id}",                                         Applications,    Read,   show::<Application>()),
    at("PATCH",  "/applications/{id}",                                         Applications,    Update, update::<Application>()),
    at("PATCH",  "/applications/{id}/rotate-secret",                           Applications,    Update, verb::<Application>(application_writes::rotate_secret)),
    at("PATCH",  "/applications/{id}/expire-previous-secret",                  Applications,    Update, verb::<Application>(application_writes::expire_previous_secret)),
    at("DELETE", "/applications/{id}",                                         Applications,    Delete, delete::<Application>()),
    at("GET",    "/applications/{id}/relationships/organization",              Applications,    Read,   linkage::<Application, Organization>()),
    at("GET",    "/applications/{id}/organization",                            Applications,    Read,   related::<Application, Organization>()),
    at("GET",    "/applications/{id}/relationships/resource_server",           Applications,    Read,   linkage::<Application, ResourceServer>()),
    at("GET",    "/applications/{id}/resource_server",                         Applications,    Read,   related::<Application, ResourceServer>()),

    at("GET",    "/application-connections",                                   ApplicationConnections, Read,   list::<Connection>()),
    at("GET",    "/application-connections/{id}",                              ApplicationConnections, Read,   show::<Connection>()),
    at("PATCH",  "/application-connections/{id}",                              ApplicationConnections, Update, update::<Connection>()),
    at("DELETE", "/application-connections/{id}",                              ApplicationConnections, Delete, delete::<Connection>()),
    at("GET",    "/application-connections/{id}/relationships/application",    ApplicationConnections, Read,   linkage::<Connection, Application>()),
    at("GET",    "/application-connections/{id}/application",                  ApplicationConnections, Read,   related::<Connection, Application>()),
    at("GET",    "/application-connections/{id}/relationships/organization",   ApplicationConnections, Read,   linkage::<Connection, Organization>()),
    at("GET",    "/application-connections/{id}/organization",                 ApplicationConnections, Read,   related::<Connection, Organization>()),
    at("GET",    "/application-connections/{id}/relationships/user",           ApplicationConnections, Read,   linkage::<Connection, User>()),
    at("GET",    "/application-connections/{id}/user",                         ApplicationConnections, Read,   related::<Connection, User>()),
    at("GET",    "/application-connections/{id}/relationships/connected_by",   ApplicationConnections, Read,   linkage_as::<Connection, User, ConnectedBy>()),
    at("GET",    "/application-connections/{id}/connected_by",                 ApplicationConnections, Read,   related_as::<Connection, User, ConnectedBy>()),

    at("GET",    "/application-tokens",                                        ApplicationTokens, Read,   list::<StaticToken>()),
    at("GET",    "/application-tokens/{id}",                                   ApplicationTokens, Read,   show::<StaticToken>()),
    at("DELETE", "/application-tokens/{id}",                                   ApplicationTokens, Delete, delete::<StaticToken>()),
    at("GET",    "/application-tokens/{id}/relationships/application",         ApplicationTokens, Read,   linkage::<StaticToken, Application>()),
    at("GET",    "/application-tokens/{id}/application",                       ApplicationTokens, Read,   related::<StaticToken, Application>()),

    at("GET",    "/audit-events",                                              AuditEvents,     Read,   list::<Entry>()),
    at("GET",    "/audit-events/{id}",                                         AuditEvents,     Read,   show::<Entry>()),

    at("GET",    "/mails",                                                     Mails,           Read,   list::<Mail>()),
    at("GET",    "/mails/{id}",                                                Mails,           Read,   show::<Mail>()),
    at("PATCH",  "/mails/{id}/resend",                                         Mails,           Update, verb::<Mail>(mails::resend)),
    at("GET",    "/environment",                                               Environment,     Read,   show::<EnvironmentSettings>()),
    at("PATCH",  "/environment",                                               Environment,     Update, update::<EnvironmentSettings>()),
];

const fn at(
    method: &'static str,
    path: &'static str,
    resource: Resource,
    action: Action,
    operation: Operation,
) -> Endpoint {
    Endpoint { method, path, resource, action, answer: operation.answer, describe: operation.describe }
}

/// Mounts everything under `/api`. What is not in [`ENDPOINTS`] is 404, or 405 with `Allow` when only the method is; but
/// anybody may read the description of it all at `/api/openapi.json`.
pub fn configure(cfg: &mut web::ServiceConfig, settings: Settings) {
    let mut scope = web::scope("/api").app_data(web::Data::new(settings));
    for (index, endpoint) in ENDPOINTS.iter().enumerate() {
        if ENDPOINTS[..index].iter().all(|other| other.path != endpoint.path) {
            scope = scope.service(web::resource(endpoint.path).to(respond::at(endpoint.path)));
        }
    }
    scope = scope.service(web::resource(openapi::PATH).to(openapi::answer));
    cfg.service(scope.default_service(web::to(respond::not_found)));
}
