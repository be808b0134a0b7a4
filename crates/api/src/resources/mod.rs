//! One file per resource: what it shows, what it takes, and the rules of its own.

mod client_grants;
mod client_rules;
mod client_writes;
mod clients;
mod resource_servers;
mod roles;
pub(crate) mod signing_keys;
mod user_roles;
mod users;

use paylent_jsonapi::{FilterField, Operator};

/// Lists are in the order of creation, or the reverse.
const SORTS: &[&str] = &["created_at"];

/// The filter that every resource with many rows has.
const BY_ID: FilterField = FilterField { name: "id", operators: &[Operator::Eq, Operator::In] };

/// A filter for one exact value.
const fn by(name: &'static str) -> FilterField {
    FilterField { name, operators: &[Operator::Eq] }
}
