//! The store fails, at every call in turn: the client learns that it may try again, and gets nothing it should not have.

use paylent_oauth::{
    AuthorizeError, BearerError, Error, ErrorCode::TemporarilyUnavailable, MemoryStore, UserInfoError,
};

use crate::common::{
    API, Environment, HERE, assert_refused,
    faulty::{
        Fault::{self, AfterTheWork, BeforeTheWork},
        Faulty,
    },
    form, opaque,
    people::jwt,
};

type Attempt<'a> = Environment<&'a Faulty<MemoryStore>>;

/// Runs an operation with each of its calls failing in turn, and returns how many calls it makes. It must answer 503
/// every time, and have written nothing when the failing call did nothing.
async fn fails_cleanly<T>(
    environment: &Environment,
    fault: Fault,
    operation: impl AsyncFn(&Attempt<'_>) -> Result<T, Error>,
) -> usize {
    let mut failing = 1;
    loop {
        let store = Faulty::at(failing, fault, environment.store.clone());
        let result = operation(&environment.behind(&store)).await;
        if !store.has_failed() {
            assert!(result.is_ok(), "no call failed, and the operation did");
            return failing - 1;
        }
        assert_refused(result, TemporarilyUnavailable);
        assert!(fault == AfterTheWork || store.writes() == 0, "call {failing} failed and something was written");
        failing += 1;
    }
}

#[tokio::test]
async fn a_token_request_gets_no_token_when_the_store_fails() {
    let environment = Environment::new();
    for (change, calls) in [(None, 2), (Some(opaque as fn(&mut _)), 2)] {
        let client = environment.client(change.unwrap_or(|_| {}));
        for fault in [BeforeTheWork, AfterTheWork] {
            let asked = fails_cleanly(&environment, fault, async |attempt| attempt.token(&client, &[]).await).await;
            assert_eq!(asked, calls, "the client, then the key or the token");
        }
    }
}

#[tokio::test]
async fn introspection_says_nothing_about_a_token_when_the_store_fails() {
    let environment = Environment::new();
    for (change, calls) in [(None, 3), (Some(opaque as fn(&mut _)), 2)] {
        let client = environment.client(change.unwrap_or(|_| {}));
        let token = environment.issued_to(&client).await;
        let asked = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
            let described = attempt.introspect(&client, &token).await?;
            assert!(described.active, "a live token is never called dead");
            Ok(described)
        });
        assert_eq!(asked.await, calls);
    }
}

#[tokio::test]
async fn another_clients_token_is_neither_shown_nor_called_dead_when_the_store_fails() {
    let environment = Environment::new();
    let resource_server = environment.client(|_| {});
    environment.store.set_introspection_clients(API, &[resource_server.id()]);
    for (change, calls) in [(None, 3), (Some(opaque as fn(&mut _)), 2)] {
        let owner = environment.client(change.unwrap_or(|_| {}));
        let token = environment.issued_to(&owner).await;
        let asked = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
            let described = attempt.introspect(&resource_server, &token).await?;
            assert!(described.active, "a live token is never called dead");
            Ok(described)
        });
        assert_eq!(asked.await, calls + 1, "what the owner's question takes, and the right");
        environment.revoke(&owner, &token).await.unwrap();
        let asked = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
            attempt.introspect(&resource_server, &token).await
        });
        assert_eq!(asked.await, calls, "nobody's right matters for a dead token");
    }
}

#[tokio::test]
async fn a_presented_token_is_neither_good_nor_bad_when_the_store_fails() {
    let environment = Environment::new();
    for (change, calls) in [(None, 2), (Some(opaque as fn(&mut _)), 1)] {
        let client = environment.client(change.unwrap_or(|_| {}));
        let token = environment.issued_to(&client).await;
        let asked = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
            attempt.engine.bearer(&token, API, HERE).await.map_err(|error| match error {
                BearerError::Failed(error) => error,
                other => panic!("{other}: a failure is not the caller's fault"),
            })
        });
        assert_eq!(asked.await, calls);
    }
}

