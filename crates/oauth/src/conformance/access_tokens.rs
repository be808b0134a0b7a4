//! `save_access_token`, `access_token`, `delete_access_token`: opaque tokens, known by their hash.

use paylent_crypto::secret::SecretHash;
use paylent_domain::Timestamp;

use super::{
    StoreUnderTest,
    fixtures::{answer, machine, random, scopes, token},
};
use crate::store::OpaqueToken;

/// A hash that no token has is `None` and no failure.
pub async fn an_unknown_token_is_none<S: StoreUnderTest>(store: &S) {
    for hash in [random(), [0; 32], [0xff; 32]] {
        is_unknown(store, &SecretHash::from_bytes(hash), "a hash that no token has is None").await;
    }
}

/// What was saved is what is read, with times to the microsecond.
pub async fn a_token_comes_back_with_every_field<S: StoreUnderTest>(store: &S) {
    let mut machine = machine();
    machine.client.generation = 3;
    machine.user.iter_mut().for_each(|user| user.generation = 1 << 40);
    store.put_machine(machine.clone()).await;
    let token = token(&machine);
    save(store, &token).await;
    is_known(store, &token, "a token comes back with every field").await;
}

/// `expires_at: None` means never; a token for the issuer itself has no resource server and no scopes.
pub async fn a_token_may_never_expire_and_have_no_scopes<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    let issuer = "https://id.example.com".to_owned();
    let token = OpaqueToken { audience: issuer, scopes: scopes(&[]), expires_at: None, ..token(&machine) };
    save(store, &token).await;
    is_known(store, &token, "a token may never expire, have no scopes, and be for the issuer itself").await;
}

/// The engine has the clock, not the store.
pub async fn an_expired_token_is_still_returned<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    let (issued_at, expires_at) = (Timestamp::from_seconds(1), Some(Timestamp::from_seconds(61)));
    let token = OpaqueToken { issued_at, expires_at, ..token(&machine) };
    save(store, &token).await;
    is_known(store, &token, "an expired token is still returned").await;
}

/// Deleting takes effect when it resolves, and only for the token it names.
pub async fn a_deleted_token_is_unknown_and_others_stay<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    let (deleted, other) = (token(&machine), token(&machine));
    save(store, &deleted).await;
    save(store, &other).await;
    answer(store.delete_access_token(&deleted.hash).await, "a token can be deleted");
    is_unknown(store, &deleted.hash, "a deleted token is unknown").await;
    is_known(store, &other, "the other tokens of the client stay").await;
}

/// A client may repeat a revocation whose answer it lost.
pub async fn deleting_twice_is_as_good_as_once<S: StoreUnderTest>(store: &S) {
    let machine = machine();
    store.put_machine(machine.clone()).await;
    let token = token(&machine);
    save(store, &token).await;
    for _ in 0..2 {
        answer(store.delete_access_token(&token.hash).await, "a deleted or unknown token can be deleted again");
        is_unknown(store, &token.hash, "a token deleted twice is unknown").await;
    }
}

async fn save<S: StoreUnderTest>(store: &S, token: &OpaqueToken) {
    answer(store.save_access_token(token.clone()).await, "a token can be saved");
}

async fn is_known<S: StoreUnderTest>(store: &S, token: &OpaqueToken, rule: &str) {
    let read = answer(store.access_token(&token.hash).await, rule);
    assert_eq!(read.map(|(token, _)| token).as_ref(), Some(token), "{rule}");
}

async fn is_unknown<S: StoreUnderTest>(store: &S, hash: &SecretHash, rule: &str) {
    assert!(answer(store.access_token(hash).await, rule).is_none(), "{rule}");
}
