//! Resource servers: how they are listed, changed and deleted.

use paylent_domain::{Id, resource_server::ResourceServer, scope::Scopes};
use paylent_storage::{
    Env, Error, Expected, Links, NameIs, NewClientGrant, NewResourceServer, Order, Page, Place, Refusal,
    ResourceServerChange, ResourceServerFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, is_refused, named, of_ids, resource_server};

both! {
    async fn a_resource_server_has_the_scopes_it_was_made_with(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap();
        assert_eq!(env.resource_server(made.id).await.unwrap().as_ref(), Some(&made));
        assert_eq!(env.scopes_of(made.id).await.unwrap(), Scopes::stored("documents:read documents:write"));
        assert!(env.scopes_of(new_id()).await.unwrap().is_empty());
        let again = env.create_resource_server(resource_server("https://api.example"), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        let scopes: Scopes = (0..1_001).map(|n| format!("s{n}")).collect();
        let too_many = NewResourceServer { scopes, ..resource_server("https://big.example") };
        is_refused(env.create_resource_server(too_many, &by()).await, Refusal::TooMany);
    }

    async fn resource_servers_are_found_by_id_identifier_name_and_origin(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap().id;
        let all = ResourceServerFilter::default;
        let identified = |identifier: &str| ResourceServerFilter { identifier: Some(identifier.to_owned()), ..all() };
        let system = |system| ResourceServerFilter { system: Some(system), ..all() };
        assert_eq!(found(&env, identified("https://api.example"), ALL).await, [made]);
        assert_eq!(found(&env, identified("https://api.example/"), ALL).await, []);
        assert_eq!(found(&env, system(false), ALL).await, [made]);
        let management_api = found(&env, system(true), ALL).await;
        assert_eq!(management_api.len(), 1);
        assert_ne!(management_api, [made]);
        assert_eq!(found(&env, all(), of_ids(&[made])).await, [made]);
        assert_eq!(found(&env, all(), named("Management API")).await, management_api);
        assert_eq!(found(&env, all(), Page { name: vec![NameIs::Containing("NT A".into())], ..ALL }).await, management_api);
        assert_eq!(found(&env, all(), Page { name: vec![NameIs::Containing("t_A".into())], ..ALL }).await, []);
    }

    async fn resource_servers_of_one_name_are_listed_in_the_order_of_their_ids(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let mut made = Vec::new();
        for (n, name) in ["b", "c", "b", "a", "b"].into_iter().enumerate() {
            let new = resource_server(&format!("https://api{n}.example"));
            made.push(env.create_resource_server(NewResourceServer { name: name.into(), ..new }, &by()).await.unwrap().id);
        }
        let custom = ResourceServerFilter { system: Some(false), identifier: None };
        for (descending, newest_first, expected) in [
            (false, false, [3, 0, 2, 4, 1]),
            (false, true, [3, 4, 2, 0, 1]),
            (true, false, [1, 0, 2, 4, 3]),
            (true, true, [1, 4, 2, 0, 3]),
        ] {
            let expected = expected.map(|n| made[n]);
            let order = Order { by_name: Some(descending), newest_first };
            for limit in 1..=5 {
                let (mut rows, mut page) = (Vec::new(), Page { limit, order, ..ALL });
                loop {
                    let more = env.resource_servers(custom.clone(), page.clone()).await.unwrap().rows;
                    let Some(last) = more.last() else { break };
                    page.beyond = Some(Place { name: last.name.clone(), id: *last.id.as_bytes() });
                    rows.extend(more.into_iter().map(|server| server.id));
                    assert!(rows.len() <= 5, "{order:?} repeats rows");
                }
                assert_eq!(rows, expected, "{order:?}, {limit} a page");
            }
        }
    }

    async fn a_resource_server_is_changed_where_the_change_says_so(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let made = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap();
        let same = ResourceServerChange::default;
        let mut expected = made.clone();
        expected.name = "Archive".to_owned();
        let renamed = ResourceServerChange { name: Some("Archive".to_owned()), ..same() };
        assert_eq!(update(&env, &mut expected, renamed).await, expected);
        expected.token_ttl = 61;
        assert_eq!(update(&env, &mut expected, ResourceServerChange { token_ttl: Some(61), ..same() }).await, expected);
        expected.allow_offline_access = true;
        let offline = ResourceServerChange { allow_offline_access: Some(true), ..same() };
        assert_eq!(update(&env, &mut expected, offline).await, expected);
        assert_eq!(update(&env, &mut expected, same()).await, expected);
        assert_eq!(env.resource_server(made.id).await.unwrap(), Some(expected));
        let changes = "SELECT changes FROM audit_events WHERE action = 'resource_server.updated' ORDER BY id";
        let told = [
            r#"{"name":{"from":"Documents","to":"Archive"}}"#,
            r#"{"token_ttl":{"from":"600","to":"61"}}"#,
            r#"{"allow_offline_access":{"from":"false","to":"true"}}"#,
            "{}",
        ];
        assert_eq!(database.values(changes).await, told);
    }

    async fn a_deleted_resource_server_takes_its_scopes_grants_and_rights_along(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, client) = (&seeded.env, seeded.client);
        let rows = async |server: Id<ResourceServer>| {
            let mut rows = Vec::new();
            for table in ["scopes", "client_grants", "introspection_clients"] {
                let its = format!("{table} WHERE resource_server_id = {}", database.bytes(server.as_bytes()));
                rows.push(database.count(&its).await);
            }
            rows
        };
        let mut servers = Vec::new();
        for n in 0..2 {
            let server = resource_server(&format!("https://api{n}.example"));
            let server = env.create_resource_server(server, &by()).await.unwrap().id;
            let grant =
                NewClientGrant { id: new_id(), client_id: client, resource_server_id: server, allowed_scopes: None };
            env.create_client_grant(grant, &by()).await.unwrap();
            env.link_introspection_clients(server, Links::Add(vec![client]), &by()).await.unwrap();
            servers.push(server);
        }
        assert!(env.delete_resource_server(servers[0], &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_resource_server(servers[0], &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.resource_server(servers[0]).await.unwrap(), None);
        assert_eq!(rows(servers[0]).await, [0, 0, 0]);
        assert_eq!(rows(servers[1]).await, [2, 1, 1]);
    }
}

/// The answer, after `expected` is told its new version.
async fn update(env: &Env, expected: &mut ResourceServer, change: ResourceServerChange) -> ResourceServer {
    let after = env.update_resource_server(expected.id, change, &Expected::Any, &by()).await.unwrap().unwrap();
    assert!(after.updated_at > expected.updated_at);
    expected.updated_at = after.updated_at;
    after
}

async fn found(env: &Env, filter: ResourceServerFilter, page: Page) -> Vec<Id<ResourceServer>> {
    let listed = env.resource_servers(filter, Page { counted: true, ..page }).await.unwrap();
    assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    listed.rows.into_iter().map(|server| server.id).collect()
}
