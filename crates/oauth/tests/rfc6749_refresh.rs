//! RFC 6749 section 6: a refresh token gets new tokens, never more than was granted. Checks `rt.*` but rotation.

use paylent_domain::client::GrantType;
use paylent_oauth::{
    Config,
    ErrorCode::{InvalidClient, InvalidGrant, InvalidRequest, InvalidScope, UnauthorizedClient},
    Store,
    crypto::secret::{SecretHash, SecretKind},
    store::ResourceServer,
};

use crate::common::{
    API, Environment, HERE, ISSUER, assert_refused,
    people::{App, Person, api, jwt, public},
};

const READ_WRITE: [(&str, &str); 2] = [("scope", "openid documents:read documents:write"), ("resource", API)];

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

/// The refresh token that the client gets.
async fn refresh_token(environment: &Environment, app: &App, person: &Person) -> String {
    let tokens = environment.tokens(app, person, &READ_WRITE).await;
    tokens.refresh_token.unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_refresh_gets_tokens_of_the_same_worth() {
    for change in [|_: &mut _| {}, jwt, public] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(change), environment.person());
        let first = refresh_token(&environment, &app, &person).await;
        environment.clock.advance_seconds(10_000);
        let tokens = environment.refresh(&app, &first, &[]).await.unwrap();
        assert_eq!(tokens.scope.as_deref(), Some("documents:read documents:write openid"));
        assert_eq!(tokens.expires_in, Some(900));
        let live = environment.engine.bearer(tokens.access_token.expose(), API, HERE).await.unwrap();
        assert_eq!((live.user_id, live.client_id.as_str()), (person.subject.id, app.id()));
        assert!(tokens.id_token.is_some());
        assert_eq!(SecretKind::of(tokens.refresh_token.unwrap().expose()), Some(SecretKind::RefreshToken));
    }
}

#[tokio::test]
async fn rt_scope_fewer_scopes_may_be_asked_for_and_the_grant_stays() {
    let (environment, app, person) = scene();
    let first = refresh_token(&environment, &app, &person).await;
    for wider in ["documents:read email", "unknown", "a\"b", "openid documents:read documents:write profile"] {
        assert_refused(environment.refresh(&app, &first, &[("scope", wider)]).await, InvalidScope);
    }
    let narrow = environment.refresh(&app, &first, &[("scope", "documents:read")]).await.unwrap();
    assert_eq!(narrow.scope.as_deref(), Some("documents:read"));
    let described = environment.introspect(&app.registered(), narrow.access_token.expose()).await.unwrap();
    assert_eq!(described.scope.as_deref(), Some("documents:read"));
    let full = environment.refresh(&app, narrow.refresh_token.unwrap().expose(), &[]).await.unwrap();
    assert_eq!(full.scope.as_deref(), Some("documents:read documents:write openid"));
}

#[tokio::test]
async fn rt_scope_a_narrower_request_narrows_the_id_token() {
    let environment = Environment::interactive();
    let app = environment.app(|application| application.client.id_token_claims = true);
    let person = environment.person();
    let whole = environment.tokens(&app, &person, &[("scope", "openid profile email")]).await;
    let mut token = whole.refresh_token.unwrap().expose().to_owned();
    for (scope, given) in [
        ("openid", Some([false, false])),
        ("openid email", Some([false, true])),
        ("profile", None),
        ("openid profile email", Some([true, true])),
    ] {
        let tokens = environment.refresh(&app, &token, &[("scope", scope)]).await.unwrap();
        let claims = match &tokens.id_token {
            Some(id_token) => Some(environment.claims(id_token.expose()).await.1),
            None => None,
        };
        let told = claims.map(|claims| ["name", "email"].map(|name| claims.get(name).is_some()));
        assert_eq!(told, given, "{scope}");
        token = tokens.refresh_token.unwrap().expose().to_owned();
    }
}

#[tokio::test]
async fn a_scope_or_an_api_that_is_gone_is_granted_no_longer() {
    let (environment, mut app, person) = scene();
    let first = refresh_token(&environment, &app, &person).await;
    environment.change_app(&mut app, |application| {
        application.resource = Some(ResourceServer { scopes: api().scopes.into_iter().take(1).collect(), ..api() });
    });
    let tokens = environment.refresh(&app, &first, &[]).await.unwrap();
    assert_eq!(tokens.scope.as_deref(), Some("documents:read openid"));
    let second = tokens.refresh_token.unwrap();
    environment.store.remove_resource_server(API);
    assert_refused(environment.refresh(&app, second.expose(), &[]).await, InvalidGrant);
}

