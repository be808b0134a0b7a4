//! RFC 6749 section 4.1: the code grant. Checks `cd.*`.

use paylent_domain::client::GrantType;
use paylent_oauth::{
    Config, Decision,
    ErrorCode::{
        InvalidClient, InvalidGrant, InvalidRequest, TemporarilyUnavailable, UnauthorizedClient, UnsupportedGrantType,
    },
    LoginReason, Step, Store,
    crypto::secret::{SecretHash, SecretKind},
};

use crate::common::{
    API, Environment, HERE, ISSUER, assert_refused,
    faulty::{Fault, Faulty},
    people::{App, Person, jwt, nobody_at, parameter, returned, scopes},
};

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

#[tokio::test]
async fn a_person_signs_in_consents_and_the_client_gets_tokens() {
    let environment = Environment::interactive();
    let (app, mut person) = (environment.app(|_| {}), environment.person());
    let request = app.request(&[("scope", "openid documents:read"), ("resource", API)]);
    let Step::Login(login) = environment.authorize(&nobody_at(&person), &request).await.unwrap() else { panic!() };
    assert_eq!((login.client.name.as_str(), login.reason), ("Documents", LoginReason::NotSignedIn));
    environment.clock.advance_seconds(20);
    environment.sign_in(&mut person, 0);
    let Step::Consent(consent) = environment.engine.resume(&login.handle, &person.browser).await.unwrap() else {
        panic!()
    };
    assert_eq!((consent.client.redirect_host.as_str(), consent.audience.as_str()), ("app.example.com", API));
    let shown: Vec<_> =
        consent.scopes.iter().map(|s| (s.name.as_str(), s.description.as_deref(), s.optional, s.new)).collect();
    let read = ("documents:read", Some("Read your documents"), true, true);
    assert_eq!(shown, [("openid", Some("Know who you are"), false, true), read]);
    let decision = Decision::Approve(scopes("documents:read"));
    let answer = returned(environment.engine.decide(&consent.handle, &person.browser, decision).await);
    let tokens = environment.exchange(&app, parameter(&answer, "code").unwrap(), &[]).await.unwrap();
    assert_eq!((tokens.token_type, tokens.expires_in), ("Bearer", Some(900)));
    assert_eq!(tokens.scope.as_deref(), Some("documents:read openid"));
    assert_eq!(SecretKind::of(tokens.refresh_token.unwrap().expose()), Some(SecretKind::RefreshToken));
    let live = environment.engine.bearer(tokens.access_token.expose(), API, HERE).await.unwrap();
    assert_eq!((live.user_id, live.client_id.as_str()), (person.subject.id, app.id()));
}

#[tokio::test]
async fn without_pages_there_are_no_codes_to_exchange() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let code = environment.code(&app, &person, &[]).await;
    let machines_only = environment.with_config(Config::single(ISSUER));
    assert_refused(machines_only.exchange(&app, &code, &[]).await, UnsupportedGrantType);
}

#[tokio::test]
async fn cd_replay_valid_a_second_use_kills_what_the_first_one_got() {
    for change in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(change), environment.person());
        let code = environment.code(&app, &person, &[]).await;
        let tokens = environment.exchange(&app, &code, &[]).await.unwrap();
        assert!(environment.is_active(&app.registered(), tokens.access_token.expose()).await);
        assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
        assert!(!environment.is_active(&app.registered(), tokens.access_token.expose()).await);
        let refresh = tokens.refresh_token.unwrap();
        assert_refused(environment.refresh(&app, refresh.expose(), &[]).await, InvalidGrant);
        environment.clock.advance_seconds(600);
        assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
    }
}

