//! RFC 9700 section 4.14.2: a refresh token is used once. Checks `rt.rotate`, `rt.race`, `rt.grace_*` and `rt.dberr`.

use std::thread;

use paylent_oauth::{
    Error,
    ErrorCode::{InvalidGrant, TemporarilyUnavailable},
    Store, TokenResponse,
    crypto::secret::SecretHash,
};

use crate::common::{
    Environment, assert_refused,
    faulty::{Fault, Faulty},
    people::{App, Person, jwt},
};

fn scene() -> (Environment, App, Person) {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    (environment, app, person)
}

fn strict() -> Environment {
    Environment::interactive_with(|config| config.refresh_grace = 0)
}

fn refresh_of(tokens: &TokenResponse) -> &str {
    tokens.refresh_token.as_ref().unwrap().expose()
}

/// Checks that nothing of a family is alive any more.
async fn assert_dead(environment: &Environment, app: &App, family: &[&TokenResponse]) {
    for tokens in family {
        assert!(!environment.is_active(&app.registered(), tokens.access_token.expose()).await);
        assert_refused(environment.refresh(app, refresh_of(tokens), &[]).await, InvalidGrant);
    }
}

#[tokio::test]
async fn rt_rotate_a_token_used_twice_kills_its_family_and_no_other() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let bystander = environment.tokens(&app, &person, &[]).await;
        let first = environment.tokens(&app, &person, &[]).await;
        let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
        environment.clock.advance_seconds(11);
        assert!(environment.is_active(&app.registered(), second.access_token.expose()).await);
        assert_refused(environment.refresh(&app, refresh_of(&first), &[]).await, InvalidGrant);
        assert_dead(&environment, &app, &[&second, &first]).await;
        assert!(environment.is_active(&app.registered(), bystander.access_token.expose()).await);
        assert!(environment.refresh(&app, refresh_of(&bystander), &[]).await.is_ok());
    }
}

#[tokio::test]
async fn rt_grace_retry_a_client_that_lost_the_answer_gets_the_same_answer() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let first = environment.tokens(&app, &person, &[]).await;
        let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
        environment.clock.advance_seconds(10);
        let again = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&second).unwrap());
        let third = environment.refresh(&app, refresh_of(&again), &[]).await.unwrap();
        assert!(environment.is_active(&app.registered(), third.access_token.expose()).await);
    }
}

#[tokio::test]
async fn rt_grace_retry_after_the_successor_was_used_time_does_not_matter() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    let third = environment.refresh(&app, refresh_of(&second), &[]).await.unwrap();
    assert_refused(environment.refresh(&app, refresh_of(&first), &[]).await, InvalidGrant);
    assert_dead(&environment, &app, &[&first, &second, &third]).await;
}

#[tokio::test]
async fn a_retry_with_other_parameters_is_no_retry() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[("scope", "openid profile")]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    let other = environment.refresh(&app, refresh_of(&first), &[("scope", "openid")]).await;
    assert_refused(other, InvalidGrant);
    assert_dead(&environment, &app, &[&second]).await;
}

#[tokio::test]
async fn a_retry_by_somebody_else_is_refused_and_changes_nothing() {
    let (environment, app, person) = scene();
    let stranger = environment.app(|_| {});
    let first = environment.tokens(&app, &person, &[]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    environment.clock.advance_seconds(60);
    assert_refused(environment.refresh(&stranger, refresh_of(&first), &[]).await, InvalidGrant);
    let unproven = environment.refresh(&app, refresh_of(&first), &[("client_secret", "wrong")]).await;
    assert!(unproven.is_err());
    assert!(environment.is_active(&app.registered(), second.access_token.expose()).await);
}

#[tokio::test]
async fn rt_grace_dead_a_revoked_family_answers_no_retry() {
    let (environment, app, person) = scene();
    for by_logout in [false, true] {
        let first = environment.tokens(&app, &person, &[]).await;
        let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
        match by_logout {
            true => drop(environment.engine.end_session(person.browser.session.as_ref().unwrap().session_id).await),
            false => environment.revoke(&app.registered(), refresh_of(&second)).await.unwrap(),
        }
        assert_refused(environment.refresh(&app, refresh_of(&first), &[]).await, InvalidGrant);
    }
}

#[tokio::test]
async fn without_a_grace_window_every_second_use_is_a_replay() {
    let environment = strict();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let first = environment.tokens(&app, &person, &[]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    assert_refused(environment.refresh(&app, refresh_of(&first), &[]).await, InvalidGrant);
    assert_dead(&environment, &app, &[&second]).await;
}

#[tokio::test]
async fn rt_restart_a_replay_is_seen_by_a_node_that_knows_nothing() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    let restarted = environment.interactively_behind(environment.store.clone());
    let again = restarted.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    assert_eq!(refresh_of(&again), refresh_of(&second), "what a retry needs is in the store too");
    environment.clock.advance_seconds(11);
    assert_refused(restarted.refresh(&app, refresh_of(&first), &[]).await, InvalidGrant);
    assert_dead(&environment, &app, &[&second]).await;
}

#[tokio::test]
async fn the_kept_answer_cannot_be_read_from_the_store() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[]).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    let stored = environment.store.refresh_token(&SecretHash::of(refresh_of(&first))).await.unwrap().unwrap();
    let kept = stored.consumed.unwrap().response;
    for token in [refresh_of(&second), second.access_token.expose()] {
        assert!(!kept.windows(20).any(|window| window == &token.as_bytes()[..20]));
    }
}

