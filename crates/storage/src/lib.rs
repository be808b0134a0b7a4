//! Everything Paylent remembers, on SQLite and PostgreSQL.
//!
//! Owns the schema, the queries and the transactions: one function is one unit of work, and none leaves this crate.
//! Called by `api`, `web` and the server; implements [`paylent_oauth::Store`]. Tenant data is reachable only through
//! [`Env`], which carries its environment into every query. Refuses to know HTTP and who may do what.

#![deny(missing_docs)]

mod accounts;
mod admins;
mod applications;
mod attempts;
mod audit;
mod audit_events;
mod authority;
mod client_grants;
mod clients;
mod connections;
mod counters;
mod directory;
mod env;
mod environment;
mod error;
mod expected;
mod idempotency;
mod installation;
mod introspection_clients;
mod invitation_answers;
mod invitations;
mod key;
mod links;
mod logout_deliveries;
mod mail_deliveries;
mod mails;
mod membership_roles;
mod memberships;
mod migrate;
mod oauth;
mod organizations;
mod own;
mod page;
mod password_resets;
mod permissions;
mod pool;
mod prepared;
mod purge;
mod registrations;
mod resource_servers;
mod role_permissions;
mod roles;
mod schema;
mod scopes;
mod session_ends;
mod sessions;
mod setup;
mod sign_in;
mod signing_keys;
mod sqlite;
mod static_tokens;
mod user_roles;
mod users;
mod uses;
mod violations;

pub use applications::{ApplicationChange, ApplicationFilter, NewApplication};
pub use attempts::{Attempt, RightPassword};
pub use audit_events::AuditFilter;
pub use authority::Authority;
pub use client_grants::{ClientGrantFilter, NewClientGrant};
pub use clients::{ClientChange, ClientFilter, MachineUser, NewClient};
pub use connections::ConnectionFilter;
pub use directory::Directory;
pub use env::{Env, Tenant};
pub use error::{Error, Refusal};
pub use expected::Expected;
pub use idempotency::Reservation;
pub use invitation_answers::{Accepted, Invited, OpenInvitation};
pub use invitations::{InvitationFilter, NewInvitation};
pub use links::Links;
pub use logout_deliveries::{LogoutDelivery, WaitingClient};
pub use mail_deliveries::{ClaimedMail, DueMail, MailOutcome};
pub use mails::MailFilter;
pub use membership_roles::MembershipRoleFilter;
pub use memberships::MembershipFilter;
pub use migrate::{Migration, MigrationError, migrate, migrations};
pub use organizations::{NewOrganization, OrganizationFilter};
pub use own::{
    ConnectedApplication, ConnectedScope, NewEmailChange, OwnInvitation, OwnMembership, Person, Profile, ProvenEmail,
};
pub use page::{Listed, NameIs, Order, Page, Place};
pub use password_resets::{RESET_TTL, ResetHolder, ResetPassword, ResetRequest};
pub use permissions::{NewPermission, PermissionChange, PermissionFilter};
pub use pool::{DatabaseUrl, DatabaseUrlError, Db, Options};
pub use registrations::{Guess, NewRegistration, Registered};
pub use resource_servers::{NewResourceServer, ResourceServerChange, ResourceServerFilter};
pub use role_permissions::RolePermissionFilter;
pub use roles::{NewRole, RoleChange, RoleFilter};
pub use scopes::{NewScope, ScopeChange, ScopeFilter};
pub use sessions::{MAX_SESSIONS, NewSession, Renewal, SessionFilter};
pub use setup::{NewAccount, NewEnvironment};
pub use sign_in::{LiveSession, SignInCandidate};
pub use static_tokens::StaticTokenFilter;
pub use user_roles::UserRoleFilter;
pub use users::UserFilter;
pub use violations::{Post, ViolationNotice};

/// What a storage function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;
