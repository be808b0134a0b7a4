//! `signing_key`, `active_public_keys`, and the primary key of `machine`.

use serde_json::Value;

use super::{
    StoreUnderTest,
    fixtures::{answer, key, machine, unique},
};
use crate::keyring::GeneratedKey;

/// A `kid` that no key has is `None` and no failure.
pub async fn an_unknown_key_is_none<S: StoreUnderTest>(store: &S) {
    let added = key();
    let near = added.kid.to_uppercase();
    store.add_key(added).await;
    for kid in [unique().as_str(), &near, "", "%", "' OR 1=1 --"] {
        let rule = format!("a kid that no key has is None: {kid:?}");
        assert!(answer(store.signing_key(kid).await, &rule).is_none(), "{rule}");
    }
}

/// The sealed bytes are kept to the last bit, whatever their values.
pub async fn a_key_comes_back_as_it_was_stored<S: StoreUnderTest>(store: &S) {
    let added = key();
    let (kid, sealed) = (added.kid.clone(), added.sealed.clone());
    store.add_key(added).await;
    is_found(store, &kid, &sealed, "a signing key comes back as it was stored").await;
}

/// Tokens name the key that signed them; whether it still counts is asked elsewhere.
pub async fn an_inactive_key_is_still_found<S: StoreUnderTest>(store: &S) {
    let (old, new) = (key(), key());
    let (kid, sealed) = (old.kid.clone(), old.sealed.clone());
    store.add_key(old).await;
    store.add_key(new).await;
    store.deactivate_key(&kid).await;
    is_found(store, &kid, &sealed, "an inactive signing key is still found").await;
}

/// The key added last signs; when it is deactivated, the newest of the others does.
pub async fn the_newest_active_key_is_primary<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    let client_id = &machine.client.client_id;
    let (first, second, third) = (key(), key(), key());
    let kids = [first.kid.clone(), second.kid.clone(), third.kid.clone()];
    for (added, kid) in [first, second, third].into_iter().zip(&kids) {
        store.add_key(added).await;
        is_primary(store, client_id, kid, "a new key becomes primary").await;
    }
    store.deactivate_key(&kids[1]).await;
    is_primary(store, client_id, &kids[2], "deactivating another key leaves the primary one").await;
    store.deactivate_key(&kids[2]).await;
    is_primary(store, client_id, &kids[0], "when the primary key is deactivated, the newest active one takes over")
        .await;
}

/// The published keys are those whose signatures count, in the order in which verifiers will need them.
pub async fn active_keys_are_published_newest_first<S: StoreUnderTest>(store: &S) {
    let keys: [GeneratedKey; 4] = [key(), key(), key(), key()];
    let jwks: Vec<Value> = keys.iter().map(|key| parse(&key.public_jwk)).collect();
    let deactivated = keys[1].kid.clone();
    for added in keys {
        store.add_key(added).await;
    }
    store.deactivate_key(&deactivated).await;
    let rule = "the active public keys are published newest first, without deactivated ones";
    let published: Vec<Value> = answer(store.active_public_keys().await, rule).iter().map(|jwk| parse(jwk)).collect();
    assert!(published.len() >= 3, "{rule}");
    assert_eq!(published[..3], [jwks[3].clone(), jwks[2].clone(), jwks[0].clone()], "{rule}");
    assert!(!published.contains(&jwks[1]), "{rule}");
}

fn parse(jwk: &str) -> Value {
    serde_json::from_str(jwk).unwrap_or_else(|error| panic!("a public key is a JWK in JSON: {error}"))
}

async fn is_found<S: StoreUnderTest>(store: &S, kid: &str, sealed: &[u8], rule: &str) {
    let found = answer(store.signing_key(kid).await, rule);
    assert_eq!(found.map(|key| (key.kid, key.sealed)), Some((kid.to_owned(), sealed.to_owned())), "{rule}");
}

async fn is_primary<S: StoreUnderTest>(store: &S, client_id: &str, kid: &str, rule: &str) {
    let machine = answer(store.machine(client_id).await, rule);
    assert_eq!(machine.and_then(|machine| machine.primary_kid).as_deref(), Some(kid), "{rule}");
}
