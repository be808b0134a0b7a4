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
mod failure;
mod filters;
mod handlers;
mod relationships;
mod resources;
mod respond;

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{HttpResponse, web};
use paylent_crypto::password::PasswordPool;
use paylent_domain::{
    Clock,
    client::Client,
    policy::{
        Action::{self, Create, Delete, Read, Update},
        Resource::{self, ClientGrants, Clients, ResourceServers, Roles, SigningKeys, UserRoles, Users},
    },
    resource_server::{ClientGrant, ResourceServer},
    role::{Role, UserRole},
    signing_key::SigningKey,
    user::User,
};
use paylent_oauth::Keyring;

use crate::{
    call::Call,
    failure::Failure,
    handlers::{create, delete, list, show, update},
    relationships::{linkage, related},
    resources::signing_keys::deactivate,
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
}

/// The answer to a call, once it is there.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<HttpResponse, Failure>>>>;

/// Every endpoint. No request reaches a handler but through a line of this table, and none before the policy agreed.
#[rustfmt::skip]
pub static ENDPOINTS: &[Endpoint] = &[
    at("GET",    "/users",                                             Users,           Read,   list::<User>),
    at("POST",   "/users",                                             Users,           Create, create::<User>),
    at("GET",    "/users/{id}",                                        Users,           Read,   show::<User>),
    at("PATCH",  "/users/{id}",                                        Users,           Update, update::<User>),
    at("DELETE", "/users/{id}",                                        Users,           Delete, delete::<User>),

    at("GET",    "/roles",                                             Roles,           Read,   list::<Role>),
    at("GET",    "/roles/{id}",                                        Roles,           Read,   show::<Role>),

    at("GET",    "/user-roles",                                        UserRoles,       Read,   list::<UserRole>),
    at("POST",   "/user-roles",                                        UserRoles,       Create, create::<UserRole>),
    at("GET",    "/user-roles/{id}",                                   UserRoles,       Read,   show::<UserRole>),
    at("DELETE", "/user-roles/{id}",                                   UserRoles,       Delete, delete::<UserRole>),
    at("GET",    "/user-roles/{id}/relationships/user",                UserRoles,       Read,   linkage::<UserRole, User>),
    at("GET",    "/user-roles/{id}/relationships/role",                UserRoles,       Read,   linkage::<UserRole, Role>),
    at("GET",    "/user-roles/{id}/user",                              UserRoles,       Read,   related::<UserRole, User>),
    at("GET",    "/user-roles/{id}/role",                              UserRoles,       Read,   related::<UserRole, Role>),

    at("GET",    "/clients",                                           Clients,         Read,   list::<Client>),
    at("POST",   "/clients",                                           Clients,         Create, create::<Client>),
    at("GET",    "/clients/{id}",                                      Clients,         Read,   show::<Client>),
    at("PATCH",  "/clients/{id}",                                      Clients,         Update, update::<Client>),
    at("DELETE", "/clients/{id}",                                      Clients,         Delete, delete::<Client>),
    at("GET",    "/clients/{id}/relationships/user",                   Clients,         Read,   linkage::<Client, User>),
    at("GET",    "/clients/{id}/user",                                 Clients,         Read,   related::<Client, User>),

    at("GET",    "/resource-servers",                                  ResourceServers, Read,   list::<ResourceServer>),
    at("POST",   "/resource-servers",                                  ResourceServers, Create, create::<ResourceServer>),
    at("GET",    "/resource-servers/{id}",                             ResourceServers, Read,   show::<ResourceServer>),

    at("GET",    "/client-grants",                                     ClientGrants,    Read,   list::<ClientGrant>),
    at("POST",   "/client-grants",                                     ClientGrants,    Create, create::<ClientGrant>),
    at("GET",    "/client-grants/{id}",                                ClientGrants,    Read,   show::<ClientGrant>),
    at("PATCH",  "/client-grants/{id}",                                ClientGrants,    Update, update::<ClientGrant>),
    at("DELETE", "/client-grants/{id}",                                ClientGrants,    Delete, delete::<ClientGrant>),
    at("GET",    "/client-grants/{id}/relationships/client",           ClientGrants,    Read,   linkage::<ClientGrant, Client>),
    at("GET",    "/client-grants/{id}/relationships/resource_server",  ClientGrants,    Read,   linkage::<ClientGrant, ResourceServer>),
    at("GET",    "/client-grants/{id}/client",                         ClientGrants,    Read,   related::<ClientGrant, Client>),
    at("GET",    "/client-grants/{id}/resource_server",                ClientGrants,    Read,   related::<ClientGrant, ResourceServer>),

    at("GET",    "/signing-keys",                                      SigningKeys,     Read,   list::<SigningKey>),
    at("POST",   "/signing-keys",                                      SigningKeys,     Create, create::<SigningKey>),
    at("GET",    "/signing-keys/{id}",                                 SigningKeys,     Read,   show::<SigningKey>),
    at("PATCH",  "/signing-keys/{id}/deactivate",                      SigningKeys,     Update, deactivate),
    at("DELETE", "/signing-keys/{id}",                                 SigningKeys,     Delete, delete::<SigningKey>),
];

const fn at(
    method: &'static str,
    path: &'static str,
    resource: Resource,
    action: Action,
    answer: fn(Call) -> Answering,
) -> Endpoint {
    Endpoint { method, path, resource, action, answer }
}

/// Mounts everything under `/api`. What is not in [`ENDPOINTS`] is 404, or 405 with `Allow` when only the method is.
pub fn configure(cfg: &mut web::ServiceConfig, settings: Settings) {
    let mut scope = web::scope("/api").app_data(web::Data::new(settings));
    for (index, endpoint) in ENDPOINTS.iter().enumerate() {
        if ENDPOINTS[..index].iter().all(|other| other.path != endpoint.path) {
            scope = scope.service(web::resource(endpoint.path).to(respond::at(endpoint.path)));
        }
    }
    cfg.service(scope.default_service(web::to(respond::not_found)));
}
