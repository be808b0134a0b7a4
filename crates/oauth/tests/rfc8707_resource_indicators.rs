//! RFC 8707, resource indicators: an identifier may have other spellings, and every token names the one identifier.

use paylent_oauth::{BearerError, Config, ErrorCode, MemoryStore};

use crate::common::{
    API, Environment, HERE, ISSUER, OTHER_API, assert_refused, grant, keys, opaque,
    people::{assert_told, jwt},
};

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
        assert_eq!(environment.engine.bearer(&token, audience, HERE).await.unwrap().audience, API);
    }
    let elsewhere = environment.engine.bearer(&token, OTHER_API, HERE).await;
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

#[tokio::test]
async fn az_resource_an_unknown_resource_is_refused() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let near =
        ["https://api.example.com/", "https://API.example.com", "/api", "https://api.example.com#f", ISSUER, OTHER_API];
    for resource in near {
        let step = environment.authorize(&person.browser, &app.request(&[("resource", resource)])).await;
        assert_told(step, ErrorCode::InvalidTarget);
    }
}

#[tokio::test]
async fn a_persons_token_is_for_the_resource_that_was_asked_for_or_for_the_issuer() {
    let environment = Environment::interactive_with(|config| {
        config.resource_aliases = vec![(ALIAS.to_owned(), API.to_owned())];
    });
    let person = environment.person();
    for format in [jwt, |_: &mut _| {}] {
        let app = environment.app(format);
        for (resource, audience, ttl) in [("", ISSUER, 3_600), (API, API, 900), (ALIAS, API, 900)] {
            let tokens = environment.tokens(&app, &person, &[("resource", resource)]).await;
            assert_eq!(tokens.expires_in, Some(ttl), "the lifetime is the resource server's");
            let described = environment.introspect(&app.registered(), tokens.access_token.expose()).await.unwrap();
            assert_eq!(described.aud.as_deref(), Some(audience));
        }
    }
    let app = environment.app(|application| application.client.access_token_ttl = Some(120));
    assert_eq!(environment.tokens(&app, &person, &[("resource", API)]).await.expires_in, Some(120));
}

#[tokio::test]
async fn rt_resource_a_token_request_cannot_name_another_resource() {
    let environment = Environment::interactive_with(|config| {
        config.resource_aliases = vec![(ALIAS.to_owned(), API.to_owned())];
    });
    let (app, person) = (environment.app(|_| {}), environment.person());
    let code = environment.code(&app, &person, &[("resource", API)]).await;
    for other in [OTHER_API, ISSUER] {
        assert_refused(environment.exchange(&app, &code, &[("resource", other)]).await, ErrorCode::InvalidTarget);
    }
    let tokens = environment.exchange(&app, &code, &[("resource", ALIAS)]).await.unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let wrong = environment.refresh(&app, refresh.expose(), &[("resource", OTHER_API)]).await;
    assert_refused(wrong, ErrorCode::InvalidTarget);
    assert!(environment.refresh(&app, refresh.expose(), &[("resource", API)]).await.is_ok(), "it was not consumed");
}
