//! Who holds which roles, and the last admin.

use paylent_domain::{
    Id,
    role::{ADMIN, Role, UserRole},
    user::{User, UserChange},
};
use paylent_storage::{Env, Error, Expected, Links, NewRole, Refusal, Result, RoleFilter, UserRoleFilter};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};
use serde_json::{Value, json};

use crate::common::{ALL, Work, admin, assign, is_refused, on_nodes, person, replace, role, user_role, work};

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
        assert!(env.delete_user_role(held.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_user_role(held.id, &Expected::Any, &by()).await.unwrap());
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
        let found = async |user_id, role_id, role_name: Option<&str>| {
            let filter = UserRoleFilter { user_id, role_id, role_name: role_name.map(str::to_owned) };
            let rows = env.user_roles(filter, ALL).await.unwrap().rows;
            rows.into_iter().map(|held| held.id).collect::<Vec<_>>()
        };
        assert_eq!(found(Some(jane), None, None).await, held);
        assert_eq!(found(Some(jane), Some(admin), None).await, held[1..]);
        assert_eq!(found(None, Some(viewer), None).await, held[..1]);
        assert_eq!(found(None, None, Some("viewer")).await, held[..1]);
        assert_eq!(found(Some(jane), None, Some("admin")).await, held[1..]);
        assert_eq!(found(Some(jane), Some(viewer), Some("admin")).await, []);
        assert_eq!(found(None, None, Some("Admin")).await, []);
        assert_eq!(found(None, None, Some("admin")).await.len(), 2, "the machine's, too");
        assert_eq!(found(None, None, None).await.len(), 3);
        let mut pairs = [(jane, viewer), (jane, admin), (seeded.service_user, admin)];
        pairs.sort();
        assert_eq!(env.roles_of_users(vec![jane, new_id(), seeded.service_user]).await.unwrap(), pairs);
        assert_eq!(env.roles_of_users(vec![]).await.unwrap(), []);
    }

    async fn a_user_is_linked_to_roles_and_only_what_changes_is_told(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let (viewer, clerk, notary) =
            (role(&env, "viewer").await, new_role(&env, "clerk").await, new_role(&env, "notary").await);
        assign(&env, john, viewer).await;
        let cases = [
            (Links::Add(vec![]), vec![], [0, 0]),
            (Links::Add(vec![viewer, clerk, viewer]), vec!["clerk", "viewer"], [2, 0]),
            (Links::Add(vec![viewer]), vec!["clerk", "viewer"], [0, 0]),
            (replace(vec![notary, clerk]), vec!["clerk", "notary"], [1, 1]),
            (replace(vec![clerk, notary]), vec!["clerk", "notary"], [0, 0]),
            (Links::Remove(vec![viewer, new_id()]), vec!["clerk", "notary"], [0, 0]),
            (Links::Remove(vec![notary]), vec!["clerk"], [0, 1]),
            (replace(vec![]), vec![], [0, 1]),
        ];
        for (links, expected, [made, taken]) in cases {
            let before = events(&database).await;
            env.link_user_roles(jane, links.clone(), &by()).await.unwrap();
            assert_eq!(held(&env, jane).await, expected, "{links:?}");
            let after = events(&database).await;
            assert_eq!([after[0] - before[0], after[1] - before[1]], [made, taken], "{links:?}");
        }
        assert_eq!(held(&env, john).await, ["viewer"], "nobody else lost any");
        let before = database.dump().await;
        let overtaken = |was| Links::Replace { was: Some(was), with: vec![viewer] };
        for was in [vec![clerk], vec![viewer, clerk]] {
            is_refused(env.link_user_roles(jane, overtaken(was), &by()).await, Refusal::Overtaken);
        }
        for links in [Links::Add(vec![clerk, new_id()]), replace(vec![clerk, new_id()])] {
            let outcome = env.link_user_roles(jane, links, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        for links in [Links::Add(vec![]), Links::Remove(vec![clerk])] {
            let outcome = env.link_user_roles(new_id(), links, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn an_assignment_that_comes_or_goes_is_told_with_names(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, viewer) = (person(&env, "jane@example.com").await, role(&env, "viewer").await);
        let one = assign(&env, jane, viewer).await;
        env.delete_user_role(one, &Expected::Any, &by()).await.unwrap();
        env.link_user_roles(jane, Links::Add(vec![viewer]), &by()).await.unwrap();
        env.link_user_roles(jane, replace(vec![]), &by()).await.unwrap();
        let targets = database.values("SELECT targets FROM audit_events WHERE action LIKE 'user_role.%'").await;
        assert_eq!(targets.len(), 4);
        let expected =
            [json!({"type": "user", "id": jane, "name": "jane@example.com"}), json!({"type": "role", "id": viewer, "name": "viewer"})];
        for targets in targets {
            let targets: Vec<Value> = serde_json::from_str(&targets).unwrap();
            assert_eq!((&targets[0]["type"], &targets[0]["name"]), (&json!("user_role"), &json!("viewer")));
            assert_eq!(targets[1..], expected);
        }
    }

    async fn sets_of_roles_that_are_written_at_once_do_not_mix(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let mut roles = Vec::new();
        for n in 0..4 {
            roles.push(new_role(&env, &format!("role{n}")).await);
        }
        let [a, b, c, d] = roles[..] else { panic!("four roles") };
        for _ in 0..10 {
            let sets = [vec![a, b], vec![c, d], vec![b, c]];
            let works = sets.into_iter().map(|set| {
                work(move |env: Env| async move { env.link_user_roles(jane, replace(set), &by()).await })
            });
            for outcome in on_nodes(database.url(), &env, works.collect()) {
                outcome.unwrap();
            }
            let held = held(&env, jane).await;
            assert!([["role0", "role1"], ["role2", "role3"], ["role1", "role2"]].iter().any(|set| held == set), "{held:?}");
        }
    }

    async fn rb_last_admin_the_last_admin_is_not_demoted_deactivated_or_deleted(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, held) = admin(&env, "jane@example.com").await;
        let before = database.dump().await;
        is_refused(env.delete_user_role(held, &Expected::Any, &by()).await, Refusal::LastAdmin);
        is_refused(env.update_user(jane, inactive(), &Expected::Any, &by()).await, Refusal::LastAdmin);
        is_refused(env.delete_user(jane, &Expected::Any, &by()).await, Refusal::LastAdmin);
        let (admin, viewer) = (role(&env, ADMIN).await, role(&env, "viewer").await);
        for links in [Links::Remove(vec![admin]), replace(vec![viewer]), replace(vec![])] {
            is_refused(env.link_user_roles(jane, links, &by()).await, Refusal::LastAdmin);
        }
        assert_eq!(database.dump().await, before);
    }

    async fn rb_last_admin_an_inactive_admin_and_a_machine_do_not_count(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (_, held) = admin(&env, "jane@example.com").await;
        let (john, his) = admin(&env, "john@example.com").await;
        env.update_user(john, inactive(), &Expected::Any, &by()).await.unwrap().unwrap();
        is_refused(env.delete_user_role(held, &Expected::Any, &by()).await, Refusal::LastAdmin);
        assert!(env.delete_user_role(his, &Expected::Any, &by()).await.unwrap(), "an inactive admin may lose the role");
        is_refused(env.delete_user_role(held, &Expected::Any, &by()).await, Refusal::LastAdmin);
    }

    async fn rb_last_admin_other_changes_of_the_last_admin_are_free(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, _) = admin(&env, "jane@example.com").await;
        let extra = assign(&env, jane, role(&env, "viewer").await).await;
        assert!(env.delete_user_role(extra, &Expected::Any, &by()).await.unwrap());
        let renamed = UserChange { first_name: Some(None), active: Some(true), ..UserChange::default() };
        env.update_user(jane, renamed, &Expected::Any, &by()).await.unwrap().unwrap();
        let (john, held) = admin(&env, "john@example.com").await;
        assert!(env.delete_user_role(held, &Expected::Any, &by()).await.unwrap());
        let (admin, viewer) = (role(&env, ADMIN).await, role(&env, "viewer").await);
        env.link_user_roles(jane, replace(vec![viewer, admin]), &by()).await.unwrap();
        env.link_user_roles(jane, Links::Remove(vec![viewer]), &by()).await.unwrap();
        env.link_user_roles(john, Links::Add(vec![admin]), &by()).await.unwrap();
        env.link_user_roles(jane, replace(vec![]), &by()).await.unwrap();
        assert_eq!(self::held(&env, john).await, ["admin"]);
    }

    async fn rb_last_admin_two_admins_who_go_at_once_leave_one(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (first, second) = (admin(&env, "a@example.com").await, admin(&env, "b@example.com").await);
        let (mut first, mut second) = (Some(first), Some(second));
        for n in 0..32 {
            let (one, other) = (first.unwrap(), second.unwrap());
            let works = vec![departure(n % 4, one), departure(n / 4 % 4, other)];
            let mut outcomes = on_nodes(database.url(), &env, works);
            let gone = outcomes.iter().position(Result::is_ok);
            is_refused(outcomes.remove(1 - gone.unwrap()), Refusal::LastAdmin);
            let newcomer = Some(admin(&env, &format!("user{n}@example.com")).await);
            if gone == Some(0) { first = newcomer } else { second = newcomer }
        }
    }
}

type Admin = (Id<User>, Id<UserRole>);

/// One of the ways in which an environment loses an admin.
fn departure(way: usize, (user, held): Admin) -> Work<Result<()>> {
    match way {
        0 => work(move |env: Env| async move { env.delete_user_role(held, &Expected::Any, &by()).await.map(|_| ()) }),
        1 => work(
            move |env: Env| async move { env.update_user(user, inactive(), &Expected::Any, &by()).await.map(|_| ()) },
        ),
        2 => work(move |env: Env| async move { env.link_user_roles(user, replace(vec![]), &by()).await }),
        _ => work(move |env: Env| async move { env.delete_user(user, &Expected::Any, &by()).await.map(|_| ()) }),
    }
}

fn inactive() -> UserChange {
    UserChange { active: Some(false), ..UserChange::default() }
}

/// The names of the roles that a user holds.
async fn held(env: &Env, user: Id<User>) -> Vec<String> {
    let held = RoleFilter { user_ids: vec![user], ..RoleFilter::default() };
    let mut names: Vec<_> = env.roles(held, ALL).await.unwrap().rows.into_iter().map(|role| role.name).collect();
    names.sort();
    names
}

async fn new_role(env: &Env, name: &str) -> Id<Role> {
    let new = NewRole { id: new_id(), name: name.to_owned(), description: None, permissions: Default::default() };
    env.create_role(new, &by()).await.unwrap().id
}

/// How many assignments began and ended.
async fn events(database: &TestDatabase) -> [usize; 2] {
    let count = async |verb| database.count(&format!("audit_events WHERE action = 'user_role.{verb}'")).await;
    [count("created").await, count("deleted").await]
}
