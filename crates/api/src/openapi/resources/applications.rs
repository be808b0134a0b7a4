//! Applications of organizations.

use paylent_domain::{
    allow_list::MAX_ENTRIES,
    application::{Application, MAX_NOTIFICATION_EMAILS, SecretOverlap},
    scope::MAX_SCOPES,
};
use serde_json::json;

use super::{
    clients::{secrets, uri},
    oauth::{named, scope_name},
};
use crate::openapi::property::{Documented, Property, Relation, email, set, text, word};

impl Documented for Application {
    const ABOUT: &'static str = "The OAuth applications that organizations own and manage themselves.";
    const VERBS: &'static [(&'static str, &'static str)] = &[(
        "rotate-secret",
        "Gives the application a new secret, told this once in `meta`. The old one works on for as long as `overlap` in \
         the document's `meta` says, and is void from now on without. There are never more than two: a secret that \
         still works from an earlier rotation is void. Tokens live on.",
    )];

    fn properties() -> Vec<Property> {
        let [grant_type, redirect_uri] = grant();
        let [list, mode] = addresses();
        vec![
            named("Reports"),
            grant_type,
            redirect_uri,
            list,
            mode,
            Property::new(
                "permissions",
                "The scopes of the resource server that it may ask for. One that is taken away is gone from its tokens at \
                 once; one that is added has to be agreed to.",
                set(scope_name(), MAX_SCOPES),
                json!(["read:documents"]),
            )
            .optional()
            .changeable(),
            Property::new(
                "notification_emails",
                "Who is told of tokens that were used from elsewhere.",
                set(email(), MAX_NOTIFICATION_EMAILS),
                json!(["it@example.com"]),
            )
            .optional()
            .changeable(),
            Property::new(
                "client_id",
                "Its public identifier at the OAuth endpoints.",
                text(),
                "Zt8mXq0bS4hJk2LrW6yNvA1cD3eF5gH7",
            ),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        let audience = "The API that its tokens are for: the Management API unless told otherwise. For \
                        `authorization_code` one with `allow_offline_access`.";
        vec![
            Relation::to_one("organization", "organization", "Who owns it.").required(),
            Relation::to_one("resource_server", "resource_server", audience).optional(),
        ]
    }

    fn meta() -> Vec<Property> {
        secrets()
    }

    fn asked() -> Vec<Property> {
        let overlaps = word(&SecretOverlap::ALL.map(SecretOverlap::as_str));
        vec![Property::new("overlap", "How long the secret before works on: `none` unless told.", overlaps, "24h")]
    }
}

/// How it gets tokens.
fn grant() -> [Property; 2] {
    [
        Property::new(
            "grant_type",
            "How it gets tokens: people of any organization connect it, or it acts for the organization that owns it, with \
             tokens that never expire. It cannot be changed.",
            word(&["authorization_code", "client_credentials"]),
            "client_credentials",
        )
        .required()
        .changeable(),
        Property::new(
            "redirect_uri",
            "Where people return to: https, or http to a loopback host. Required for `authorization_code`, null for \
             `client_credentials`.",
            uri(),
            "https://reports.example.com/callback",
        )
        .optional()
        .changeable()
        .nullable()
        .null_in_documents(),
    ]
}

/// From where its tokens may be used.
fn addresses() -> [Property; 2] {
    [
        Property::new(
            "ip_allow_list",
            "The addresses and networks from where its tokens may be used, IPv4 and IPv6; empty for all. \
             `client_credentials` requires one at least.",
            set(text().pattern(Some("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")), MAX_ENTRIES),
            json!(["203.0.113.5", "2001:db8::/32"]),
        )
        .optional()
        .changeable(),
        Property::new(
            "ip_allow_list_mode",
            "What happens to a valid token from elsewhere: `enforce` refuses and revokes it and tells the application's \
             people, `observe` only tells them. `enforce` unless told otherwise.",
            word(&["enforce", "observe"]),
            "enforce",
        )
        .optional()
        .changeable(),
    ]
}
