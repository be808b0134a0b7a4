//! Clients.

use paylent_domain::client::{Client, MAX_ADDRESSES};
use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

use super::oauth::{named, token_ttl};
use crate::openapi::property::{Documented, Property, Relation, flag, formatted, set, text, typed, word};

/// Where a client is or may be reached (`paylent_domain::client::check_uri`).
pub(super) fn uri() -> ObjectBuilder {
    formatted("uri").max_length(Some(2_048)).pattern(Some(r"^https?://[!$-)+-;=?-\[\]-~]+$"))
}

/// Where a client may have people returned to (`paylent_domain::client::check_uris`).
fn return_uri() -> ObjectBuilder {
    let pattern = r"^(https?://|[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/)[!$-)+-;=?-\[\]-~]*$";
    formatted("uri").max_length(Some(2_048)).pattern(Some(pattern))
}

/// An origin (`paylent_domain::client::check_origin`).
fn origin() -> ObjectBuilder {
    text().max_length(Some(270)).pattern(Some(r"^https?://[^/?#@*\u0022\s]+$"))
}

/// The public keys of a client (`paylent_crypto::client_assertion::check_set`).
fn jwk_set() -> ObjectBuilder {
    let keys = ArrayBuilder::new().items(typed(Type::Object)).min_items(Some(1)).max_items(Some(10));
    typed(Type::Object).property("keys", keys).required("keys")
}

/// The P-256 key of RFC 7517 appendix A.1.
fn example_keys() -> Value {
    json!({"keys": [{
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "sig",
        "kid": "1",
    }]})
}

impl Documented for Client {
    const ABOUT: &'static str = "The applications that ask for tokens.";
    const VERBS: &'static [(&'static str, &'static str)] = &[(
        "rotate-secret",
        "Gives the client a new secret, told this once in `meta`. The old one is void from now on; tokens live on. \
         409 for a public client and for one with keys, which have no secret.",
    )];

    fn properties() -> Vec<Property> {
        let head = [
            Property::new("client_id", CLIENT_ID, text(), EXAMPLE_CLIENT_ID),
            named("Reports"),
            Property::new(
                "client_type",
                "Whether it can keep a secret: `confidential` unless told otherwise.",
                word(&["confidential", "public"]),
                "confidential",
            )
            .optional(),
        ];
        let tail = [
            Property::new("active", "Whether it may act at all.", flag(), true).changeable(),
            Property::created_at(),
            Property::updated_at(),
        ];
        head.into_iter().chain(addresses()).chain(proof()).chain(tokens()).chain(tail).collect()
    }

    fn relations() -> Vec<Relation> {
        let user = "Whom its tokens act for. Without it, a client with `client_credentials` gets a service user.";
        vec![Relation::to_one("user", "user", user).optional()]
    }

    fn meta() -> Vec<Property> {
        secrets()
    }
}

/// What the developer of a new client needs.
pub(super) fn secrets() -> Vec<Property> {
    let secret = "pay_cs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    vec![
        Property::new("client_id", CLIENT_ID, text(), EXAMPLE_CLIENT_ID),
        Property::new(
            "client_secret",
            "Its secret, if it has one. It is told this once.",
            formatted("password"),
            secret,
        ),
    ]
}

const CLIENT_ID: &str = "Its public identifier at the OAuth endpoints.";
const EXAMPLE_CLIENT_ID: &str = "Zt8mXq0bS4hJk2LrW6yNvA1cD3eF5gH7";

/// Where it is, for people, for requests and for scripts.
fn addresses() -> [Property; 4] {
    [
        Property::new(
            "redirect_uris",
            "Where it may be returned to: https, or http to a loopback host, or for a public client a scheme of its own, \
             a domain name in reverse order: `com.example.app:/callback`.",
            set(return_uri(), MAX_ADDRESSES),
            json!(["https://reports.example.com/callback"]),
        )
        .optional()
        .changeable(),
        Property::new(
            "post_logout_redirect_uris",
            "Where a person may be returned to after signing out (RP-Initiated Logout). As `redirect_uris`.",
            set(return_uri(), MAX_ADDRESSES),
            json!(["https://reports.example.com/goodbye"]),
        )
        .optional()
        .changeable(),
        Property::new(
            "backchannel_logout_uri",
            "Where it wants to be told that a person signed out (Back-Channel Logout): https, or http to a \
             loopback host.",
            uri(),
            "https://reports.example.com/backchannel-logout",
        )
        .optional()
        .changeable()
        .nullable(),
        Property::new(
            "allowed_origins",
            "The origins whose scripts may read answers of the OAuth endpoints (CORS), as browsers send them. \
             They count for a public client.",
            set(origin(), MAX_ADDRESSES),
            json!(["https://reports.example.com"]),
        )
        .optional()
        .changeable(),
    ]
}

/// How it proves who it is.
fn proof() -> [Property; 3] {
    [
        Property::new(
            "token_endpoint_auth_method",
            "How it authenticates, which follows from its type and keys. With a secret, `client_secret_post` works \
             as well.",
            word(&["client_secret_basic", "none", "private_key_jwt"]),
            "client_secret_basic",
        ),
        Property::new(
            "jwks",
            "Its public keys, a JWK Set (RFC 7517): 1 to 10 RSA keys of 2048 to 4096 bits or P-256 keys. A client \
             that has keys signs assertions with them (RFC 7523) and has no secret. Not for public clients, and not \
             together with `jwks_uri`.",
            jwk_set(),
            example_keys(),
        )
        .optional()
        .changeable()
        .nullable()
        .null_in_documents(),
        Property::new(
            "jwks_uri",
            "Where it publishes its keys instead: https, or http to a loopback host.",
            uri(),
            "https://reports.example.com/jwks.json",
        )
        .optional()
        .changeable()
        .nullable()
        .null_in_documents(),
    ]
}

/// How it gets tokens, and what they are like.
fn tokens() -> [Property; 7] {
    let grants = word(&["authorization_code", "client_credentials", "refresh_token"]);
    [
        Property::new(
            "grant_types",
            "How it gets tokens: `authorization_code` unless told otherwise. `refresh_token` needs \
             `authorization_code`; a public client cannot have `client_credentials`.",
            set(grants, 3).min_items(Some(1)),
            json!(["authorization_code", "client_credentials"]),
        )
        .optional()
        .changeable(),
        Property::new(
            "token_format",
            "The form of its access tokens: `jwt` unless told otherwise.",
            word(&["jwt", "opaque"]),
            "jwt",
        )
        .optional()
        .changeable(),
        Property::new(
            "id_token_claims",
            "Whether its ID tokens carry the claims of its scopes, and not only the answers of userinfo.",
            flag(),
            false,
        )
        .optional()
        .changeable(),
        Property::new(
            "organization_usage",
            "Whether people act for an organization there, when the authorization request names none: `optional` lets \
             members choose, `required` lets nobody in who acts for none. `none` unless told otherwise.",
            word(&["none", "optional", "required"]),
            "none",
        )
        .optional()
        .changeable(),
        Property::new("first_party", "Whether it is the environment's own, so that nobody is asked.", flag(), true)
            .optional(),
        Property::new("require_pkce", "Whether it must use PKCE. Every public client must.", flag(), true)
            .optional()
            .changeable(),
        Property::new(
            "access_token_ttl",
            "The lifetime of its access tokens in seconds, instead of the resource server's.",
            token_ttl(),
            600,
        )
        .optional()
        .changeable()
        .nullable(),
    ]
}
