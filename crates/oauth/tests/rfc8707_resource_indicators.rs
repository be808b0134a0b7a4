//! RFC 8707, resource indicators: an identifier may have other spellings, and every token names the one identifier.

use paylent_oauth::{BearerError, Config, ErrorCode, MemoryStore};

use crate::common::{API, Environment, ISSUER, OTHER_API, assert_refused, grant, keys, opaque};

const ALIAS: &str = "https://alias.example.com/api";

fn environment() -> Environment {
    let store = MemoryStore::default();
    store.add_key(keys::ours());
    let resource_aliases = vec![(ALIAS.to_owned(), API.to_owned())];
    Environment::over(store, Config { resource_aliases, ..Config::single(ISSUER) })
}

#[tokio::test]
async fn an_alias_means_the_identifier_it_stands_for() {
    let environment = environment();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        for resource in [API, ALIAS] {
            let reply = environment.token(&client, &[("resource", resource)]).await.unwrap();
            let described = environment.introspect(&client, reply.access_token.expose()).await.unwrap();
            assert_eq!(described.aud.as_deref(), Some(API), "the token names the identifier, not the alias");
        }
    }
}

#[tokio::test]
async fn a_token_is_accepted_at_every_spelling_of_its_audience() {
    let environment = environment();
    let client = environment.client(|_| {});
    let token = environment.issued_to(&client).await;
    for audience in [API, ALIAS] {
        assert_eq!(environment.engine.bearer(&token, audience).await.unwrap().audience, API);
    }
    let elsewhere = environment.engine.bearer(&token, OTHER_API).await;
    assert!(matches!(elsewhere, Err(BearerError::Invalid)));
}

#[tokio::test]
async fn an_alias_needs_the_grant_of_what_it_stands_for() {
    let environment = environment();
    let client = environment.client(|machine| machine.grants = vec![grant(OTHER_API, "a", None)]);
    assert_refused(environment.token(&client, &[("resource", ALIAS)]).await, ErrorCode::InvalidTarget);
}

#[tokio::test]
async fn an_alias_is_compared_byte_for_byte() {
    let environment = environment();
    let client = environment.client(|_| {});
    for near in ["https://alias.example.com/api/", "https://ALIAS.example.com/api", "http://alias.example.com/api"] {
        assert_refused(environment.token(&client, &[("resource", near)]).await, ErrorCode::InvalidTarget);
    }
}
