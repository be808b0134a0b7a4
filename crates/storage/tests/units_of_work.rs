//! Whoever gives up on a unit of work does not stop it: it is done, or it is not, and nothing stays open.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    thread,
};

use futures_util::future::join_all;
use paylent_domain::user::UserChange;
use paylent_storage::{Db, Env, Error, Expected, NewRole, Options};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{environment, nothing_is_open, person};

both! {
    /// R13 of the catalogue, on the kind of runtime that serves requests.
    async fn a_caller_who_gives_up_leaves_all_or_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for n in 0..200 {
            let email = format!("user{n}@example.com");
            match n % 4 {
                0 => abandon(env.create_person(seed::person(&email), &by()), n / 4).await,
                1 => abandon(env.create_role(role(&email), &by()), n / 4).await,
                2 => abandon(person_who_changes_and_goes(&env, email), n / 2).await,
                _ => abandon(seed::environment(&database.db(), &format!("env-{n}")), n / 2).await,
            }
        }
        nothing_is_open(&database).await;
        all_or_nothing(&database, &env).await;
        person(&env, "last@example.com").await;
    }

    /// R14 of the catalogue: as a time-out does it.
    async fn tasks_that_are_aborted_together_leave_all_or_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for round in 0..8 {
            let tasks = (0..25).map(|n| {
                let (env, email) = (env.clone(), format!("user{round}-{n}@example.com"));
                tokio::spawn(async move { env.create_person(seed::person(&email), &by()).await.map(|_| ()) })
            });
            let tasks: Vec<_> = tasks.collect();
            for _ in 0..round * 5 {
                tokio::task::yield_now().await;
            }
            tasks.iter().for_each(tokio::task::JoinHandle::abort);
            for outcome in join_all(tasks).await {
                assert!(outcome.is_ok() || outcome.is_err_and(|error| error.is_cancelled()));
            }
            person(&env, &format!("after{round}@example.com")).await;
        }
        nothing_is_open(&database).await;
        all_or_nothing(&database, &env).await;
    }

    async fn a_node_that_stops_leaves_all_or_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for n in 0..24 {
            let (url, tenant) = (database.url().clone(), env.tenant().clone());
            let node = thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let env = Env::new(Db::open(&url, Options { connections: 2 }).unwrap(), tenant);
                    env.users(Default::default(), Default::default()).await.unwrap();
                    let email = format!("user{n}@example.com");
                    abandon(env.create_person(seed::person(&email), &by()), n).await;
                });
            });
            node.join().unwrap();
        }
        nothing_is_open(&database).await;
        all_or_nothing(&database, &env).await;
        person(&env, "last@example.com").await;
    }
}

/// R5 of the catalogue. One request hears that the connection ends, one more may find it ended.
#[tokio::test]
async fn a_connection_that_the_server_closes_costs_two_requests_at_most() {
    let database = TestDatabase::postgres().await;
    let env = seed::environment(&database.db(), "acme").await.env;
    for n in 0..5 {
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.values(others).await;
        for hit in 0..2 {
            let hit = env.create_person(seed::person(&format!("hit{n}-{hit}@example.com")), &by()).await;
            assert!(matches!(hit, Ok(_) | Err(Error::Unavailable(_))), "{hit:?}");
        }
        person(&env, &format!("next{n}@example.com")).await;
    }
}

/// Polls a future so many times, while others go on, and drops it.
async fn abandon<F: Future>(future: F, polls: usize) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

fn role(name: &str) -> NewRole {
    let permissions = ["documents:read", "documents:sign"].map(str::to_owned).into_iter().collect();
    NewRole { id: new_id(), name: name.to_owned(), description: None, permissions }
}

/// Three units, one after the other.
async fn person_who_changes_and_goes(env: &Env, email: String) {
    let person = person(env, &email).await;
    let inactive = UserChange { active: Some(false), ..UserChange::default() };
    env.update_user(person, inactive, &Expected::Any, &by()).await.unwrap();
    env.delete_user(person, &Expected::Any, &by()).await.unwrap();
}

/// Checks that everything has its event, and every event its thing. Each comparison is one statement, so that a unit
/// that is done meanwhile does not come between.
async fn all_or_nothing(database: &TestDatabase, env: &Env) {
    let mine = format!("environment_id = {}", environment(database, env));
    let users = |which: &str| format!("users WHERE {mine} AND {which}");
    let events = |action: &str| format!("audit_events WHERE {mine} AND action = '{action}'");
    let all_events = |action: &str| format!("audit_events WHERE action = '{action}'");
    let held = "role_permissions rp JOIN roles r ON r.environment_id = rp.environment_id AND r.id = rp.role_id";
    let held = |name: &str| {
        format!("{held} JOIN permissions p ON p.id = rp.permission_id AND p.name = '{name}' WHERE NOT r.system")
    };
    let equal = [
        (vec![users("kind = 'person'"), events("user.deleted")], vec![events("user.created")]),
        (vec![users("NOT active"), events("user.deleted")], vec![events("user.updated")]),
        (vec![format!("roles WHERE {mine} AND NOT system")], vec![events("role.created")]),
        (vec![held("documents:read")], vec![events("role.created")]),
        (vec![held("documents:sign")], vec![events("role.created")]),
        (vec!["accounts".to_owned()], vec![all_events("account.created")]),
        (vec!["accounts".to_owned()], vec!["memberships".to_owned()]),
        (vec!["accounts".to_owned()], vec!["user_roles".to_owned()]),
        (vec!["environments".to_owned()], vec![all_events("environment.created")]),
    ];
    for (things, same) in equal {
        let sum = |rows: &[String]| {
            let counts: Vec<_> = rows.iter().map(|rows| format!("(SELECT count(*) FROM {rows})")).collect();
            counts.join(" + ")
        };
        let difference = database.values(&format!("SELECT {} - ({})", sum(&things), sum(&same))).await;
        assert_eq!(difference, ["0"], "as many {things:?} as {same:?}");
    }
}
