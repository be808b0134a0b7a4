//! What the checks put into the store under test.

use std::fmt::Display;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::{
    jwks::Jwk,
    secret::{self, SecretHash},
};
use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType, TokenFormat},
    scope::Scopes,
};

use crate::{
    keyring::GeneratedKey,
    store::{Client, Grant, Machine, OpaqueToken, StoreError, Subject},
};

/// A moment that is no whole number of milliseconds, so that a store which keeps less is found out.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_793_000_000_123_457);

/// What a verb answered; panics with the rule under test when it failed.
#[track_caller]
pub(super) fn answer<T>(result: Result<T, StoreError>, rule: &str) -> T {
    made(result.map_err(|error| error.0), rule)
}

#[track_caller]
fn made<T, E: Display>(result: Result<T, E>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: {error}"))
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    made(secret::random_bytes(), "random bytes can be drawn")
}

/// A text that nothing else has: letters, so that changing their case changes it.
pub(super) fn unique() -> String {
    random::<16>().iter().flat_map(|byte| [b'a' + (byte >> 4), b'A' + (byte & 15)]).map(char::from).collect()
}

pub(super) fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A confidential machine client with a user, one role of two permissions, and one grant.
pub(super) fn machine() -> Machine {
    let client = Client {
        client_id: unique(),
        client_type: ClientType::Confidential,
        secret_hash: Some(SecretHash::from_bytes(random())),
        grant_types: vec![GrantType::ClientCredentials],
        token_format: TokenFormat::Jwt,
        access_token_ttl: None,
        jwks: None,
        jwks_uri: None,
        id_token_claims: false,
        active: true,
        generation: 0,
        previous_secret: None,
        ownership: None,
    };
    let user = Subject {
        id: Id::new(NOW, random()),
        active: true,
        generation: 0,
        roles: vec![format!("clerk {}", unique())],
        permissions: vec!["users:read".to_owned(), "users:update".to_owned()],
    };
    Machine { client, user: Some(user), grants: vec![grant(None)], primary_kid: None }
}

/// A grant for a resource server of its own.
pub(super) fn grant(allowed_scopes: Option<Scopes>) -> Grant {
    Grant {
        resource: format!("https://{}.example.com/it's?a=b&c=%20", unique().to_lowercase()),
        token_ttl: 900,
        scopes: scopes(&["documents:read", "documents:write", "it's:{a,b}[%_]"]),
        allowed_scopes,
    }
}

/// A key of the right form that signs nothing: making a real one takes long.
pub(super) fn key() -> GeneratedKey {
    let mut modulus = random::<256>();
    modulus[0] |= 0x80;
    let kid = unique();
    let jwk = Jwk {
        kty: "RSA".to_owned(),
        kid: kid.clone(),
        key_use: "sig".to_owned(),
        alg: "RS256".to_owned(),
        n: URL_SAFE_NO_PAD.encode(modulus),
        e: "AQAB".to_owned(),
    };
    let public_jwk = made(serde_json::to_string(&jwk), "a JWK can be written");
    GeneratedKey { kid, public_jwk, sealed: [&[0, 0xff], random::<64>().as_slice(), &[0]].concat() }
}

/// An opaque token of this machine.
pub(super) fn token(machine: &Machine) -> OpaqueToken {
    let (user_id, user_generation) = match &machine.user {
        Some(user) => (user.id, user.generation),
        None => (Id::new(NOW, random()), 0),
    };
    OpaqueToken {
        hash: SecretHash::from_bytes(random()),
        client_id: machine.client.client_id.clone(),
        user_id,
        audience: machine.grants.first().map_or("https://id.example.com", |grant| &grant.resource).to_owned(),
        scopes: scopes(&["documents:read", "it's:{a,b}[%_]"]),
        issued_at: NOW,
        expires_at: Some(Timestamp::from_micros(NOW.micros() + 3_600_000_001)),
        client_generation: machine.client.generation,
        user_generation,
        family_id: None,
        organization_id: None,
    }
}

/// The same machine with its lists in one order (a store may return any) and without its `primary_kid`.
pub(super) fn in_order(mut machine: Machine) -> Machine {
    machine.client = client_in_order(machine.client);
    machine.grants.sort_by(|a, b| a.resource.cmp(&b.resource));
    if let Some(user) = &mut machine.user {
        user.roles.sort();
        user.permissions.sort();
    }
    Machine { primary_kid: None, ..machine }
}

pub(super) fn client_in_order(mut client: Client) -> Client {
    client.grant_types.sort();
    client
}
