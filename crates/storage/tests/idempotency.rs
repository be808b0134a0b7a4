//! Requests that are sent again are served once.

use futures_util::future::join_all;
use paylent_domain::Timestamp;
use paylent_oauth::crypto::secret::random_bytes;
use paylent_storage::{Env, Reservation};
use paylent_tests::{
    both,
    seed::{self, by},
};

use crate::common::{connect, on_nodes, work};

const KEY: [u8; 32] = [1; 32];
const REQUEST: [u8; 32] = [2; 32];

both! {
    async fn a_request_is_new_once_and_then_answered(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let now = by().at;
        assert_eq!(reserve(&env, KEY, REQUEST, now).await, Reservation::New);
        assert_eq!(reserve(&env, KEY, REQUEST, now).await, Reservation::InProgress);
        assert_eq!(reserve(&env, [9; 32], REQUEST, now).await, Reservation::New, "another key is another request");
        env.complete_idempotency_key(KEY, "{\"id\": 1}".to_owned()).await.unwrap();
        for later in [0, 59, 60, 24 * 3_600 - 1] {
            let answered = Reservation::Answered { answer: "{\"id\": 1}".to_owned() };
            assert_eq!(reserve(&env, KEY, REQUEST, now.plus_seconds(later)).await, answered, "{later} s later");
        }
    }

    async fn a_key_is_of_one_request(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let now = by().at;
        assert_eq!(reserve(&env, KEY, REQUEST, now).await, Reservation::New);
        for later in [0, 60, 24 * 3_600 - 1] {
            let at = now.plus_seconds(later);
            assert_eq!(reserve(&env, KEY, [3; 32], at).await, Reservation::Different, "{later} s later");
        }
        env.complete_idempotency_key(KEY, "{}".to_owned()).await.unwrap();
        assert_eq!(reserve(&env, KEY, [3; 32], now).await, Reservation::Different);
    }

    async fn an_abandoned_request_is_taken_over_after_a_minute(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (now, resource) = (by().at, [7; 16]);
        assert_eq!(env.reserve_idempotency_key(KEY, REQUEST, resource, now).await.unwrap(), Reservation::New);
        let then = now.plus_seconds(59);
        assert_eq!(reserve(&env, KEY, REQUEST, then).await, Reservation::InProgress);
        let then = now.plus_seconds(60);
        assert_eq!(reserve(&env, KEY, REQUEST, then).await, Reservation::Resumed { resource });
        assert_eq!(reserve(&env, KEY, REQUEST, then.plus_seconds(59)).await, Reservation::InProgress);
        let then = then.plus_seconds(60);
        assert_eq!(reserve(&env, KEY, REQUEST, then).await, Reservation::Resumed { resource }, "the first one's id");
    }

    async fn a_key_is_forgotten_after_a_day(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let now = by().at;
        let day = now.plus_seconds(24 * 3_600);
        assert_eq!(reserve(&env, KEY, REQUEST, now).await, Reservation::New);
        env.complete_idempotency_key(KEY, "{}".to_owned()).await.unwrap();
        assert_eq!(reserve(&env, KEY, [3; 32], day).await, Reservation::New, "even for another request");
        assert_eq!(reserve(&env, KEY, [3; 32], day).await, Reservation::InProgress, "whose answer is not there");
        assert_eq!(reserve(&env, KEY, REQUEST, day).await, Reservation::Different);
    }

    async fn a_released_key_is_free_and_an_answered_one_is_kept(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let now = by().at;
        env.release_idempotency_key(KEY).await.unwrap();
        assert_eq!(reserve(&env, KEY, REQUEST, now).await, Reservation::New);
        env.release_idempotency_key(KEY).await.unwrap();
        assert_eq!(reserve(&env, KEY, [3; 32], now).await, Reservation::New);
        env.complete_idempotency_key(KEY, "{}".to_owned()).await.unwrap();
        env.release_idempotency_key(KEY).await.unwrap();
        let answered = Reservation::Answered { answer: "{}".to_owned() };
        assert_eq!(reserve(&env, KEY, [3; 32], now).await, answered);
    }

    async fn of_twenty_at_once_one_goes_ahead(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        connect(&database.db()).await;
        let now = by().at;
        for round in 0..5 {
            let outcomes = join_all((0..20).map(|_| reserve(&env, [round; 32], REQUEST, now))).await;
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reservation::New).count(), 1);
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reservation::InProgress).count(), 19);
            let then = now.plus_seconds(60);
            let outcomes = join_all((0..20).map(|_| reserve(&env, [round; 32], REQUEST, then))).await;
            let resumed = outcomes.iter().filter(|outcome| matches!(outcome, Reservation::Resumed { .. }));
            assert_eq!(resumed.count(), 1);
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reservation::InProgress).count(), 19);
            let day = now.plus_seconds(24 * 3_600);
            let outcomes = join_all((0..20).map(|_| reserve(&env, [round; 32], REQUEST, day))).await;
            assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reservation::New).count(), 1);
        }
    }

    async fn of_two_nodes_one_goes_ahead(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let now = by().at;
        for round in 0..10 {
            let works = (0..2).map(|_| work(move |env: Env| async move { reserve(&env, [round; 32], REQUEST, now).await }));
            let outcomes = on_nodes(database.url(), &env, works.collect());
            assert!(outcomes.contains(&Reservation::New) && outcomes.contains(&Reservation::InProgress), "{outcomes:?}");
        }
    }

    async fn rb_xenv_id_a_key_of_another_environment_is_another_key(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await.env, seed::environment(&db, "acme").await.env);
        let now = by().at;
        assert_eq!(reserve(&other, KEY, REQUEST, now).await, Reservation::New);
        assert_eq!(reserve(&ours, KEY, REQUEST, now).await, Reservation::New);
        ours.complete_idempotency_key(KEY, "{}".to_owned()).await.unwrap();
        assert_eq!(reserve(&other, KEY, REQUEST, now).await, Reservation::InProgress);
        other.release_idempotency_key(KEY).await.unwrap();
        let answered = Reservation::Answered { answer: "{}".to_owned() };
        assert_eq!(reserve(&ours, KEY, REQUEST, now).await, answered);
    }
}

/// Reserves a key for something that nobody else makes.
async fn reserve(env: &Env, key: [u8; 32], request: [u8; 32], now: Timestamp) -> Reservation {
    env.reserve_idempotency_key(key, request, random_bytes().unwrap(), now).await.unwrap()
}
