//! Users: their addresses, and what dies with them.

use futures_util::future::join_all;
use paylent_domain::{
    Timestamp,
    user::{PasswordHash, User, UserChange, UserKind},
};
use paylent_oauth::Store as _;
use paylent_storage::{Env, Error, Expected, MachineUser, Refusal, UserFilter, UserRoleFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, admin, assign, connect, generation, is_refused, issue, named, on_nodes, person, role, session, stale, work,
};

both! {
    async fn ap_dup_race_one_address_is_one_user(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let spellings = ["jane@example.com", "Jane@Example.com", "JANE@EXAMPLE.COM", "jane@EXAMPLE.com"];
        connect(&database.db()).await;
        let created = (0..20).map(|n| {
            let env = env.clone();
            async move { env.create_person(seed::person(spellings[n % 4]), &by()).await }
        });
        let outcomes = join_all(created).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(refused, Error::Conflict), "{refused:?}");
        }
        let jane = env.users(UserFilter::default(), named("jane@example.com")).await.unwrap().rows;
        assert_eq!(jane.len(), 1);
        assert_eq!(database.count("audit_events WHERE action = 'user.created'").await, 1);
    }

    async fn a_person_is_read_as_it_was_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (new, by) = (seed::person("Jane.Doe@Example.com"), by());
        let made = env.create_person(new.clone(), &by).await.unwrap();
        assert_eq!(env.user(new.id).await.unwrap().as_ref(), Some(&made));
        let User { id, kind, email, email_verified, first_name, last_name, active, created_at, updated_at } = made;
        assert_eq!((id, kind, email_verified, active), (new.id, UserKind::Person, true, true));
        assert_eq!(email.unwrap().as_str(), "Jane.Doe@Example.com");
        assert_eq!((first_name.as_deref(), last_name.as_deref()), (Some("Jane"), Some("Doe")));
        assert_eq!((created_at, updated_at), (by.at, by.at));
    }

    async fn a_new_password_and_a_deactivation_raise_the_generation_and_nothing_else_does(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let names = UserChange { first_name: Some(None), last_name: Some(Some("Roe".into())), ..Default::default() };
        let password = UserChange { password: Some(PasswordHash("$argon2id$other".into())), ..Default::default() };
        let changes = [
            (names, 0),
            (UserChange { email: Some("jane@example.org".parse().unwrap()), ..Default::default() }, 0),
            (password, 1),
            (active(false), 2),
            (active(true), 2),
            (UserChange::default(), 2),
        ];
        for (change, expected) in changes {
            env.update_user(jane, change.clone(), &Expected::Any, &by()).await.unwrap().unwrap();
            assert_eq!(generation(&database, &env, "users", jane).await, expected, "{change:?}");
        }
        let after = env.user(jane).await.unwrap().unwrap();
        assert_eq!((after.first_name, after.last_name.as_deref(), after.active), (None, Some("Roe"), true));
    }

    async fn a_new_address_is_unverified_and_another_spelling_of_the_old_is_not_new(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let address = |email: &str| UserChange { email: Some(email.parse().unwrap()), ..Default::default() };
        let spelled = env.update_user(jane, address("Jane@example.com"), &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!((spelled.email.unwrap().as_str(), spelled.email_verified), ("Jane@example.com", true));
        let moved = env.update_user(jane, address("jane@example.org"), &Expected::Any, &by()).await.unwrap().unwrap();
        assert!(!moved.email_verified);
        person(&env, "john@example.com").await;
        let taken = env.update_user(jane, address("John@example.com"), &Expected::Any, &by()).await;
        assert!(matches!(taken, Err(Error::Conflict)), "{taken:?}");
        assert_eq!(env.user(jane).await.unwrap().unwrap(), moved, "a refused change changes nothing");
    }

    async fn a_service_user_has_no_address_and_no_password_and_goes_only_with_its_client(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, service) = (seeded.env, seeded.service_user);
        let address = UserChange { email: Some("machine@example.com".parse().unwrap()), ..Default::default() };
        let password = UserChange { password: Some(PasswordHash("$argon2id$other".into())), ..Default::default() };
        for change in [address, password] {
            is_refused(env.update_user(service, change, &Expected::Any, &by()).await, Refusal::ServiceUser);
        }
        is_refused(env.delete_user(service, &Expected::Any, &by()).await, Refusal::ServiceUser);
        let renamed = UserChange { first_name: Some(Some("Robot".into())), ..Default::default() };
        assert_eq!(env.update_user(service, renamed, &Expected::Any, &by()).await.unwrap().unwrap().name(), "Robot");
    }

    async fn a_user_is_deleted_with_its_roles_and_tokens(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let viewer = role(&env, "viewer").await;
        assign(&env, jane, viewer).await;
        assign(&env, john, viewer).await;
        let (hers, his) = (issue(&env, &seeded.client_id, jane).await, issue(&env, &seeded.client_id, john).await);
        assert!(env.delete_user(jane, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_user(jane, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.user(jane).await.unwrap(), None);
        assert!(env.access_token(&hers).await.unwrap().is_none());
        assert!(env.access_token(&his).await.unwrap().is_some());
        let left = env.user_roles(UserRoleFilter { role_id: Some(viewer), ..UserRoleFilter::default() }, ALL).await.unwrap().rows;
        assert_eq!(left.iter().map(|held| held.user_id).collect::<Vec<_>>(), [john]);
        assert!(env.authority(jane).await.unwrap().is_none());
    }

    async fn a_user_whom_clients_act_for_is_not_deleted(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let jane = person(&env, "jane@example.com").await;
        let mut acting = seed::machine(new_id(), new_id(), &seeded.secret);
        acting.user = Some(MachineUser::Existing(jane));
        let acting = env.register_client(acting, &by()).await.unwrap().id;
        is_refused(env.delete_user(jane, &Expected::Any, &by()).await, Refusal::ActingClients);
        assert!(env.delete_client(acting, &Expected::Any, &by()).await.unwrap());
        assert!(env.delete_user(jane, &Expected::Any, &by()).await.unwrap(), "a person does not go with a client");
    }

    async fn a_user_deactivated_and_deleted_at_once_is_no_deadlock(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        admin(&env, "admin@example.com").await;
        for n in 0..20 {
            let (jane, _) = admin(&env, &format!("jane{n}@example.com")).await;
            let works = vec![
                work(move |env: Env| async move {
                    env.update_user(jane, active(false), &Expected::Any, &by()).await.map(|_| ())
                }),
                work(move |env: Env| async move { env.delete_user(jane, &Expected::Any, &by()).await.map(|_| ()) }),
            ];
            for outcome in on_nodes(database.url(), &env, works) {
                outcome.unwrap();
            }
            assert_eq!(env.user(jane).await.unwrap(), None);
        }
    }

    async fn se_user_dead_sessions_end_with_a_new_password_or_a_deactivation_and_with_nothing_else(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let name = UserChange { first_name: Some(None), ..Default::default() };
        let address = UserChange { email: Some("jane@example.org".parse().unwrap()), ..Default::default() };
        let password = UserChange { password: Some(PasswordHash("$argon2id$other".into())), ..Default::default() };
        let his = env.create_session(session(john), &by()).await.unwrap();
        for (change, ends) in [(name, false), (address, false), (active(true), false), (password, true), (active(false), true)] {
            let old = env.create_session(session(jane), &by()).await.unwrap();
            let revoked = env.revoke_session(old.id, &Expected::Any, &by()).await.unwrap().unwrap();
            let hers = env.create_session(session(jane), &by()).await.unwrap();
            let by = by();
            env.update_user(jane, change.clone(), &Expected::Any, &by).await.unwrap().unwrap();
            let after = env.session(hers.id).await.unwrap().unwrap();
            match ends {
                true => assert_eq!((after.revoked_at, after.updated_at), (Some(by.at), by.at), "{change:?}"),
                false => assert_eq!(after, hers, "{change:?}"),
            }
            assert_eq!(env.session(old.id).await.unwrap().unwrap(), revoked, "what was ended before keeps its moment");
        }
        assert_eq!(env.session(his.id).await.unwrap().unwrap(), his);
    }

    async fn ap_lost_update_a_change_that_is_not_expected_changes_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = env.create_person(seed::person("jane@example.com"), &by()).await.unwrap();
        env.create_session(session(jane.id), &by()).await.unwrap();
        let before = database.dump().await;
        is_refused(env.update_user(jane.id, active(false), &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_user(jane.id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![Timestamp::from_seconds(1), jane.updated_at]);
        let after = env.update_user(jane.id, active(false), &known, &by()).await.unwrap().unwrap();
        assert!(after.updated_at > jane.updated_at);
        is_refused(env.delete_user(jane.id, &known, &by()).await, Refusal::Stale);
        assert!(env.delete_user(jane.id, &Expected::OneOf(vec![after.updated_at]), &by()).await.unwrap());
    }

    async fn two_changes_at_one_moment_are_two_versions(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, by) = (person(&env, "jane@example.com").await, by());
        let mut versions = Vec::new();
        for _ in 0..3 {
            let after = env.update_user(jane, active(true), &Expected::Any, &by).await.unwrap().unwrap();
            versions.push(after.updated_at);
        }
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    }

    async fn ap_lost_update_of_ten_changes_that_expect_the_same_version_one_is_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = env.create_person(seed::person("jane@example.com"), &by()).await.unwrap();
        connect(&database.db()).await;
        let changes = (0..10).map(|n| {
            let (env, known) = (env.clone(), Expected::OneOf(vec![jane.updated_at]));
            let change = UserChange { first_name: Some(Some(format!("Jane {n}"))), ..Default::default() };
            async move { env.update_user(jane.id, change, &known, &by()).await }
        });
        let (made, refused): (Vec<_>, Vec<_>) = join_all(changes).await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refused.len()), (1, 9));
        refused.into_iter().for_each(|refused| is_refused(refused, Refusal::Stale));
    }
}

fn active(active: bool) -> UserChange {
    UserChange { active: Some(active), ..UserChange::default() }
}