#[tokio::test]
async fn cd_replay_invalid_a_second_use_by_somebody_else_changes_nothing() {
    let (environment, app, person) = scene();
    let stranger = environment.app(|_| {});
    let code = environment.code(&app, &person, &[]).await;
    let tokens = environment.exchange(&app, &code, &[]).await.unwrap();
    assert_refused(environment.exchange(&app, &code, &[("client_secret", "wrong")]).await, InvalidClient);
    for change in
        [("code_verifier", "x".repeat(43)), ("code_verifier", String::new()), ("redirect_uri", "x".to_owned())]
    {
        assert_refused(environment.exchange(&app, &code, &[(change.0, &change.1)]).await, InvalidGrant);
    }
    assert_refused(environment.exchange(&stranger, &code, &[]).await, InvalidGrant);
    assert!(environment.is_active(&app.registered(), tokens.access_token.expose()).await);
}

#[tokio::test]
async fn cd_race_of_many_exchanges_at_once_one_succeeds_and_dies() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    let won: Vec<_> = std::thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(environment.exchange(&app, &code, &[]))
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter_map(Result::ok).collect()
    });
    assert_eq!(won.len(), 1);
    assert!(!environment.is_active(&app.registered(), won[0].access_token.expose()).await, "the others were replays");
}

#[tokio::test]
async fn cd_race_a_request_that_comes_second_at_the_store_is_a_replay() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    store.remember_code(&code).await;
    let first = environment.exchange(&app, &code, &[]).await.unwrap();
    let second = environment.interactively_behind(&store);
    assert_refused(second.exchange(&app, &code, &[]).await, InvalidGrant);
    assert!(!environment.is_active(&app.registered(), first.access_token.expose()).await);
    let code = environment.code(&app, &person, &[]).await;
    store.remember_code(&code).await;
    environment.store.withdraw_consent(person.subject.id, app.id());
    assert_refused(second.exchange(&app, &code, &[]).await, InvalidGrant);
}

#[tokio::test]
async fn cd_expired_a_code_lives_for_a_minute_unless_configured() {
    for (configured, lifetime) in [(None, 60), (Some(600), 600)] {
        let environment =
            Environment::interactive_with(|config| config.code_ttl = configured.unwrap_or(config.code_ttl));
        let (app, person) = (environment.app(|_| {}), environment.person());
        let (early, late) = (environment.code(&app, &person, &[]).await, environment.code(&app, &person, &[]).await);
        environment.clock.advance_seconds(lifetime - 1);
        assert!(environment.exchange(&app, &early, &[]).await.is_ok());
        environment.clock.advance_seconds(1);
        assert_refused(environment.exchange(&app, &late, &[]).await, InvalidGrant);
    }
}

#[tokio::test]
async fn cd_wrong_client_a_code_is_good_for_its_own_client_only() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    for stranger in [environment.app(|_| {}), environment.public_app()] {
        assert_refused(environment.exchange(&stranger, &code, &[]).await, InvalidGrant);
    }
    assert_refused(environment.exchange(&app, &code, &[("client_id", "unknown")]).await, InvalidClient);
    assert!(environment.exchange(&app, &code, &[]).await.is_ok());
}

#[tokio::test]
async fn cd_type_and_cd_mutate_what_is_not_the_code_is_no_code() {
    let (environment, app, person) = scene();
    let tokens = environment.tokens(&app, &person, &[]).await;
    let code = environment.code(&app, &person, &[]).await;
    let refresh = tokens.refresh_token.unwrap();
    let shorter = &code[..code.len() - 1];
    let others = [
        refresh.expose(),
        tokens.access_token.expose(),
        shorter,
        "x",
        &format!("{code}x"),
        &format!("{code}="),
        &format!("{code} "),
        &code.to_uppercase(),
        &code.replace("pay_ac_", "pay_rt_"),
    ]
    .map(str::to_owned);
    for other in others {
        assert_refused(environment.exchange(&app, &other, &[]).await, InvalidGrant);
    }
    assert_refused(environment.refresh(&app, &code, &[]).await, InvalidGrant);
    assert!(environment.presented(&code).await.is_none());
    assert_refused(environment.exchange(&app, "", &[]).await, InvalidRequest);
    assert!(environment.exchange(&app, &code, &[]).await.is_ok());
}