fn at_once(environment: &Environment, app: &App, token: &str) -> Vec<Result<TokenResponse, Error>> {
    thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(environment.refresh(app, token, &[]))
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[tokio::test]
async fn rt_race_with_a_grace_window_all_get_the_same_successor() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[]).await;
    let answers: Vec<_> = at_once(&environment, &app, refresh_of(&first)).into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| refresh_of(answer) == refresh_of(&answers[0])), "there is one leaf");
    assert!(environment.refresh(&app, refresh_of(&answers[0]), &[]).await.is_ok());
}

#[tokio::test]
async fn rt_race_without_a_grace_window_one_succeeds() {
    let environment = strict();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let first = environment.tokens(&app, &person, &[]).await;
    let answers = at_once(&environment, &app, refresh_of(&first));
    let won: Vec<&TokenResponse> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(won.len(), 1);
    assert_dead(&environment, &app, &won).await;
}

#[tokio::test]
async fn rt_race_a_request_that_comes_second_at_the_store_sees_what_the_first_one_did() {
    let (environment, app, person) = scene();
    let first = environment.tokens(&app, &person, &[]).await;
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    let slower = environment.interactively_behind(&store);
    store.remember_refresh_token(refresh_of(&first)).await;
    let second = environment.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    let again = slower.refresh(&app, refresh_of(&first), &[]).await.unwrap();
    assert_eq!(refresh_of(&again), refresh_of(&second));
    store.remember_refresh_token(refresh_of(&second)).await;
    environment.revoke(&app.registered(), refresh_of(&second)).await.unwrap();
    assert_refused(slower.refresh(&app, refresh_of(&second), &[]).await, InvalidGrant);
    assert_eq!(store.writes(), 2, "rt_vs_revoke: the store refuses to keep a revoked family alive");
}

#[tokio::test]
async fn rt_dberr_when_the_store_fails_no_token_is_lost() {
    for format in [|_: &mut _| {}, jwt] {
        let environment = Environment::interactive();
        let (app, person) = (environment.app(format), environment.person());
        let mut token = refresh_of(&environment.tokens(&app, &person, &[]).await).to_owned();
        for fault in [Fault::BeforeTheWork, Fault::AfterTheWork] {
            let mut failing = 1;
            loop {
                let store = Faulty::at(failing, fault, environment.store.clone());
                let result = environment.interactively_behind(&store).refresh(&app, &token, &[]).await;
                if !store.has_failed() {
                    token = refresh_of(&result.unwrap()).to_owned();
                    break;
                }
                assert_refused(result, TemporarilyUnavailable);
                token = refresh_of(&environment.refresh(&app, &token, &[]).await.unwrap()).to_owned();
                failing += 1;
            }
            assert!(failing > 2, "a read, a key and a write");
        }
    }
}

#[tokio::test]
async fn a_refresh_is_one_read_and_one_write() {
    let (environment, app, person) = scene();
    let tokens = environment.tokens(&app, &person, &[("scope", "profile")]).await;
    let store = Faulty::at(0, Fault::BeforeTheWork, environment.store.clone());
    environment.interactively_behind(&store).refresh(&app, refresh_of(&tokens), &[]).await.unwrap();
    assert_eq!((store.calls(), store.writes()), (2, 1));
}
