//! What was connected to applications, and tokens that never expire.

use paylent_domain::{
    application::{Connection, StaticToken},
    scope::MAX_SCOPES,
};
use serde_json::json;

use crate::openapi::property::{Documented, Property, Relation, flag, ip_address, moment, set, text};

const EXAMPLE_ADDRESS: &str = "203.0.113.5";

/// When and from where a token was last used.
fn last_use() -> [Property; 2] {
    let at = "When a token of it was last used, known half a minute later; null before the first use.";
    let ip = "From where that was.";
    [
        Property::new("last_used_at", at, moment(), "2026-11-22T10:00:00.000000Z").null_if_unknown(),
        Property::new("last_used_ip", ip, ip_address(), EXAMPLE_ADDRESS).null_if_unknown(),
    ]
}

impl Documented for Connection {
    const ABOUT: &'static str = "What an organization, or one person, lets an application do.";

    fn properties() -> Vec<Property> {
        let permissions = "What the application may do. Loses what the application loses. Can only become less, and not \
                           nothing; the tokens at once.";
        let for_all = "Whether it is for all of the organization.";
        let [last_used_at, last_used_ip] = last_use();
        vec![
            Property::new("permissions", permissions, set(text(), MAX_SCOPES), json!(["invoices:read"])).changeable(),
            Property::new("for_organization", for_all, flag(), true),
            last_used_at,
            last_used_ip,
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("application", "application", "The application."),
            Relation::to_one(
                "organization",
                "organization",
                "For which organization; null for a person who acts for none.",
            ),
            Relation::to_one("user", "user", "For which person; null when it is for all of the organization."),
            Relation::to_one("connected_by", "user", "Who agreed to it last. They may be gone."),
        ]
    }
}

impl Documented for StaticToken {
    const ABOUT: &'static str = "Access tokens of applications that never expire.";

    fn properties() -> Vec<Property> {
        let [last_used_at, last_used_ip] = last_use();
        vec![
            Property::new("prefix", "How the token begins.", text(), "pay_at_x8Kq2L"),
            last_used_at,
            last_used_ip,
            Property::created_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_one("application", "application", "The application that it was issued to.")]
    }
}
