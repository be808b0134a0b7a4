//! Storage on SQLite and PostgreSQL: each test runs on both, in a database of its own (`tests/with-postgres` starts the
//! server), and begins with its tag in the catalogue of security checks where it has one.
#![expect(clippy::unwrap_used, reason = "what a test is made of may panic like the test")]

mod application_connections;
mod applications;
mod attempts;
mod audit;
mod audit_events;
mod belonging;
mod client_keys;
mod clients;
mod common;
mod conformance;
mod connection_changes;
mod idempotency;
mod introspection;
mod invitation_answers;
mod invitations;
mod isolation;
mod last_admins;
mod logout_deliveries;
mod mails;
mod migrate;
mod oauth;
mod organizations;
mod origins;
mod own;
mod permissions;
mod purge;
mod resource_servers;
mod rights;
mod roles;
mod scene;
mod schema_parity;
mod scopes;
mod sessions;
mod signing_keys;
mod units_of_work;
mod user_lists;
mod user_roles;
mod users;
mod withdrawals;
