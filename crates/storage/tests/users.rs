//! Users: their addresses, their lists, and what dies with them.

use futures_util::future::join_all;
use paylent_domain::{
    Id,
    user::{PasswordHash, User, UserChange, UserKind},
};
use paylent_oauth::Store as _;
use paylent_storage::{Env, Error, MachineUser, Page, Refusal, UserFilter, UserRoleFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, admin, assign, connect, generation, is_refused, issue, on_nodes, person, role, work};

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
        let jane = UserFilter { email: Some("jane@example.com".parse().unwrap()), ids: None };
        assert_eq!(env.users(jane, ALL).await.unwrap().rows.len(), 1);
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
            env.update_user(jane, change.clone(), &by()).await.unwrap().unwrap();
            assert_eq!(generation(&database, &env, "users", jane).await, expected, "{change:?}");
        }
        let after = env.user(jane).await.unwrap().unwrap();
        assert_eq!((after.first_name, after.last_name.as_deref(), after.active), (None, Some("Roe"), true));
    }

    async fn a_new_address_is_unverified_and_another_spelling_of_the_old_is_not_new(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let address = |email: &str| UserChange { email: Some(email.parse().unwrap()), ..Default::default() };
        let spelled = env.update_user(jane, address("Jane@example.com"), &by()).await.unwrap().unwrap();
        assert_eq!((spelled.email.unwrap().as_str(), spelled.email_verified), ("Jane@example.com", true));
        let moved = env.update_user(jane, address("jane@example.org"), &by()).await.unwrap().unwrap();
        assert!(!moved.email_verified);
        person(&env, "john@example.com").await;
        let taken = env.update_user(jane, address("John@example.com"), &by()).await;
        assert!(matches!(taken, Err(Error::Conflict)), "{taken:?}");
        assert_eq!(env.user(jane).await.unwrap().unwrap(), moved, "a refused change changes nothing");
    }

    async fn a_service_user_has_no_address_and_no_password_and_goes_only_with_its_client(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, service) = (seeded.env, seeded.service_user);
        let address = UserChange { email: Some("machine@example.com".parse().unwrap()), ..Default::default() };
        let password = UserChange { password: Some(PasswordHash("$argon2id$other".into())), ..Default::default() };
        for change in [address, password] {
            is_refused(env.update_user(service, change, &by()).await, Refusal::ServiceUser);
        }
        is_refused(env.delete_user(service, &by()).await, Refusal::ServiceUser);
        let renamed = UserChange { first_name: Some(Some("Robot".into())), ..Default::default() };
        assert_eq!(env.update_user(service, renamed, &by()).await.unwrap().unwrap().name(), "Robot");
    }

    async fn a_user_is_deleted_with_its_roles_and_tokens(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let viewer = role(&env, "viewer").await;
        assign(&env, jane, viewer).await;
        assign(&env, john, viewer).await;
        let (hers, his) = (issue(&env, &seeded.client_id, jane).await, issue(&env, &seeded.client_id, john).await);
        assert!(env.delete_user(jane, &by()).await.unwrap());
        assert!(!env.delete_user(jane, &by()).await.unwrap());
        assert_eq!(env.user(jane).await.unwrap(), None);
        assert!(env.access_token(&hers).await.unwrap().is_none());
        assert!(env.access_token(&his).await.unwrap().is_some());
        let left = env.user_roles(UserRoleFilter { role_id: Some(viewer), user_id: None }, ALL).await.unwrap().rows;
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
        is_refused(env.delete_user(jane, &by()).await, Refusal::ActingClients);
        assert!(env.delete_client(acting, &by()).await.unwrap());
        assert!(env.delete_user(jane, &by()).await.unwrap(), "a person does not go with a client");
    }

    async fn a_user_deactivated_and_deleted_at_once_is_no_deadlock(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        admin(&env, "admin@example.com").await;
        for n in 0..20 {
            let (jane, _) = admin(&env, &format!("jane{n}@example.com")).await;
            let works = vec![
                work(move |env: Env| async move {
                    env.update_user(jane, active(false), &by()).await.map(|_| ())
                }),
                work(move |env: Env| async move { env.delete_user(jane, &by()).await.map(|_| ()) }),
            ];
            for outcome in on_nodes(database.url(), &env, works) {
                outcome.unwrap();
            }
            assert_eq!(env.user(jane).await.unwrap(), None);
        }
    }

    async fn pages_are_cut_by_key_in_both_directions(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let mut all = vec![seeded.service_user];
        for n in 0..24 {
            all.push(person(&env, &format!("user{n}@example.com")).await);
        }
        let page = Page { limit: 10, ..ALL };
        assert_eq!(pages(&env, page).await, [&all[..10], &all[10..20], &all[20..]]);
        let newest_first: Vec<_> = all.iter().rev().copied().collect();
        let backward = Page { newest_first: true, ..page };
        assert_eq!(pages(&env, backward).await, [&newest_first[..10], &newest_first[10..20], &newest_first[20..]]);
        assert_eq!(ids(&env, Page { offset: 22, ..page }).await, all[22..]);
        assert_eq!(ids(&env, Page { offset: 25, ..page }).await, []);
        assert_eq!(ids(&env, Page { limit: 2, offset: 3, beyond: Some(*all[4].as_bytes()), ..ALL }).await, all[8..10]);
        let counted = env.users(UserFilter::default(), Page { counted: true, limit: 1, ..ALL }).await.unwrap();
        assert_eq!((counted.rows.len(), counted.total), (1, Some(25)));
        let beyond = Page { counted: true, beyond: Some(*all[20].as_bytes()), ..page };
        let counted = env.users(UserFilter::default(), beyond).await.unwrap();
        assert_eq!((counted.rows.len(), counted.total), (4, Some(25)), "the count is of all rows, not of those beyond");
    }

    async fn a_page_begins_where_the_last_one_ended_whatever_came_or_went_meanwhile(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let mut all = vec![seeded.service_user];
        for n in 0..9 {
            all.push(person(&env, &format!("user{n}@example.com")).await);
        }
        let first = ids(&env, Page { limit: 5, ..ALL }).await;
        assert!(env.delete_user(all[1], &by()).await.unwrap());
        assert!(env.delete_user(all[4], &by()).await.unwrap());
        let late = person(&env, "late@example.com").await;
        let second = ids(&env, Page { beyond: first.last().map(|id| *id.as_bytes()), ..ALL }).await;
        assert_eq!(second, [&all[5..], &[late]].concat());
    }

    async fn filters_select_by_id_and_by_address_however_it_is_spelled(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let found = async |filter| {
            let listed = env.users(filter, Page { counted: true, ..ALL }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|user| user.id).collect::<Vec<_>>()
        };
        let email = |email: &str| Some(email.parse().unwrap());
        assert_eq!(found(UserFilter { ids: Some(vec![john, jane, john, new_id()]), email: None }).await, [jane, john]);
        assert_eq!(found(UserFilter { ids: Some(Vec::new()), email: None }).await, []);
        assert_eq!(found(UserFilter { ids: None, email: email("JANE@Example.COM") }).await, [jane]);
        assert_eq!(found(UserFilter { ids: Some(vec![john]), email: email("jane@example.com") }).await, []);
        assert_eq!(found(UserFilter { ids: None, email: email("jan_@example.com") }).await, []);
    }
}

fn active(active: bool) -> UserChange {
    UserChange { active: Some(active), ..UserChange::default() }
}

async fn ids(env: &Env, page: Page) -> Vec<Id<User>> {
    env.users(UserFilter::default(), page).await.unwrap().rows.into_iter().map(|user| user.id).collect()
}

/// All pages, each beginning where the one before ended.
async fn pages(env: &Env, mut page: Page) -> Vec<Vec<Id<User>>> {
    let mut pages = Vec::new();
    for _ in 0..10 {
        let ids = ids(env, page).await;
        let Some(last) = ids.last() else { return pages };
        page.beyond = Some(*last.as_bytes());
        pages.push(ids);
    }
    panic!("the list has no end");
}
