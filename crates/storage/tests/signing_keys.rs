//! Signing keys: one is primary, and the last one stays while it is needed.

use futures_util::future::join_all;
use paylent_domain::{
    Id,
    client::TokenFormat,
    signing_key::{KeyStatus, NewSigningKey, SigningKey},
};
use paylent_oauth::Store as _;
use paylent_storage::{ClientChange, Env, Error, Expected, Refusal};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, connect, is_refused, on_nodes, stale, work};

both! {
    async fn ky_one_primary_a_primary_key_takes_the_place_of_the_one_before(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let first = primary(&env).await;
        let spare = create(&env, false).await;
        assert!(!spare.primary);
        assert_eq!(primary(&env).await, first);
        let second = create(&env, true).await;
        assert_eq!(primary(&env).await, second.id);
        assert_eq!(env.active_public_keys().await.unwrap().len(), 3);
    }

    async fn ky_one_primary_the_first_key_is_primary_whether_or_not_it_was_asked_to_be(database: TestDatabase) {
        let env = without_keys(&database.db()).await;
        assert!(create(&env, false).await.primary);
    }

    async fn ky_one_primary_ten_changes_at_once_leave_exactly_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        connect(&database.db()).await;
        for round in 0..4 {
            let (old, older) = (create(&env, true).await.id, create(&env, round % 2 == 0).await.id);
            let changes = (0..10).map(|n| {
                let env = env.clone();
                async move {
                    match n {
                        0 => env.deactivate_signing_key(old, &Expected::Any, &by()).await.map(|_| ()),
                        1 => env.deactivate_signing_key(older, &Expected::Any, &by()).await.map(|_| ()),
                        _ => env.create_signing_key(key(&env, n % 2 == 0), &by()).await.map(|_| ()),
                    }
                }
            });
            for outcome in join_all(changes).await {
                outcome.unwrap();
            }
            primary(&env).await;
        }
    }

    async fn ky_one_primary_two_nodes_that_retire_all_keys_leave_one_primary(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for _ in 0..10 {
            create(&env, true).await;
            let active = env.signing_keys(ALL).await.unwrap().rows;
            let works = active.into_iter().filter(|key| key.status == KeyStatus::Active).map(|key| {
                work(move |env: Env| async move { env.deactivate_signing_key(key.id, &Expected::Any, &by()).await })
            });
            let mut outcomes = on_nodes(database.url(), &env, works.collect());
            let refused = outcomes.iter().position(Result::is_err);
            is_refused(outcomes.remove(refused.unwrap()), Refusal::LastKey);
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            primary(&env).await;
        }
    }

    async fn ky_deactivate_the_newest_active_key_takes_the_place_of_the_primary_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let oldest = primary(&env).await;
        let (middle, newest) = (create(&env, false).await, create(&env, true).await);
        let by = by();
        let gone = env.deactivate_signing_key(newest.id, &Expected::Any, &by).await.unwrap().unwrap();
        assert_eq!((gone.status, gone.primary, gone.deactivated_at), (KeyStatus::Inactive, false, Some(by.at)));
        assert_eq!(primary(&env).await, middle.id);
        env.deactivate_signing_key(middle.id, &Expected::Any, &by).await.unwrap().unwrap();
        assert_eq!(primary(&env).await, oldest);
        assert_eq!(env.active_public_keys().await.unwrap().len(), 1);
        assert!(env.signing_key(&newest.kid).await.unwrap().is_some(), "its tokens are still recognised");
    }

    async fn ky_deactivate_retiring_another_key_leaves_the_primary_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let first = primary(&env).await;
        let spare = create(&env, false).await;
        env.deactivate_signing_key(spare.id, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(primary(&env).await, first);
        is_refused(env.deactivate_signing_key(spare.id, &Expected::Any, &by()).await, Refusal::InactiveKey);
    }

    async fn ky_deactivate_the_last_key_stays_while_clients_use_signed_tokens(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let last = primary(&env).await;
        is_refused(env.deactivate_signing_key(last, &Expected::Any, &by()).await, Refusal::LastKey);
        assert_eq!(primary(&env).await, last);
        let opaque = ClientChange { token_format: Some(TokenFormat::Opaque), ..ClientChange::default() };
        env.update_client(seeded.client, opaque, &Expected::Any, &by()).await.unwrap().unwrap();
        env.deactivate_signing_key(last, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(env.active_public_keys().await.unwrap(), [""; 0]);
        assert_eq!(env.machine(&seeded.client_id).await.unwrap().unwrap().primary_kid, None);
    }

    async fn ky_one_primary_another_active_key_is_made_primary(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (first, spare) = (primary(&env).await, create(&env, false).await);
        for _ in 0..2 {
            let set = env.set_primary_signing_key(spare.id, &Expected::Any, &by()).await.unwrap().unwrap();
            assert!(set.updated_at > spare.updated_at, "a version of its own");
            assert_eq!(set, SigningKey { primary: true, updated_at: set.updated_at, ..spare.clone() });
            assert_eq!(primary(&env).await, spare.id);
        }
        assert_eq!(database.count("audit_events WHERE action = 'signing_key.set_primary'").await, 1, "once");
        env.deactivate_signing_key(first, &Expected::Any, &by()).await.unwrap().unwrap();
        is_refused(env.set_primary_signing_key(first, &Expected::Any, &by()).await, Refusal::InactiveKey);
        assert_eq!(env.set_primary_signing_key(new_id(), &Expected::Any, &by()).await.unwrap(), None);
        assert_eq!(primary(&env).await, spare.id);
    }

    async fn ky_one_primary_two_nodes_that_each_choose_another_key_leave_one_primary(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let keys = [create(&env, false).await.id, create(&env, false).await.id];
        for _ in 0..10 {
            let works = keys.map(|key| {
                work(move |env: Env| async move { env.set_primary_signing_key(key, &Expected::Any, &by()).await })
            });
            for outcome in on_nodes(database.url(), &env, works.into()) {
                outcome.unwrap().unwrap();
            }
            assert!(keys.contains(&primary(&env).await));
        }
    }

    async fn a_key_that_is_not_as_expected_is_left_alone(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let key = create(&env, false).await;
        let before = database.dump().await;
        is_refused(env.set_primary_signing_key(key.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.deactivate_signing_key(key.id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![key.created_at]);
        let primary = env.set_primary_signing_key(key.id, &known, &by()).await.unwrap().unwrap();
        is_refused(env.deactivate_signing_key(key.id, &known, &by()).await, Refusal::Stale);
        let known = Expected::OneOf(vec![primary.updated_at]);
        let retired = env.deactivate_signing_key(key.id, &known, &by()).await.unwrap().unwrap();
        is_refused(env.delete_signing_key(key.id, &known, &by()).await, Refusal::Stale);
        let known = Expected::OneOf(vec![retired.updated_at]);
        assert!(env.delete_signing_key(key.id, &known, &by()).await.unwrap());
    }

    async fn only_an_inactive_key_is_deleted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let old = create(&env, true).await;
        is_refused(env.delete_signing_key(old.id, &Expected::Any, &by()).await, Refusal::ActiveKey);
        env.deactivate_signing_key(old.id, &Expected::Any, &by()).await.unwrap().unwrap();
        assert!(env.delete_signing_key(old.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_signing_key(old.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.signing_key_by_id(old.id).await.unwrap(), None);
        assert!(env.signing_key(&old.kid).await.unwrap().is_none());
    }

    async fn a_kid_is_used_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let known = create(&env, true).await;
        let twin = NewSigningKey { kid: known.kid, ..key(&env, true) };
        let outcome = env.create_signing_key(twin, &by()).await;
        assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
        assert_eq!(primary(&env).await, known.id);
    }
}

/// An environment all of whose keys are retired.
async fn without_keys(db: &paylent_storage::Db) -> Env {
    let seeded = seed::environment(db, "acme").await;
    assert!(seeded.env.delete_client(seeded.client, &Expected::Any, &by()).await.unwrap());
    let first = primary(&seeded.env).await;
    seeded.env.deactivate_signing_key(first, &Expected::Any, &by()).await.unwrap().unwrap();
    seeded.env
}

fn key(env: &Env, primary: bool) -> NewSigningKey {
    NewSigningKey { primary, ..seed::signing_key(env.tenant().environment.id) }
}

async fn create(env: &Env, primary: bool) -> SigningKey {
    env.create_signing_key(key(env, primary), &by()).await.unwrap()
}

/// The one key that is primary, which is active.
async fn primary(env: &Env) -> Id<SigningKey> {
    let keys = env.signing_keys(ALL).await.unwrap().rows;
    let primary: Vec<_> = keys.iter().filter(|key| key.primary).collect();
    assert_eq!(primary.len(), 1, "{keys:?}");
    assert_eq!(primary[0].status, KeyStatus::Active);
    primary[0].id
}