#[tokio::test]
async fn cd_dead_user_a_code_dies_with_what_it_depends_on() {
    let environment = Environment::interactive();
    let deaths: [fn(&Environment, &mut App, &mut Person); 7] = [
        |environment, _, person| environment.change_person(person, |subject| subject.active = false),
        |environment, _, person| environment.change_person(person, |subject| subject.generation += 1),
        |environment, app, _| environment.change_app(app, |application| application.client.generation += 1),
        |environment, app, person| environment.store.withdraw_consent(person.subject.id, app.id()),
        |environment, _, person| {
            let session = person.browser.session.as_ref().unwrap();
            environment.store.put_session(session.session_id, session.user_id, now(environment));
        },
        |environment, _, _| environment.store.remove_resource_server(API),
        |environment, _, _| environment.store.set_not_before(now(environment).plus_seconds(1)),
    ];
    for (index, death) in deaths.into_iter().enumerate() {
        let (mut app, mut person) = (environment.app(|_| {}), environment.person());
        let code = environment.code(&app, &person, &[("resource", API)]).await;
        death(&environment, &mut app, &mut person);
        assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
        let stored = environment.store.code(&SecretHash::of(&code)).await.unwrap();
        assert!(stored.is_none_or(|stored| stored.family_id.is_none()), "death {index}: the code is not consumed");
    }
}

fn now(environment: &Environment) -> paylent_domain::Timestamp {
    paylent_domain::Clock::now(&*environment.clock)
}

#[tokio::test]
async fn cd_dead_user_a_code_dies_with_its_session() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    environment.engine.end_session(person.browser.session.as_ref().unwrap().session_id).await.unwrap();
    assert_refused(environment.exchange(&app, &code, &[]).await, InvalidGrant);
}

#[tokio::test]
async fn cd_grant_removed_a_client_that_lost_the_grant_is_refused() {
    let (environment, mut app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    environment.change_app(&mut app, |application| application.client.grant_types = vec![GrantType::RefreshToken]);
    assert_refused(environment.exchange(&app, &code, &[]).await, UnauthorizedClient);
    environment.change_app(&mut app, |application| application.client.active = false);
    assert_refused(environment.exchange(&app, &code, &[]).await, InvalidClient);
}

#[tokio::test]
async fn cd_db_error_no_token_leaves_when_the_store_fails() {
    for change in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(change), environment.person());
        let mut failing = 1;
        loop {
            let code = environment.code(&app, &person, &[]).await;
            let store = Faulty::at(failing, Fault::BeforeTheWork, environment.store.clone());
            let attempt = environment.interactively_behind(&store);
            let result = attempt.exchange(&app, &code, &[]).await;
            if !store.has_failed() {
                assert!(result.is_ok() && failing > 2);
                break;
            }
            assert_refused(result, TemporarilyUnavailable);
            assert_eq!(store.writes(), 0);
            assert!(environment.exchange(&app, &code, &[]).await.is_ok(), "the code was not consumed");
            failing += 1;
        }
    }
}

#[tokio::test]
async fn an_exchange_is_one_read_and_one_write() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[("scope", "profile")]).await;
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    environment.interactively_behind(&store).exchange(&app, &code, &[]).await.unwrap();
    assert_eq!((store.calls(), store.writes()), (2, 1), "an opaque token needs no key");
}

#[tokio::test]
async fn cd_hash_the_code_is_kept_as_its_hash() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[]).await;
    assert_eq!(SecretKind::of(&code), Some(SecretKind::AuthorizationCode));
    let stored = environment.store.code(&SecretHash::of(&code)).await.unwrap().unwrap();
    assert!(!format!("{stored:?}").contains(&code[10..]));
}

#[tokio::test]
async fn te_query_split_what_the_authorization_request_carried_is_not_asked_again() {
    let (environment, app, person) = scene();
    let code = environment.code(&app, &person, &[("scope", "openid profile")]).await;
    let tokens = environment.exchange(&app, &code, &[("scope", "openid profile email")]).await.unwrap();
    assert_eq!(tokens.scope.as_deref(), Some("openid profile"), "the scope of a code cannot be changed");
}
