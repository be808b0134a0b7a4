//! Who holds which roles, and the last admin.

use paylent_domain::{
    Id,
    role::{ADMIN, UserRole},
    user::{User, UserChange},
};
use paylent_storage::{Env, Error, Refusal, Result, UserRoleFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, Work, admin, assign, is_refused, on_nodes, person, role, user_role, work};

both! {
    async fn a_role_is_held_once_until_it_is_taken(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let held = env.assign_role(user_role(jane, viewer), &by()).await.unwrap();
        let stored = env.user_role(held.id).await.unwrap().unwrap();
        assert_eq!((stored.user_id, stored.role_id), (jane, viewer));
        let again = env.assign_role(user_role(jane, viewer), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        assert!(env.authority(jane).await.unwrap().unwrap().permissions.contains("users:read"));
        assert!(env.delete_user_role(held.id, &by()).await.unwrap());
        assert!(!env.delete_user_role(held.id, &by()).await.unwrap());
        assert_eq!(env.authority(jane).await.unwrap().unwrap().permissions.iter().count(), 0);
    }

    async fn a_role_or_user_that_is_not_there_cannot_be_assigned(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        for wrong in [user_role(new_id(), viewer), user_role(jane, new_id())] {
            let outcome = env.assign_role(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
    }

    async fn assignments_are_listed_by_user_and_by_role(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let admin = role(&env, ADMIN).await;
        let held = [assign(&env, jane, viewer).await, assign(&env, jane, admin).await];
        let found = async |user_id, role_id| {
            let rows = env.user_roles(UserRoleFilter { user_id, role_id }, ALL).await.unwrap().rows;
            rows.into_iter().map(|held| held.id).collect::<Vec<_>>()
        };
        assert_eq!(found(Some(jane), None).await, held);
        assert_eq!(found(Some(jane), Some(admin)).await, held[1..]);
        assert_eq!(found(None, Some(viewer)).await, held[..1]);
        assert_eq!(found(None, None).await.len(), 3, "the machine's, too");
    }

    async fn rb_last_admin_the_last_admin_is_not_demoted_deactivated_or_deleted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, held) = admin(&env, "jane@example.com").await;
        let before = database.dump().await;
        is_refused(env.delete_user_role(held, &by()).await, Refusal::LastAdmin);
        is_refused(env.update_user(jane, inactive(), &by()).await, Refusal::LastAdmin);
        is_refused(env.delete_user(jane, &by()).await, Refusal::LastAdmin);
        assert_eq!(database.dump().await, before);
    }

    async fn rb_last_admin_an_inactive_admin_and_a_machine_do_not_count(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (_, held) = admin(&env, "jane@example.com").await;
        let (john, his) = admin(&env, "john@example.com").await;
        env.update_user(john, inactive(), &by()).await.unwrap().unwrap();
        is_refused(env.delete_user_role(held, &by()).await, Refusal::LastAdmin);
        assert!(env.delete_user_role(his, &by()).await.unwrap(), "an inactive admin may lose the role");
        is_refused(env.delete_user_role(held, &by()).await, Refusal::LastAdmin);
    }

    async fn rb_last_admin_other_changes_of_the_last_admin_are_free(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, _) = admin(&env, "jane@example.com").await;
        let extra = assign(&env, jane, role(&env, "viewer").await).await;
        assert!(env.delete_user_role(extra, &by()).await.unwrap());
        let renamed = UserChange { first_name: Some(None), active: Some(true), ..UserChange::default() };
        env.update_user(jane, renamed, &by()).await.unwrap().unwrap();
        let (_, held) = admin(&env, "john@example.com").await;
        assert!(env.delete_user_role(held, &by()).await.unwrap());
    }

    async fn rb_last_admin_two_admins_who_go_at_once_leave_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (first, second) = (admin(&env, "a@example.com").await, admin(&env, "b@example.com").await);
        let (mut first, mut second) = (Some(first), Some(second));
        for n in 0..18 {
            let (one, other) = (first.unwrap(), second.unwrap());
            let works = vec![departure(n % 3, one), departure(n / 3 % 3, other)];
            let mut outcomes = on_nodes(database.url(), &env, works);
            let gone = outcomes.iter().position(Result::is_ok);
            is_refused(outcomes.remove(1 - gone.unwrap()), Refusal::LastAdmin);
            let newcomer = Some(admin(&env, &format!("user{n}@example.com")).await);
            if gone == Some(0) { first = newcomer } else { second = newcomer }
        }
    }
}

type Admin = (Id<User>, Id<UserRole>);

/// One of the three ways in which an environment loses an admin.
fn departure(way: usize, (user, held): Admin) -> Work<Result<()>> {
    match way {
        0 => work(move |env: Env| async move { env.delete_user_role(held, &by()).await.map(|_| ()) }),
        1 => work(move |env: Env| async move { env.update_user(user, inactive(), &by()).await.map(|_| ()) }),
        _ => work(move |env: Env| async move { env.delete_user(user, &by()).await.map(|_| ()) }),
    }
}

fn inactive() -> UserChange {
    UserChange { active: Some(false), ..UserChange::default() }
}
