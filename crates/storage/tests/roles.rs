//! Roles: what they hold, how they are listed, changed and deleted.

use futures_util::future::join_all;
use paylent_domain::{
    Id,
    role::{ADMIN, Role},
};
use paylent_storage::{
    Env, Error, Expected, NameIs, NewInvitation, NewRole, Order, Page, Place, RoleChange, RoleFilter,
    RolePermissionFilter, UserRoleFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, assign, connect, invitation, member, membership_role, named, of_ids, organization, person, role,
};

both! {
    async fn a_role_holds_the_permissions_it_was_made_with(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let clerk = create(&env, "clerk", &["users:read", "documents:sign"]).await.unwrap();
        assert!(!clerk.system);
        assert_eq!(env.role(clerk.id).await.unwrap().as_ref(), Some(&clerk));
        let held = env.permissions_of_role(clerk.id).await.unwrap();
        assert_eq!(held.iter().collect::<Vec<_>>(), ["documents:sign", "users:read"]);
        assert_eq!(env.permissions_of_role(new_id()).await.unwrap().iter().count(), 0);
        let again = create(&env, "clerk", &[]).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
    }

    async fn roles_made_at_once_may_share_a_new_permission_which_the_admin_role_holds(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        connect(&database.db()).await;
        let roles = (0..8).map(|n| {
            let env = env.clone();
            async move { create(&env, &format!("clerk {n}"), &["documents:read", "documents:sign"]).await }
        });
        for role in join_all(roles).await {
            assert_eq!(env.permissions_of_role(role.unwrap().id).await.unwrap().iter().count(), 2);
        }
        assert_eq!(database.count("permissions WHERE name LIKE 'documents:%'").await, 2);
        let held = env.permissions_of_role(role(&env, ADMIN).await).await.unwrap();
        assert!(held.contains("documents:read") && held.contains("documents:sign"));
        let held = env.permissions_of_role(role(&env, "viewer").await).await.unwrap();
        assert!(!held.contains("documents:read"));
    }

    async fn roles_are_found_by_id_by_name_and_by_who_holds_them(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let clerk = create(&env, "100%_Clerk", &["users:read"]).await.unwrap().id;
        let (admin, viewer) = (role(&env, ADMIN).await, role(&env, "viewer").await);
        let jane = person(&env, "jane@example.com").await;
        assign(&env, jane, clerk).await;
        assign(&env, jane, viewer).await;
        let here = member(&env, jane, organization(&env, "Shop").await).await;
        env.create_membership_role(membership_role(&here, admin), &by()).await.unwrap();
        let held = RolePermissionFilter { role_id: Some(clerk), permission_id: None };
        let read = env.role_permissions(held, ALL).await.unwrap().rows[0].permission_id;
        let by_user = RoleFilter { user_ids: vec![jane], ..RoleFilter::default() };
        let by_permission = RoleFilter { permission_ids: vec![read], ..RoleFilter::default() };
        let by_membership = RoleFilter { membership_id: Some(here.id), ..RoleFilter::default() };
        let system = |system| RoleFilter { system: Some(system), ..RoleFilter::default() };
        let containing = |part: &str| Page { name: vec![NameIs::Containing(part.to_owned())], ..ALL };
        let not_admin = Page { name: vec![NameIs::Not("admin".to_owned())], ..ALL };
        let cases = [
            (RoleFilter::default(), ALL, vec![admin, viewer, clerk]),
            (RoleFilter::default(), of_ids(&[clerk, new_id()]), vec![clerk]),
            (RoleFilter::default(), named("viewer"), vec![viewer]),
            (RoleFilter::default(), named("Viewer"), vec![]),
            (RoleFilter::default(), not_admin, vec![viewer, clerk]),
            (RoleFilter::default(), containing("IE"), vec![viewer]),
            (RoleFilter::default(), containing("%_c"), vec![clerk]),
            (RoleFilter::default(), containing("_"), vec![clerk]),
            (RoleFilter::default(), containing("0_%"), vec![]),
            (by_user.clone(), ALL, vec![viewer, clerk]),
            (by_user.clone(), named("viewer"), vec![viewer]),
            (RoleFilter { system: Some(false), ..by_user.clone() }, ALL, vec![clerk]),
            (RoleFilter { permission_ids: vec![read], ..by_user }, ALL, vec![viewer, clerk]),
            (by_permission, ALL, vec![admin, viewer, clerk]),
            (by_membership, ALL, vec![admin]),
            (system(true), ALL, vec![admin, viewer]),
            (system(false), ALL, vec![clerk]),
        ];
        for (filter, page, mut expected) in cases {
            let listed = env.roles(filter.clone(), Page { counted: true, ..page.clone() }).await.unwrap();
            let mut found: Vec<_> = listed.rows.into_iter().map(|role| role.id).collect();
            // Those of an environment's first roles are of one moment.
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{filter:?}, {page:?}");
            assert_eq!(listed.total.unwrap(), i64::try_from(expected.len()).unwrap());
        }
    }

    async fn roles_are_listed_by_name_in_both_directions(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        for name in ["zoo", "Äpfel", "Zoo", "a"] {
            create(&env, name, &[]).await.unwrap();
        }
        let sorted = ["Zoo", "a", "admin", "viewer", "zoo", "Äpfel"];
        for descending in [false, true] {
            let order = Order { by_name: Some(descending), newest_first: false };
            let (mut names, mut page) = (Vec::new(), Page { limit: 2, order, counted: true, ..ALL });
            for _ in 0..3 {
                let listed = env.roles(RoleFilter::default(), page.clone()).await.unwrap();
                assert_eq!(listed.total, Some(6));
                let last = listed.rows.last().unwrap();
                page.beyond = Some(Place { name: last.name.clone(), id: *last.id.as_bytes() });
                names.extend(listed.rows.into_iter().map(|role| role.name));
            }
            if descending {
                names.reverse();
            }
            assert_eq!(names, sorted);
            assert!(env.roles(RoleFilter::default(), page).await.unwrap().rows.is_empty());
        }
    }

    async fn a_role_is_changed_where_the_change_says_so(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let clerk = create(&env, "clerk", &["users:read"]).await.unwrap();
        let update = async |change| env.update_role(clerk.id, change, &Expected::Any, &by()).await;
        let described = RoleChange { description: Some(Some("Signs.".to_owned())), ..RoleChange::default() };
        let described = update(described).await.unwrap().unwrap();
        assert_eq!((described.name.as_str(), described.description.as_deref()), ("clerk", Some("Signs.")));
        assert!(described.updated_at > clerk.updated_at);
        let renamed = RoleChange { name: Some("notary".to_owned()), ..RoleChange::default() };
        let renamed = update(renamed).await.unwrap().unwrap();
        assert_eq!((renamed.name.as_str(), renamed.description.as_deref()), ("notary", Some("Signs.")));
        assert_eq!(env.role(clerk.id).await.unwrap(), Some(renamed));
        let changes = "SELECT changes FROM audit_events WHERE action = 'role.updated' ORDER BY id";
        let expected = [r#"{"description":{"from":null,"to":"Signs."}}"#, r#"{"name":{"from":"clerk","to":"notary"}}"#];
        assert_eq!(database.values(changes).await, expected);
        let before = database.dump().await;
        let taken = update(RoleChange { name: Some(ADMIN.to_owned()), description: Some(None) }).await;
        assert!(matches!(taken, Err(Error::Conflict)), "{taken:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn a_change_at_the_same_moment_makes_another_version(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let context = by();
        let new = NewRole { id: new_id(), name: "clerk".into(), description: None, permissions: Default::default() };
        let made = env.create_role(new, &context).await.unwrap();
        let update = async |by| env.update_role(made.id, RoleChange::default(), &Expected::Any, by).await;
        let first = update(&context).await.unwrap().unwrap();
        let second = update(&context).await.unwrap().unwrap();
        assert!(made.updated_at < first.updated_at && first.updated_at < second.updated_at);
    }

    async fn a_deleted_role_is_taken_from_whoever_holds_it(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (clerk, viewer) = (create(&env, "clerk", &["documents:sign"]).await.unwrap().id, role(&env, "viewer").await);
        let (jane, shop) = (person(&env, "jane@example.com").await, organization(&env, "Shop").await);
        let here = member(&env, jane, shop).await;
        for role in [clerk, viewer] {
            assign(&env, jane, role).await;
            env.create_membership_role(membership_role(&here, role), &by()).await.unwrap();
        }
        let invited = NewInvitation { role_ids: vec![clerk, viewer], ..invitation(jane, shop, "john@example.com") };
        env.create_invitation(invited, &by()).await.unwrap();
        assert!(env.delete_role(clerk, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_role(clerk, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.role(clerk).await.unwrap(), None);
        for table in ["user_roles", "membership_roles", "invitation_roles", "role_permissions"] {
            assert_eq!(database.count(&format!("{table} WHERE role_id = {}", database.bytes(clerk.as_bytes()))).await, 0);
        }
        let held = UserRoleFilter { user_id: Some(jane), ..UserRoleFilter::default() };
        let held = env.user_roles(held, ALL).await.unwrap().rows;
        assert_eq!(held.into_iter().map(|held| held.role_id).collect::<Vec<_>>(), [viewer]);
        assert!(!env.authority(jane).await.unwrap().unwrap().permissions.contains("documents:sign"));
        assert_eq!(database.count("permissions WHERE name = 'documents:sign'").await, 1, "it outlives the role");
    }

    async fn a_role_counts_its_holders_and_its_permissions(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let clerk = create(&env, "clerk", &["users:read", "users:update", "documents:sign"]).await.unwrap().id;
        assert_eq!(env.role_counts(clerk).await.unwrap(), (0, 3));
        for n in 0..2 {
            assign(&env, person(&env, &format!("user{n}@example.com")).await, clerk).await;
        }
        assert_eq!(env.role_counts(clerk).await.unwrap(), (2, 3));
        assert_eq!(env.role_counts(new_id()).await.unwrap(), (0, 0));
    }
}

async fn create(env: &Env, name: &str, permissions: &[&str]) -> paylent_storage::Result<Role> {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    let id: Id<Role> = new_id();
    env.create_role(NewRole { id, name: name.to_owned(), description: None, permissions }, &by()).await
}
