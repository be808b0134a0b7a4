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

both! {
    /// A family and what it is made of; a used code stays as long as its family.
    async fn codes_families_refresh_tokens_and_assertions_are_forgotten_in_their_time(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (db, env, now) = (database.db(), &seeded.env, by().at);
        assert!(env.use_assertion(&seeded.client_id, "old", now).await.unwrap());
        assert!(env.use_assertion(&seeded.client_id, "new", now.plus_seconds(DAY)).await.unwrap());
        let person = person(env, "jane@example.com").await;
        let session = env.create_session(session(person), &by()).await.unwrap();
        for (used, hash) in [(false, 1), (true, 2)] {
            let environment = format!("(SELECT environment_id FROM clients WHERE client_id = '{}')", seeded.client_id);
            let bytes = |bytes: &[u8]| database.bytes(bytes);
            let (code, family) = (bytes(&[hash; 32]), bytes(&[hash; 16]));
            let (user, session) = (bytes(person.as_bytes()), bytes(session.id.as_bytes()));
            let at = now.micros();
            let common = format!("'', '', {at}, '[]', '[]', 0, 0");
            if used {
                let until = now.plus_seconds(10 * DAY).micros();
                database.execute(&format!(
                    "INSERT INTO token_families (environment_id, id, client_id, user_id, session_id, audience, scope, \
                     auth_time, amr, id_token_claims, client_generation, user_generation, created_at, expires_at) \
                     VALUES ({environment}, {family}, '{}', {user}, {session}, {common}, {at}, {until})",
                    seeded.client_id
                )).await;
                for (number, until) in [(3_u8, at), (4, until)] {
                    database.execute(&format!(
                        "INSERT INTO refresh_tokens (environment_id, token_hash, family_id, issued_at, expires_at) \
                         VALUES ({environment}, {}, {family}, {at}, {until})",
                        bytes(&[number; 32])
                    )).await;
                }
            }
            let family = if used { family } else { "NULL".to_owned() };
            database.execute(&format!(
                "INSERT INTO authorization_codes (environment_id, code_hash, request_id, client_id, user_id, session_id, \
                 redirect_uri, redirect_uri_sent, audience, scope, auth_time, amr, id_token_claims, client_generation, \
                 user_generation, issued_at, expires_at, wrong_verifiers, family_id) VALUES ({environment}, {code}, \
                 'request {hash}', '{}', {user}, {session}, '', true, {common}, {at}, {at}, 0, {family})",
                seeded.client_id
            )).await;
        }
        let counts = async || {
            let mut counts = Vec::new();
            for table in ["used_assertions", "authorization_codes", "refresh_tokens", "token_families"] {
                counts.push(database.count(table).await);
            }
            counts
        };
        assert_eq!(db.purge(now).await.unwrap(), 0);
        assert_eq!(db.purge(now.plus_seconds(1)).await.unwrap(), 2);
        assert_eq!(counts().await, [1, 2, 1, 1], "the old assertion and the old refresh token");
        db.purge(now.plus_seconds(2 * 3_600 + 1)).await.unwrap();
        assert_eq!(counts().await, [1, 1, 1, 1], "the unused code");
        db.purge(now.plus_seconds(10 * DAY + 1)).await.unwrap();
        assert_eq!(counts().await, [0, 0, 0, 0]);
    }
}

async fn reserve(env: &Env, key: u8, at: paylent_domain::Timestamp) {
    let outcome = env.reserve_idempotency_key([key; 32], [0; 32], [key; 16], at).await.unwrap();
    assert_eq!(outcome, Reservation::New);
}
