//! What has expired is forgotten, and nothing else is.

use paylent_domain::session::DEFAULT_TTL;
use paylent_oauth::Store as _;
use paylent_storage::{Env, Expected, Reservation};
use paylent_tests::{
    both,
    seed::{self, by},
};

use crate::common::{person, session, token};

const DAY: i64 = 24 * 3_600;

both! {
    async fn expired_tokens_denials_and_keys_are_forgotten(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (db, env) = (database.db(), &seeded.env);
        let now = by().at;
        for expires_at in [None, Some(now), Some(now.plus_seconds(60))] {
            let mut token = token(&seeded.client_id, seeded.service_user);
            token.expires_at = expires_at;
            env.save_access_token(token).await.unwrap();
        }
        env.deny_jwt("old", now).await.unwrap();
        env.deny_jwt("new", now.plus_seconds(60)).await.unwrap();
        reserve(env, 1, now.plus_seconds(-DAY)).await;
        reserve(env, 2, now).await;
        assert_eq!(db.purge(now).await.unwrap(), 0, "what ends now has not ended before");
        assert_eq!(db.purge(now.plus_seconds(1)).await.unwrap(), 3);
        let counts = [database.count("access_tokens").await, database.count("denied_tokens").await];
        assert_eq!(counts, [2, 1]);
        assert_eq!(database.count("idempotency_keys").await, 1);
        assert_eq!(db.purge(now.plus_seconds(1)).await.unwrap(), 0);
    }

    async fn sessions_are_remembered_for_thirty_days_after_they_expired(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let at = by();
        let live = env.create_session(session(jane), &at).await.unwrap();
        let revoked = env.create_session(session(jane), &at).await.unwrap();
        env.revoke_session(revoked.id, &Expected::Any, &at).await.unwrap();
        let end = at.at.plus_seconds(DEFAULT_TTL + 30 * DAY);
        assert_eq!(database.db().purge(end).await.unwrap(), 0);
        assert!(env.session(live.id).await.unwrap().is_some() && env.session(revoked.id).await.unwrap().is_some());
        assert_eq!(database.db().purge(end.plus_seconds(1)).await.unwrap(), 2);
        assert_eq!(database.count("sessions").await, 0);
    }
}

async fn reserve(env: &Env, key: u8, at: paylent_domain::Timestamp) {
    let outcome = env.reserve_idempotency_key([key; 32], [0; 32], [key; 16], at).await.unwrap();
    assert_eq!(outcome, Reservation::New);
}
