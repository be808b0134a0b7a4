//! What things are: ids, names, limits, and **who may do what**.
//!
//! Owns the entities' value types with their invariants, the policy (`Actor`, `Action`, [`policy::permits`]), the
//! resolution of hosts to environments and of requests to client addresses. Called by every other crate.
//! Refuses to know HTTP frameworks, SQL, cryptography and I/O of any kind: everything here is pure and synchronous.

#![deny(missing_docs)]

pub mod account;
pub mod actor;
pub mod allow_list;
pub mod application;
pub mod audit;
pub mod client;
pub mod clock;
pub mod environment;
pub mod hosts;
pub mod id;
pub mod invalid;
pub mod invitation;
pub mod language;
pub mod mail;
pub mod network;
pub mod organization;
pub mod password;
pub mod permission;
pub mod policy;
pub mod registration;
pub mod resource_server;
pub mod role;
pub mod scope;
pub mod session;
pub mod signing_key;
pub mod text;
pub mod user;

pub use clock::{Clock, Timestamp};
pub use id::Id;
pub use invalid::Invalid;
