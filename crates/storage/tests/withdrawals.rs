//! What is taken away while more is agreed to, or less, at the same moment.

use paylent_domain::{
    Id,
    application::{Application, ApplicationGrant, Connection},
    scope::Scopes,
    user::User,
};
use paylent_oauth::{
    Store as _,
    store::{AuthorizationCode, Consenting},
};
use paylent_storage::{ApplicationChange, Env, Expected};
use paylent_tests::{
    both,
    seed::{self, by},
};

use crate::{
    common::{Work, on_nodes, person, public, work},
    scene::{BOTH, READ, Scene, application},
};

const ROUNDS: usize = 16;
const WRITE: &str = "documents:write";

/// What Jane lets this application do, which she agrees to be all.
async fn connected(scene: &Scene, application: &Application) -> Id<Connection> {
    let client_id = application.client_id.clone();
    let code = AuthorizationCode { client_id, ..scene.code(scene.jane, BOTH).await };
    let hash = code.hash;
    assert!(scene.env.save_code(code, Some(Scopes::stored(BOTH))).await.unwrap());
    scene.env.code(&hash).await.unwrap().unwrap().connection.unwrap().id
}

/// Agrees to a scope of a client that is no application.
async fn answer(scene: &Scene, user: Id<User>, client_id: &str, scope: &str) -> Work<()> {
    let client_id = client_id.to_owned();
    let code = AuthorizationCode { client_id, organization_id: None, ..scene.code(user, scope).await };
    let asked = code.scopes.clone();
    work(move |env: Env| async move { assert!(env.save_code(code, Some(asked)).await.unwrap()) })
}

both! {
    async fn a_permission_that_goes_while_a_connection_is_narrowed_does_not_stay(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        for round in 0..ROUNDS {
            let application =
                application(&scene.env, &format!("Bank {round}"), ApplicationGrant::AuthorizationCode).await;
            let (id, connection) = (application.id, connected(&scene, &application).await);
            let works: Vec<Work<bool>> = vec![
                work(move |env: Env| async move {
                    env.narrow_connection(connection, Scopes::stored(WRITE), &Expected::Any, &by()).await.is_ok()
                }),
                work(move |env: Env| async move {
                    let permissions = Some(Scopes::stored(READ));
                    let change = ApplicationChange { permissions, ..ApplicationChange::default() };
                    env.update_application(id, change, &Expected::Any, &by()).await.unwrap().is_some()
                }),
            ];
            let done = on_nodes(database.url(), &scene.env, works);
            let left = scene.env.application_connection(connection).await.unwrap().unwrap().permissions.to_string();
            // Whichever came first, the connection is narrowed, or it was too late for that.
            assert_eq!(left, if done[0] { "" } else { READ }, "round {round}");
        }
    }

    async fn two_answers_at_once_both_count_and_no_answer_brings_back_what_was_withdrawn(database: TestDatabase) {
        let scene = Scene::set(seed::environment(&database.db(), "acme").await.env).await;
        let client = public();
        let client_id = client.client_id.clone();
        scene.env.register_client(client, &by()).await.unwrap();
        for round in 0..ROUNDS {
            let user = person(&scene.env, &format!("person{round}@example.com")).await;
            let agreed = async || {
                let audience = "https://api.example.com";
                let (organization_id, for_organization) = (None, false);
                let of = Consenting { user_id: user, client_id: &client_id, audience, organization_id, for_organization };
                scene.env.consent(of).await.unwrap().map(|scopes| scopes.to_string()).unwrap_or_default()
            };
            let answers = vec![
                answer(&scene, user, &client_id, "a").await,
                answer(&scene, user, &client_id, "b").await,
                answer(&scene, user, &client_id, "c").await,
            ];
            on_nodes(database.url(), &scene.env, answers);
            assert_eq!(agreed().await, "a b c", "round {round}");
            let client = client_id.clone();
            let withdrawal = work(move |env: Env| async move {
                assert!(env.withdraw_consent(user, &client, &by()).await.unwrap());
            });
            let answers = vec![answer(&scene, user, &client_id, "d").await, withdrawal];
            on_nodes(database.url(), &scene.env, answers);
            assert!(["", "d"].contains(&agreed().await.as_str()), "round {round}");
        }
    }
}
