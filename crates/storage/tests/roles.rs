//! Roles with their permissions, and resource servers with their scopes.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use paylent_domain::{Id, resource_server::ResourceServer, role::Role, scope::Scopes};
use paylent_storage::{Env, Error, NewRole, Page, ResourceServerFilter, RoleFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, connect, resource_server};

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

    async fn roles_made_at_once_may_share_a_new_permission(database: TestDatabase) {
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
    }

    async fn roles_are_found_by_id_and_by_name(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let clerk = create(&env, "clerk", &[]).await.unwrap();
        let found = async |filter| {
            let listed = env.roles(filter, Page { counted: true, ..ALL }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            // In the order of their ids: those of one environment's first roles are of one moment.
            listed.rows.into_iter().map(|role| role.name).collect::<BTreeSet<_>>()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let named = |name: &str| RoleFilter { name: Some(name.to_owned()), ids: None };
        assert_eq!(found(RoleFilter::default()).await, names(&["admin", "clerk", "viewer"]));
        assert_eq!(found(named("clerk")).await, names(&["clerk"]));
        assert_eq!(found(named("Clerk")).await, names(&[]));
        assert_eq!(found(RoleFilter { ids: Some(vec![clerk.id, new_id()]), name: None }).await, names(&["clerk"]));
    }

    async fn a_resource_server_has_the_scopes_it_was_made_with(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap();
        assert_eq!(env.resource_server(made.id).await.unwrap().as_ref(), Some(&made));
        assert_eq!(env.scopes_of(made.id).await.unwrap(), Scopes::stored("documents:read documents:write"));
        assert!(env.scopes_of(new_id()).await.unwrap().is_empty());
        let again = env.create_resource_server(resource_server("https://api.example"), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
    }

    async fn resource_servers_are_found_by_id_identifier_and_origin(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap();
        let found = async |filter| -> Vec<Id<ResourceServer>> {
            let rows = env.resource_servers(filter, ALL).await.unwrap().rows;
            rows.into_iter().map(|server| server.id).collect()
        };
        let named = |identifier: &str| ResourceServerFilter {
            identifier: Some(identifier.to_owned()),
            ..ResourceServerFilter::default()
        };
        let system = |system| ResourceServerFilter { system: Some(system), ..ResourceServerFilter::default() };
        let ids = |ids| ResourceServerFilter { ids: Some(ids), ..ResourceServerFilter::default() };
        assert_eq!(found(named("https://api.example")).await, [made.id]);
        assert_eq!(found(named("https://api.example/")).await, []);
        assert_eq!(found(system(false)).await, [made.id]);
        let management_api = found(system(true)).await;
        assert_eq!(management_api.len(), 1);
        assert_ne!(management_api, [made.id]);
        assert_eq!(found(ids(vec![made.id])).await, [made.id]);
    }
}

async fn create(env: &Env, name: &str, permissions: &[&str]) -> paylent_storage::Result<Role> {
    let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
    env.create_role(NewRole { id: new_id(), name: name.to_owned(), description: None, permissions }, &by()).await
}
