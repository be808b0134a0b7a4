//! One file per resource: what it shows, what it takes, and the rules of its own.

pub(crate) mod application_connections;
mod application_rules;
mod application_tokens;
pub(crate) mod application_writes;
mod applications;
mod audit_events;
mod client_grants;
mod client_rules;
pub(crate) mod client_writes;
mod clients;
mod environment;
mod invitations;
pub(crate) mod mails;
mod membership_roles;
mod memberships;
mod organizations;
mod permissions;
mod resource_servers;
mod role_permissions;
mod roles;
mod scopes;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
mod user_roles;
mod users;

pub(crate) use invitations::revoke as revoke_invitation;
use paylent_domain::Id;
use paylent_jsonapi::{FilterField, Operator};

/// Lists without a name are in the order of creation, or the reverse.
const BY_CREATION: &[&str] = &["created_at"];
/// Lists of named rows can be in the order of their names, too.
const BY_NAME: &[&str] = &["created_at", "name"];

/// The filter that every list has.
const BY_ID: FilterField = FilterField { name: "id", operators: &[Operator::Eq, Operator::In] };

/// The filter by time that every list has.
const BY_TIME: FilterField =
    FilterField { name: "created_at", operators: &[Operator::Gt, Operator::Gte, Operator::Lt, Operator::Lte] };

/// A filter for one exact value.
const fn by(name: &'static str) -> FilterField {
    FilterField { name, operators: &[Operator::Eq] }
}

/// A filter for the name of rows, by all of it or by a part.
const fn by_name(name: &'static str) -> FilterField {
    FilterField { name, operators: &[Operator::Eq, Operator::NotEq, Operator::In, Operator::Contains] }
}

/// What comes or goes when `before` is replaced by `after`.
fn changed<T>(before: &[Id<T>], after: &[Id<T>]) -> Vec<Id<T>> {
    let added = after.iter().filter(|id| !before.contains(id));
    before.iter().filter(|id| !after.contains(id)).chain(added).copied().collect()
}
