//! The APIs that tokens are for, who may get them, and the keys that sign them.

use paylent_domain::{
    client::MAX_NAME,
    permission,
    resource_server::{ClientGrant, ResourceServer},
    scope::Scope,
    signing_key::SigningKey,
};
use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

use super::rights::{described, system};
use crate::openapi::property::{
    Documented, Property, Relation, flag, formatted, integer, line, moment, set, text, typed, word,
};

/// The lifetime of access tokens in seconds (`paylent_domain::resource_server::check_token_ttl`).
pub(super) fn token_ttl() -> ObjectBuilder {
    integer(60, Some(86_400))
}

/// The name of a scope (RFC 6749 section 3.3).
pub(super) fn scope_name() -> ObjectBuilder {
    text().max_length(Some(100)).pattern(Some(r"^[!#-\[\]-~]+$"))
}

/// Why a client or a resource server is called something.
pub(super) fn named(example: &'static str) -> Property {
    Property::new("name", "What people call it.", line(MAX_NAME), example).required().changeable()
}

impl Documented for ResourceServer {
    const ABOUT: &'static str = "The APIs that tokens are for.";

    fn properties() -> Vec<Property> {
        let uri =
            formatted("uri").max_length(Some(255)).pattern(Some(r"^[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-\[\]_a-z~]*$"));
        vec![
            named("Documents"),
            Property::new(
                "identifier",
                "The audience of its tokens: an absolute URI without a fragment (RFC 8707).",
                uri,
                "https://documents.example.com",
            )
            .required(),
            Property::new("token_ttl", "How long its access tokens live, in seconds.", token_ttl(), 3_600)
                .optional()
                .changeable(),
            Property::new("allow_offline_access", "Whether refresh tokens may be issued for it.", flag(), false)
                .optional()
                .changeable(),
            system(),
            Property::created_at(),
            Property::updated_at(),
            Property::new("scopes", "The scopes to make with it.", set(scope_name(), 100), json!(["read:documents"]))
                .optional()
                .never_shown(),
        ]
    }

    fn relations() -> Vec<Relation> {
        let clients = "The confidential clients that may introspect its tokens.";
        vec![
            Relation::to_many("scopes", "scope", "What its tokens may be used for."),
            Relation::to_many("introspection_clients", "client", clients),
        ]
    }
}

impl Documented for Scope {
    const ABOUT: &'static str = "What the tokens for a resource server may be used for.";

    fn properties() -> Vec<Property> {
        vec![
            Property::new(
                "name",
                "Its name, unique in its resource server and fixed.",
                scope_name(),
                "write:documents",
            )
            .required(),
            described(permission::MAX_DESCRIPTION, "To change documents."),
            system(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![Relation::to_one("resource_server", "resource_server", "Which API it belongs to.").required()]
    }
}

impl Documented for ClientGrant {
    const ABOUT: &'static str = "That a client may get tokens for a resource server.";

    fn properties() -> Vec<Property> {
        let scopes = "The scopes it may ask for: all of the resource server's if null or not given, none if empty.";
        let names = ArrayBuilder::new().items(scope_name());
        vec![
            Property::new("allowed_scopes", scopes, names, json!(["read:documents"]))
                .optional()
                .changeable()
                .nullable(),
            Property::created_at(),
            Property::updated_at(),
        ]
    }

    fn relations() -> Vec<Relation> {
        vec![
            Relation::to_one("client", "client", "Who may get tokens.").required(),
            Relation::to_one("resource_server", "resource_server", "For which API.").required(),
        ]
    }
}

impl Documented for SigningKey {
    const ABOUT: &'static str = "The keys that sign tokens. Only their public side is ever shown.";
    const VERBS: &'static [(&'static str, &'static str)] = &[
        ("deactivate", "Takes the key out of the JWKS for good: what it signed is refused from now on."),
        ("set-primary", "Signs new tokens with this key from now on."),
    ];

    fn properties() -> Vec<Property> {
        let size = typed(Type::Integer).enum_values(Some([2_048, 3_072, 4_096]));
        vec![
            Property::new("kid", "Its name in the headers of tokens and in the JWKS.", text(), "0a1b2c3d4e5f6789"),
            Property::new("algorithm", "The algorithm of its signatures (RFC 7518).", word(&["RS256"]), "RS256")
                .optional(),
            Property::new("key_size", "The length of the modulus in bits: 2048 unless told otherwise.", size, 2_048)
                .optional(),
            Property::new("status", "Whether its signatures are accepted.", word(&["active", "inactive"]), "active"),
            Property::new("primary", "Whether it signs new tokens.", flag(), true),
            Property::created_at(),
            Property::updated_at(),
            Property::new("deactivated_at", "When it stopped being accepted.", moment(), Value::Null).null_if_unknown(),
            Property::new("publish_only", "Whether to publish it without signing with it yet.", flag(), false)
                .optional()
                .never_shown(),
        ]
    }
}
