//! Permissions, and which roles hold them.

use paylent_domain::{
    Id,
    permission::{Permission, RolePermission},
    role::{ADMIN, Role},
};
use paylent_storage::{
    Env, Error, Expected, Links, NameIs, NewPermission, NewRole, Page, PermissionChange, PermissionFilter,
    RolePermissionFilter,
};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, admin, named, replace, role};

both! {
    async fn a_new_permission_is_held_by_the_admin_role_at_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, _) = admin(&env, "jane@example.com").await;
        let new = NewPermission { id: new_id(), name: "documents:read".into(), description: Some("Reads.".into()) };
        let made = env.create_permission(new.clone(), &by()).await.unwrap();
        assert!(!made.system);
        assert_eq!((made.name.as_str(), made.description.as_deref()), ("documents:read", Some("Reads.")));
        assert_eq!(env.permission(made.id).await.unwrap().as_ref(), Some(&made));
        assert!(env.authority(jane).await.unwrap().unwrap().permissions.contains("documents:read"));
        let holders = RolePermissionFilter { permission_id: Some(made.id), role_id: None };
        let holders = env.role_permissions(holders, ALL).await.unwrap().rows;
        assert_eq!(holders.iter().map(|held| held.role_id).collect::<Vec<_>>(), [role(&env, ADMIN).await]);
        assert_eq!(env.role_permission(holders[0].id).await.unwrap().as_ref(), Some(&holders[0]));
        let before = database.dump().await;
        let again = env.create_permission(NewPermission { id: new_id(), ..new }, &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn permissions_are_found_by_name_by_role_and_by_origin(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (sign, read) = (create(&env, "my_documents:sign").await, create(&env, "documents:read").await);
        let clerk = clerk(&env, &["documents:read", "users:read"]).await;
        let found = async |filter: PermissionFilter, page: Page| {
            let listed = env.permissions(filter, Page { counted: true, ..page }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|permission| permission.name).collect::<Vec<_>>()
        };
        let all = PermissionFilter::default;
        let custom = || PermissionFilter { system: Some(false), ..all() };
        let held = |role| PermissionFilter { role_ids: vec![role], ..all() };
        let containing = |part: &str| Page { name: vec![NameIs::Containing(part.to_owned())], ..ALL };
        assert_eq!(found(custom(), ALL).await, ["my_documents:sign", "documents:read"]);
        assert_eq!(found(custom(), by_name(false)).await, ["documents:read", "my_documents:sign"]);
        assert_eq!(found(custom(), by_name(true)).await, ["my_documents:sign", "documents:read"]);
        assert_eq!(found(all(), named("documents:read")).await, ["documents:read"]);
        assert_eq!(found(all(), containing("Y_D")).await, ["my_documents:sign"]);
        assert_eq!(found(all(), containing("users:%")).await, [] as [&str; 0]);
        assert_eq!(found(held(clerk), by_name(false)).await, ["documents:read", "users:read"]);
        assert_eq!(found(PermissionFilter { system: Some(true), ..held(clerk) }, ALL).await, ["users:read"]);
        assert_eq!(found(held(new_id()), ALL).await, [] as [&str; 0]);
        assert_eq!(found(held(role(&env, ADMIN).await), ALL).await.len(), found(all(), ALL).await.len());
        assert_ne!(sign, read);
    }

    async fn a_permission_is_described_anew(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let sign = create(&env, "documents:sign").await;
        let change = |text: Option<&str>| PermissionChange { description: Some(text.map(str::to_owned)) };
        let update = async |change| env.update_permission(sign, change, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(update(change(Some("Signs."))).await.description.as_deref(), Some("Signs."));
        assert_eq!(update(PermissionChange::default()).await.description.as_deref(), Some("Signs."));
        let last = update(change(None)).await;
        assert_eq!((last.name.as_str(), last.description.as_deref()), ("documents:sign", None));
        assert_eq!(env.permission(sign).await.unwrap(), Some(last));
    }

    async fn a_deleted_permission_is_nobodys_even_when_it_is_made_again(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let sign = create(&env, "documents:sign").await;
        let clerk = clerk(&env, &["documents:sign", "users:read"]).await;
        assert!(env.delete_permission(sign, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_permission(sign, &Expected::Any, &by()).await.unwrap());
        assert_eq!(held(&env, clerk).await, ["users:read"]);
        create(&env, "documents:sign").await;
        assert_eq!(held(&env, clerk).await, ["users:read"]);
        assert!(held(&env, role(&env, ADMIN).await).await.contains(&"documents:sign".to_owned()));
    }

    async fn a_permission_is_held_once_until_it_is_taken(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (sign, clerk) = (create(&env, "documents:sign").await, clerk(&env, &[]).await);
        let made = env.grant_permission(holding(clerk, sign), &by()).await.unwrap();
        assert_eq!(env.role_permission(made.id).await.unwrap().as_ref(), Some(&made));
        assert_eq!(held(&env, clerk).await, ["documents:sign"]);
        let again = env.grant_permission(holding(clerk, sign), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        for wrong in [holding(new_id(), sign), holding(clerk, new_id())] {
            let outcome = env.grant_permission(wrong, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert!(env.delete_role_permission(made.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_role_permission(made.id, &Expected::Any, &by()).await.unwrap());
        assert!(held(&env, clerk).await.is_empty());
        let targets = "SELECT targets FROM audit_events WHERE action LIKE 'role_permission.%' ORDER BY id";
        let targets = database.values(targets).await;
        assert_eq!(targets.len(), 2);
        for targets in targets {
            assert!(targets.contains(r#""name":"clerk""#) && targets.contains(r#""name":"documents:sign""#), "{targets}");
        }
    }

    async fn a_role_is_linked_to_permissions_and_only_what_changes_is_told(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (read, sign) = (create(&env, "documents:read").await, create(&env, "documents:sign").await);
        let (clerk, other) = (clerk(&env, &["users:read"]).await, role(&env, "viewer").await);
        let others = held(&env, other).await;
        let users = PermissionFilter { role_ids: vec![clerk], system: None };
        let users = env.permissions(users, ALL).await.unwrap().rows[0].id;
        let cases = [
            (Links::Add(vec![]), vec!["users:read"], [0, 0]),
            (Links::Add(vec![read, users, read]), vec!["documents:read", "users:read"], [1, 0]),
            (Links::Add(vec![read]), vec!["documents:read", "users:read"], [0, 0]),
            (replace(vec![sign, read]), vec!["documents:read", "documents:sign"], [1, 1]),
            (replace(vec![read, sign]), vec!["documents:read", "documents:sign"], [0, 0]),
            (Links::Remove(vec![users, new_id()]), vec!["documents:read", "documents:sign"], [0, 0]),
            (Links::Remove(vec![sign]), vec!["documents:read"], [0, 1]),
            (replace(vec![]), vec![], [0, 1]),
        ];
        for (links, expected, [made, taken]) in cases {
            let before = events(&database).await;
            env.link_role_permissions(clerk, links.clone(), &by()).await.unwrap();
            assert_eq!(held(&env, clerk).await, expected, "{links:?}");
            let after = events(&database).await;
            assert_eq!([after[0] - before[0], after[1] - before[1]], [made, taken], "{links:?}");
        }
        assert_eq!(held(&env, other).await, others, "no other role lost any");
    }

    async fn links_to_what_is_not_there_change_nothing(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (sign, clerk) = (create(&env, "documents:sign").await, clerk(&env, &["users:read"]).await);
        let before = database.dump().await;
        for links in [Links::Add(vec![sign, new_id()]), replace(vec![sign, new_id()])] {
            let outcome = env.link_role_permissions(clerk, links, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        for links in [Links::Add(vec![]), Links::Remove(vec![sign])] {
            let outcome = env.link_role_permissions(new_id(), links, &by()).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn the_permissions_of_several_roles_are_read_at_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (read, sign) = (create(&env, "documents:read").await, create(&env, "documents:sign").await);
        let clerk = clerk(&env, &["documents:sign", "documents:read"]).await;
        let none = env.create_role(new_role("none", &[]), &by()).await.unwrap().id;
        let mut expected = [(clerk, read), (clerk, sign)];
        expected.sort();
        assert_eq!(env.permissions_of_roles(vec![none, clerk, new_id()]).await.unwrap(), expected);
        assert_eq!(env.permissions_of_roles(vec![]).await.unwrap(), []);
        let all = env.permissions_of_roles(vec![role(&env, ADMIN).await, clerk]).await.unwrap();
        assert!(all.is_sorted() && all.len() > 50);
    }
}

/// How many holdings began and ended.
async fn events(database: &TestDatabase) -> [usize; 2] {
    let count = async |verb| database.count(&format!("audit_events WHERE action = 'role_permission.{verb}'")).await;
    [count("created").await, count("deleted").await]
}

fn by_name(descending: bool) -> Page {
    let order = paylent_storage::Order { by_name: Some(descending), newest_first: false };
    Page { order, ..ALL }
}

async fn held(env: &Env, role: Id<Role>) -> Vec<String> {
    env.permissions_of_role(role).await.unwrap().iter().map(str::to_owned).collect()
}

async fn create(env: &Env, name: &str) -> Id<Permission> {
    let new = NewPermission { id: new_id(), name: name.to_owned(), description: None };
    env.create_permission(new, &by()).await.unwrap().id
}

async fn clerk(env: &Env, permissions: &[&str]) -> Id<Role> {
    env.create_role(new_role("clerk", permissions), &by()).await.unwrap().id
}

fn new_role(name: &str, permissions: &[&str]) -> NewRole {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    NewRole { id: new_id(), name: name.to_owned(), description: None, permissions }
}

fn holding(role_id: Id<Role>, permission_id: Id<Permission>) -> RolePermission {
    RolePermission { id: new_id(), role_id, permission_id, created_at: by().at }
}
