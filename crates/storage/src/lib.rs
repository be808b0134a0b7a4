//! Everything Paylent remembers, on SQLite and PostgreSQL.
//!
//! Owns the schema, the queries and the transactions: one function is one unit of work, and none leaves this crate.
//! Called by `api`, `web` and the server; implements [`paylent_oauth::Store`]. Tenant data is reachable only through
//! [`Env`], which carries its environment into every query. Refuses to know HTTP and who may do what.

#![deny(missing_docs)]

mod accounts;
mod admins;
mod audit;
mod authority;
mod client_grants;
mod clients;
mod directory;
mod env;
mod error;
mod installation;
mod key;
mod migrate;
mod oauth;
mod page;
mod pool;
mod purge;
mod resource_servers;
mod roles;
mod schema;
mod setup;
mod signing_keys;
mod sqlite;
mod user_roles;
mod users;

pub use authority::Authority;
pub use client_grants::{ClientGrantFilter, NewClientGrant};
pub use clients::{ClientChange, ClientFilter, MachineUser, NewClient};
pub use directory::Directory;
pub use env::{Env, Tenant};
pub use error::{Error, Refusal};
pub use migrate::{Migration, MigrationError, migrate, migrations};
pub use page::{Listed, Page};
pub use pool::{DatabaseUrl, DatabaseUrlError, Db, Options};
pub use resource_servers::{NewResourceServer, ResourceServerFilter};
pub use roles::{NewRole, RoleFilter};
pub use setup::{NewAccount, NewEnvironment};
pub use user_roles::UserRoleFilter;
pub use users::UserFilter;

/// What a storage function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