#[tokio::test]
async fn keys_are_not_published_when_the_store_fails() {
    let environment = Environment::new();
    let calls = fails_cleanly(&environment, BeforeTheWork, async |attempt| attempt.engine.jwks().await).await;
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn rv_dberr_revocation_never_says_yes_to_a_token_that_may_be_alive() {
    for change in [|_: &mut _| {}, opaque] {
        let environment = Environment::new();
        let client = environment.client(change);
        for fault in [BeforeTheWork, AfterTheWork] {
            let token = environment.issued_to(&client).await;
            let calls = fails_cleanly(&environment, fault, async |attempt| {
                let revoked = attempt.revoke(&client, &token).await;
                if revoked.is_err() && fault == BeforeTheWork {
                    assert!(environment.is_active(&client, &token).await, "refused, and nothing done");
                }
                revoked
            });
            assert!(calls.await >= 3, "the client, the token, the write");
            assert!(!environment.is_active(&client, &token).await, "the last attempt succeeded");
        }
    }
}

#[tokio::test]
async fn a_revocation_whose_answer_was_lost_may_be_repeated() {
    for (change, write) in [(None, 4), (Some(opaque as fn(&mut _)), 3)] {
        let environment = Environment::new();
        let client = environment.client(change.unwrap_or(|_| {}));
        let token = environment.issued_to(&client).await;
        let store = Faulty::at(write, AfterTheWork, environment.store.clone());
        let attempt = environment.behind(&store);
        assert_refused(attempt.revoke(&client, &token).await, TemporarilyUnavailable);
        assert_eq!(store.writes(), 1, "the write was the call that failed");
        environment.revoke(&client, &token).await.unwrap();
        assert!(!environment.is_active(&client, &token).await);
    }
}

#[tokio::test]
async fn userinfo_says_nothing_when_the_store_fails() {
    let environment = Environment::interactive();
    let person = environment.person();
    for (change, calls) in [(jwt as fn(&mut _), 3), (|_: &mut _| {}, 2)] {
        let app = environment.app(change);
        let token = environment.tokens(&app, &person, &[]).await.access_token;
        let asked = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
            attempt.engine.userinfo(token.expose(), HERE).await.map_err(|error| match error {
                UserInfoError::Bearer(BearerError::Failed(error)) => error,
                other => panic!("{other}: a failure is not the caller's fault"),
            })
        });
        assert_eq!(asked.await, calls, "the key, the token, the profile");
    }
}

#[tokio::test]
async fn rv_dberr_a_refresh_token_is_not_called_revoked_while_it_may_be_alive() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    for fault in [BeforeTheWork, AfterTheWork] {
        let mut token = environment.tokens(&app, &person, &[]).await.refresh_token.unwrap();
        let calls =
            fails_cleanly(&environment, fault, async |attempt| attempt.revoke(&app.registered(), token.expose()).await);
        assert_eq!(calls.await, 3, "the client, the token, the write");
        assert!(environment.refresh(&app, token.expose(), &[]).await.is_err());
        token = environment.tokens(&app, &person, &[]).await.refresh_token.unwrap();
        assert!(environment.refresh(&app, token.expose(), &[]).await.is_ok(), "another family is alive");
    }
}

#[tokio::test]
async fn nobody_is_called_signed_out_while_the_session_may_be_alive() {
    let environment = Environment::interactive();
    let (app, person) = (environment.app(|_| {}), environment.person());
    let tokens = environment.tokens(&app, &person, &[]).await;
    let hint = tokens.id_token.unwrap();
    let parameters = form(&[("id_token_hint", hint.expose())]);
    let calls = fails_cleanly(&environment, BeforeTheWork, async |attempt| {
        match attempt.engine.logout(&parameters, &person.browser).await {
            Err(AuthorizeError::Failed(error)) => Err(error),
            other => Ok(other.unwrap()),
        }
    });
    assert_eq!(calls.await, 3, "the keys, the client, the session");
    assert!(!environment.is_active(&app.registered(), tokens.access_token.expose()).await);
}
