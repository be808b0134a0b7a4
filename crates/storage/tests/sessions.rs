//! Sessions: how they begin, are used and end.

use paylent_domain::{
    audit::Context,
    session::{DEFAULT_TTL, Session},
    user::UserChange,
};
use paylent_storage::{Env, Error, Expected, NewSession, Page, Refusal, Renewal, SessionFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, is_refused, on_nodes, person, session, stale, work};

/// A minute after a session began.
fn after_a_minute(session: &Session) -> Context {
    Context { at: session.created_at.plus_seconds(60), ..by() }
}

both! {
    async fn a_session_is_read_as_it_began_and_ends_when_the_environment_says(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let (new, at) = (session(jane), by());
        let made = env.create_session(new.clone(), &at).await.unwrap();
        let expected = Session {
            id: new.id,
            user_id: jane,
            ip: new.ip,
            user_agent: new.user_agent.clone(),
            last_activity_at: at.at,
            expires_at: at.at.plus_seconds(DEFAULT_TTL),
            revoked_at: None,
            created_at: at.at,
            updated_at: at.at,
        };
        assert_eq!(made, expected);
        assert_eq!(env.session(new.id).await.unwrap(), Some(made));
        database.execute("UPDATE environments SET session_ttl = 60").await;
        let short = env.create_session(NewSession { ip: None, user_agent: None, ..session(jane) }, &at).await.unwrap();
        assert_eq!((short.expires_at, short.ip, short.user_agent), (at.at.plus_seconds(60), None, None));
    }

    async fn se_hash_a_token_is_kept_as_a_hash_that_is_used_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let new = session(person(&env, "jane@example.com").await);
        env.create_session(new.clone(), &by()).await.unwrap();
        let hash = database.bytes(new.token_hash.as_bytes());
        assert_eq!(database.count(&format!("sessions WHERE token_hash = {hash}")).await, 1);
        let twin = NewSession { id: new_id(), ..new };
        let outcome = env.create_session(twin, &by()).await;
        assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
    }

    /// Whoever proves once more who they are goes on under another token.
    async fn a_session_is_renewed_by_its_person_with_its_token_while_it_lives(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, joe) = (person(&env, "jane@example.com").await, person(&env, "joe@example.com").await);
        let began = session(jane);
        let made = env.create_session(began.clone(), &by()).await.unwrap();
        let (old, new) = (began.token_hash, session(jane).token_hash);
        let renewal = |user_id, old, new| Renewal { user_id, old, new };
        let before = database.dump().await;
        for (user, old) in [(joe, old), (jane, new)] {
            assert_eq!(env.renew_session(made.id, renewal(user, old, new), None, &by()).await.unwrap(), None);
        }
        assert_eq!(database.dump().await, before);
        database.execute("UPDATE environments SET session_ttl = 60").await;
        let at = by();
        let renewed = env.renew_session(made.id, renewal(jane, old, new), None, &at).await.unwrap().unwrap();
        let (now, expires_at) = (at.at, at.at.plus_seconds(60));
        assert_eq!(renewed, Session { last_activity_at: now, expires_at, updated_at: now, ..made });
        assert_eq!(env.session_by_token(&old, now).await.unwrap(), None);
        let live = env.session_by_token(&new, now).await.unwrap().unwrap();
        assert_eq!((live.id, live.authenticated_at), (renewed.id, now));
        assert_eq!(database.count("audit_events WHERE action = 'session.renewed'").await, 1);
        let mut late = by();
        late.at = expires_at;
        assert_eq!(env.renew_session(renewed.id, renewal(jane, new, old), None, &late).await.unwrap(), None);
        env.revoke_session(renewed.id, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(env.renew_session(renewed.id, renewal(jane, new, old), None, &by()).await.unwrap(), None);
    }

    async fn only_a_person_who_may_act_is_signed_in(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let jane = person(env, "jane@example.com").await;
        let inactive = UserChange { active: Some(false), ..UserChange::default() };
        env.update_user(jane, inactive, &Expected::Any, &by()).await.unwrap();
        let before = database.dump().await;
        for user in [jane, seeded.service_user] {
            is_refused(env.create_session(session(user), &by()).await, Refusal::CannotSignIn);
        }
        let unknown = env.create_session(session(new_id()), &by()).await;
        assert!(matches!(unknown, Err(Error::Reference)), "{unknown:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn se_abs_a_session_is_touched_while_it_lives(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_session(session(person(&env, "jane@example.com").await), &by()).await.unwrap();
        let at = after_a_minute(&made);
        let soon = Context { at: at.at.plus_seconds(-1), ..by() };
        let before = database.dump().await;
        assert_eq!(env.touch_session(made.id, &Expected::Any, &soon).await.unwrap().unwrap(), made);
        assert_eq!(database.dump().await, before, "noted every minute at most");
        let touched = env.touch_session(made.id, &Expected::Any, &at).await.unwrap().unwrap();
        assert_eq!(touched, Session { last_activity_at: at.at, updated_at: at.at, ..made.clone() });
        let late = Context { at: made.expires_at, ..by() };
        is_refused(env.touch_session(made.id, &Expected::Any, &late).await, Refusal::InactiveSession);
        let early = Context { at: made.created_at, ..by() };
        let early = env.touch_session(made.id, &Expected::Any, &early).await.unwrap().unwrap();
        assert_eq!(early, touched, "a clock that goes after another does not turn activity back");
        env.revoke_session(made.id, &Expected::Any, &by()).await.unwrap().unwrap();
        is_refused(env.touch_session(made.id, &Expected::Any, &by()).await, Refusal::InactiveSession);
        assert_eq!(env.touch_session(new_id(), &Expected::Any, &by()).await.unwrap(), None);
    }

    async fn a_session_is_revoked_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_session(session(person(&env, "jane@example.com").await), &by()).await.unwrap();
        let first = by();
        let revoked = env.revoke_session(made.id, &Expected::Any, &first).await.unwrap().unwrap();
        assert_eq!(revoked, Session { revoked_at: Some(first.at), updated_at: first.at, ..made });
        assert!(!revoked.is_live(first.at, DEFAULT_TTL));
        assert_eq!(env.revoke_session(revoked.id, &Expected::Any, &by()).await.unwrap(), Some(revoked));
        assert_eq!(database.count("audit_events WHERE action = 'session.revoked'").await, 1);
        assert_eq!(env.revoke_session(new_id(), &Expected::Any, &by()).await.unwrap(), None);
    }

    async fn a_session_is_deleted_and_goes_with_its_user(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let gone = env.create_session(session(jane), &by()).await.unwrap().id;
        assert!(env.delete_session(gone, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_session(gone, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.session(gone).await.unwrap(), None);
        env.create_session(session(jane), &by()).await.unwrap();
        env.delete_user(jane, &Expected::Any, &by()).await.unwrap();
        assert_eq!(database.count("sessions").await, 0);
    }

    async fn a_session_that_is_not_as_expected_is_left_alone(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_session(session(person(&env, "jane@example.com").await), &by()).await.unwrap();
        let before = database.dump().await;
        is_refused(env.touch_session(made.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.revoke_session(made.id, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_session(made.id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![made.updated_at]);
        let touched = env.touch_session(made.id, &known, &after_a_minute(&made)).await.unwrap().unwrap();
        is_refused(env.revoke_session(made.id, &known, &by()).await, Refusal::Stale);
        assert!(env.delete_session(made.id, &Expected::OneOf(vec![touched.updated_at]), &by()).await.unwrap());
    }

    async fn sessions_are_listed_by_user_and_by_whether_they_were_revoked(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let mut all = Vec::new();
        for user in [jane, john, jane] {
            all.push(env.create_session(session(user), &by()).await.unwrap().id);
        }
        env.revoke_session(all[0], &Expected::Any, &by()).await.unwrap();
        let found = async |user_id, revoked| ids(&env, SessionFilter { user_id, revoked }).await;
        assert_eq!(found(None, None).await, all);
        assert_eq!(found(Some(jane), None).await, [all[0], all[2]]);
        assert_eq!(found(None, Some(true)).await, all[..1]);
        assert_eq!(found(None, Some(false)).await, all[1..]);
        assert_eq!(found(Some(jane), Some(false)).await, all[2..]);
        assert_eq!(found(Some(new_id()), None).await, []);
    }

    async fn se_user_dead_a_user_deactivated_while_signing_in_has_no_session_left(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for n in 0..10 {
            let jane = person(&env, &format!("jane{n}@example.com")).await;
            let works = vec![
                work(move |env: Env| async move { env.create_session(session(jane), &by()).await.map(|_| ()) }),
                work(move |env: Env| async move {
                    let inactive = UserChange { active: Some(false), ..UserChange::default() };
                    env.update_user(jane, inactive, &Expected::Any, &by()).await.map(|_| ())
                }),
            ];
            for outcome in on_nodes(database.url(), &env, works) {
                assert!(matches!(outcome, Ok(()) | Err(Error::Refused(Refusal::CannotSignIn))), "{outcome:?}");
            }
            let live = SessionFilter { user_id: Some(jane), revoked: Some(false) };
            assert_eq!(ids(&env, live).await, []);
        }
    }
}

async fn ids(env: &Env, filter: SessionFilter) -> Vec<paylent_domain::Id<Session>> {
    let listed = env.sessions(filter, Page { counted: true, ..ALL }).await.unwrap();
    assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    listed.rows.into_iter().map(|session| session.id).collect()
}