#[tokio::test]
async fn rt_client_a_token_is_good_for_its_own_client_only() {
    let (environment, app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    for stranger in [environment.app(|_| {}), environment.public_app()] {
        assert_refused(environment.refresh(&stranger, &token, &[]).await, InvalidGrant);
    }
    assert_refused(environment.refresh(&app, &token, &[("client_secret", "wrong")]).await, InvalidClient);
    assert_refused(environment.refresh(&app, &token, &[("client_secret", "")]).await, InvalidClient);
    assert!(environment.refresh(&app, &token, &[]).await.is_ok());
}

#[tokio::test]
async fn what_is_no_refresh_token_gets_nothing() {
    let (environment, app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    assert_refused(environment.refresh(&app, "", &[]).await, InvalidRequest);
    let others =
        ["x".to_owned(), format!("{token}x"), token[..token.len() - 1].to_owned(), token.replace("pay_rt_", "pay_at_")];
    for other in others {
        assert_refused(environment.refresh(&app, &other, &[]).await, InvalidGrant);
    }
}

#[tokio::test]
async fn rt_no_grant_and_no_offline_access_there_is_no_refresh_token() {
    let environment = Environment::interactive();
    let person = environment.person();
    let app = environment.app(|application| application.client.grant_types = vec![GrantType::AuthorizationCode]);
    assert!(environment.tokens(&app, &person, &READ_WRITE).await.refresh_token.is_none());
    let mut online = environment.app(|application| {
        application.resource = Some(ResourceServer { allow_offline_access: false, ..api() });
    });
    assert!(environment.tokens(&online, &person, &READ_WRITE).await.refresh_token.is_none());
    let for_the_issuer = environment.tokens(&online, &person, &[]).await.refresh_token;
    assert!(for_the_issuer.is_some(), "only that API forbids it");
    environment.change_app(&mut online, |application| application.resource = Some(api()));
    let token = refresh_token(&environment, &online, &person).await;
    environment.change_app(&mut online, |application| {
        application.resource = Some(ResourceServer { allow_offline_access: false, ..api() });
    });
    assert_refused(environment.refresh(&online, &token, &[]).await, InvalidGrant);
    environment.change_app(&mut online, |application| {
        application.resource = Some(api());
        application.client.grant_types = vec![GrantType::AuthorizationCode];
    });
    assert_refused(environment.refresh(&online, &token, &[]).await, UnauthorizedClient);
}

#[tokio::test]
async fn rt_abs_an_unused_token_dies_and_use_keeps_it_alive() {
    let (environment, app, person) = scene();
    let (unused, mut token) =
        (refresh_token(&environment, &app, &person).await, refresh_token(&environment, &app, &person).await);
    let days = |days: i64| days * 24 * 3_600;
    for _ in 0..3 {
        environment.clock.advance_seconds(days(90) - 1);
        token = environment.refresh(&app, &token, &[]).await.unwrap().refresh_token.unwrap().expose().to_owned();
    }
    assert_refused(environment.refresh(&app, &unused, &[]).await, InvalidGrant);
    environment.clock.advance_seconds(days(90));
    assert_refused(environment.refresh(&app, &token, &[]).await, InvalidGrant);
}

#[tokio::test]
async fn rt_abs_rotation_does_not_extend_an_absolute_lifetime() {
    let environment = Environment::interactive_with(|config| {
        config.refresh_ttl = 100;
        config.refresh_absolute_ttl = Some(150);
    });
    let (app, person) = (environment.app(|_| {}), environment.person());
    let first = refresh_token(&environment, &app, &person).await;
    environment.clock.advance_seconds(99);
    let second = environment.refresh(&app, &first, &[]).await.unwrap().refresh_token.unwrap();
    let stored = environment.store.refresh_token(&SecretHash::of(second.expose())).await.unwrap().unwrap();
    assert_eq!(stored.token.expires_at, stored.family.created_at.plus_seconds(150));
    environment.clock.advance_seconds(50);
    let third = environment.refresh(&app, second.expose(), &[]).await.unwrap().refresh_token.unwrap();
    environment.clock.advance_seconds(1);
    assert_refused(environment.refresh(&app, third.expose(), &[]).await, InvalidGrant);
}

#[tokio::test]
async fn rt_abs_a_limit_set_later_holds_for_tokens_issued_before() {
    let (environment, app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    let config = Config { interactive: true, refresh_absolute_ttl: Some(150), ..Config::single(ISSUER) };
    let stricter = environment.with_config(config);
    environment.clock.advance_seconds(150);
    assert_refused(stricter.refresh(&app, &token, &[]).await, InvalidGrant);
    assert!(environment.refresh(&app, &token, &[]).await.is_ok());
}

#[tokio::test]
async fn rt_events_a_refresh_token_dies_with_what_it_depends_on() {
    type Death = fn(&Environment, &mut App, &mut Person);
    let deaths: [Death; 5] = [
        |environment, _, person| environment.change_person(person, |subject| subject.active = false),
        |environment, _, person| environment.change_person(person, |subject| subject.generation += 1),
        |environment, app, _| environment.change_app(app, |application| application.client.generation += 1),
        |environment, app, person| environment.store.withdraw_consent(person.subject.id, app.id()),
        |environment, _, _| {
            environment.store.set_not_before(paylent_domain::Clock::now(&*environment.clock).plus_seconds(1));
        },
    ];
    for death in deaths {
        let (environment, mut app, mut person) = scene();
        let tokens = environment.tokens(&app, &person, &[]).await;
        let token = tokens.refresh_token.unwrap();
        death(&environment, &mut app, &mut person);
        assert_refused(environment.refresh(&app, token.expose(), &[]).await, InvalidGrant);
        assert!(!environment.is_active(&app.registered(), tokens.access_token.expose()).await);
    }
    let (environment, mut app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    environment.change_app(&mut app, |application| application.client.active = false);
    assert_refused(environment.refresh(&app, &token, &[]).await, InvalidClient);
}

#[tokio::test]
async fn a_refresh_token_outlives_a_session_that_runs_out() {
    let (environment, app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    environment.clock.advance_seconds(31 * 86_400);
    assert!(environment.refresh(&app, &token, &[]).await.is_ok());
}

#[tokio::test]
async fn rt_as_bearer_a_refresh_token_opens_no_door() {
    let (environment, app, person) = scene();
    let token = refresh_token(&environment, &app, &person).await;
    assert!(environment.presented(&token).await.is_none());
    assert!(!environment.is_active(&app.registered(), &token).await);
}
