//! Scopes of resource servers, and the grants that list them.

use paylent_domain::{
    Id,
    resource_server::{ClientGrant, ResourceServer},
    scope::{Scope, Scopes},
};
use paylent_storage::{
    Env, Error, Expected, NameIs, NewClientGrant, NewResourceServer, NewScope, Order, Page, Place, Refusal,
    ResourceServerFilter, ScopeChange, ScopeFilter,
};
use paylent_tests::{
    both,
    seed::{self, Seeded, by, new_id},
};

use crate::common::{ALL, Work, is_refused, named, of_ids, on_nodes, resource_server, work};

both! {
    async fn a_scope_is_made_once_for_a_resource_server(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (one, other) = (server(&env, "one").await, server(&env, "other").await);
        let new = NewScope { description: Some("Signs.".to_owned()), ..new_scope(one, "documents:sign") };
        let made = env.create_scope(new.clone(), &by()).await.unwrap();
        assert_eq!((made.resource_server_id, made.name.as_str(), made.system), (one, "documents:sign", false));
        assert_eq!(made.description.as_deref(), Some("Signs."));
        assert_eq!(env.scope(made.id).await.unwrap().as_ref(), Some(&made));
        assert!(env.scopes_of(one).await.unwrap().contains("documents:sign"));
        assert!(!env.scopes_of(other).await.unwrap().contains("documents:sign"));
        let again = env.create_scope(NewScope { id: new_id(), ..new }, &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        create(&env, other, "documents:sign").await;
        let nowhere = env.create_scope(new_scope(new_id(), "documents:sign"), &by()).await;
        assert!(matches!(nowhere, Err(Error::Reference)), "{nowhere:?}");
    }

    async fn scopes_are_found_by_id_name_and_resource_server(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (one, other) = (server(&env, "one").await, server(&env, "other").await);
        let sign = create(&env, one, "documents:sign_100%").await;
        let found = async |server, page: Page| {
            let listed = env.scopes(ScopeFilter { resource_server_id: server }, Page { counted: true, ..page }).await;
            let listed = listed.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows
        };
        let ids = |rows: Vec<Scope>| rows.into_iter().map(|scope| scope.id).collect::<Vec<_>>();
        let containing = |part: &str| Page { name: vec![NameIs::Containing(part.to_owned())], ..ALL };
        assert_eq!(found(Some(one), ALL).await.len(), 3);
        assert_eq!(found(Some(other), ALL).await.len(), 2);
        assert_eq!(found(Some(new_id()), ALL).await, []);
        assert_eq!(ids(found(None, of_ids(&[sign])).await), [sign]);
        assert_eq!(ids(found(Some(other), of_ids(&[sign])).await), []);
        assert_eq!(found(None, named("documents:read")).await.len(), 2);
        assert_eq!(ids(found(None, containing("N_100%")).await), [sign]);
        assert_eq!(ids(found(None, containing("n%1")).await), []);
        let system = ResourceServerFilter { system: Some(true), identifier: None };
        let system = env.resource_servers(system, ALL).await.unwrap().rows[0].id;
        assert!(found(None, ALL).await.iter().all(|scope| scope.system == (scope.resource_server_id == system)));
        let read = found(Some(system), ALL).await.remove(0);
        assert!(read.system);
        assert_eq!(env.scope(read.id).await.unwrap(), Some(read));
    }

    async fn scopes_of_one_name_are_listed_in_the_order_of_their_ids(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let mut made = Vec::new();
        for (n, name) in ["b", "c", "b", "a", "b"].into_iter().enumerate() {
            let new = resource_server(&format!("https://api{n}.example"));
            let new = NewResourceServer { scopes: Scopes::default(), ..new };
            let server = env.create_resource_server(new, &by()).await.unwrap().id;
            made.push(create(&env, server, name).await);
        }
        for (descending, newest_first, expected) in [
            (false, false, [3, 0, 2, 4, 1]),
            (false, true, [3, 4, 2, 0, 1]),
            (true, false, [1, 0, 2, 4, 3]),
            (true, true, [1, 4, 2, 0, 3]),
        ] {
            let order = Order { by_name: Some(descending), newest_first };
            let (mut rows, mut page) = (Vec::new(), Page { limit: 2, order, ..of_ids(&made) });
            loop {
                let more = env.scopes(ScopeFilter::default(), page.clone()).await.unwrap().rows;
                let Some(last) = more.last() else { break };
                page.beyond = Some(Place { name: last.name.clone(), id: *last.id.as_bytes() });
                rows.extend(more.into_iter().map(|scope| scope.id));
                assert!(rows.len() <= 5, "{order:?} repeats rows");
            }
            assert_eq!(rows, expected.map(|n| made[n]), "{order:?}");
        }
    }

    async fn a_scope_is_described_anew(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let sign = create(&env, server(&env, "one").await, "documents:sign").await;
        let change = |text: Option<&str>| ScopeChange { description: Some(text.map(str::to_owned)) };
        let update = async |change| env.update_scope(sign, change, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(update(change(Some("Signs."))).await.description.as_deref(), Some("Signs."));
        assert_eq!(update(ScopeChange::default()).await.description.as_deref(), Some("Signs."));
        let last = update(change(None)).await;
        assert_eq!((last.name.as_str(), last.description.as_deref()), ("documents:sign", None));
        assert_eq!(env.scope(sign).await.unwrap(), Some(last));
    }

    async fn a_deleted_scope_is_granted_to_nobody_even_when_it_is_made_again(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let (one, other) = (server(env, "one").await, server(env, "other").await);
        let listing = grant(&seeded, one, Some("documents:read documents:write")).await;
        let only = grant(&seeded, one, Some("documents:read")).await;
        let untouched = [
            grant(&seeded, one, None).await,
            grant(&seeded, one, Some("documents:write")).await,
            grant(&seeded, one, Some("")).await,
            grant(&seeded, other, Some("documents:read")).await,
        ];
        let mut before = Vec::new();
        for grant in untouched {
            before.push(env.client_grant(grant).await.unwrap().unwrap());
        }
        let version = env.client_grant(only).await.unwrap().unwrap().updated_at;
        let read = scope(env, one, "documents:read").await;
        assert!(env.delete_scope(read, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_scope(read, &Expected::Any, &by()).await.unwrap());
        create(env, one, "documents:read").await;
        assert_eq!(allowed(env, listing).await, Some(Scopes::stored("documents:write")));
        assert_eq!(allowed(env, only).await, Some(Scopes::default()), "none, and not all");
        assert!(env.client_grant(only).await.unwrap().unwrap().updated_at > version, "it is another version");
        for before in before {
            assert_eq!(env.client_grant(before.id).await.unwrap(), Some(before));
        }
    }

    async fn a_grant_lists_scopes_that_are_there_only(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let (one, other) = (server(env, "one").await, server(env, "other").await);
        create(env, other, "documents:sign").await;
        let made = grant(&seeded, one, Some("documents:read")).await;
        let before = database.dump().await;
        let wrong = Some(Scopes::stored("documents:read documents:sign"));
        let outcome = env.update_client_grant(made, wrong.clone(), &Expected::Any, &by()).await;
        assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        env.delete_client_grant(made, &Expected::Any, &by()).await.unwrap();
        let new = NewClientGrant {
            id: new_id(),
            client_id: seeded.client,
            resource_server_id: one,
            allowed_scopes: wrong,
        };
        let outcome = env.create_client_grant(new, &by()).await;
        assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        assert_eq!(database.dump().await.len(), before.len(), "one grant less, one event more");
    }

    async fn a_scope_that_is_deleted_while_it_is_granted_is_in_no_grant(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let server = server(env, "one").await;
        let made = grant(&seeded, server, Some("documents:write")).await;
        for n in 0..20 {
            let name = format!("documents:sign{n}");
            let sign = create(env, server, &name).await;
            let both = Some(Scopes::stored(&format!("documents:write {name}")));
            let works: Vec<Work<()>> = vec![
                work(move |env: Env| async move {
                    assert!(env.delete_scope(sign, &Expected::Any, &by()).await.unwrap());
                }),
                work(move |env: Env| async move {
                    let outcome = env.update_client_grant(made, both, &Expected::Any, &by()).await;
                    assert!(matches!(outcome, Ok(Some(_)) | Err(Error::Reference)), "{outcome:?}");
                }),
            ];
            on_nodes(database.url(), env, works);
            assert_eq!(allowed(env, made).await, Some(Scopes::stored("documents:write")));
        }
    }

    async fn a_resource_server_has_a_thousand_scopes_at_most(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let scopes: Scopes = (0..998).map(|n| format!("s{n}")).collect();
        let new = NewResourceServer { scopes, ..resource_server("https://api.example") };
        let server = env.create_resource_server(new, &by()).await.unwrap().id;
        let works = (0..4).map(|n| {
            work(move |env: Env| async move { env.create_scope(new_scope(server, &format!("new{n}")), &by()).await })
        });
        let (made, refused): (Vec<_>, Vec<_>) =
            on_nodes(database.url(), &env, works.collect()).into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 2);
        for refused in refused {
            is_refused(refused, Refusal::TooMany);
        }
        assert_eq!(env.scopes_of(server).await.unwrap().iter().count(), 1_000);
        assert!(env.delete_scope(scope(&env, server, "s1").await, &Expected::Any, &by()).await.unwrap());
        create(&env, server, "s1").await;
    }

    async fn the_scopes_of_several_resource_servers_are_read_at_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (one, other) = (server(&env, "one").await, server(&env, "other").await);
        let mut expected = Vec::new();
        for server in [one, other] {
            let its = ScopeFilter { resource_server_id: Some(server) };
            expected.extend(env.scopes(its, ALL).await.unwrap().rows.into_iter().map(|scope| (server, scope.id)));
        }
        expected.sort();
        assert_eq!(env.scopes_of_resource_servers(vec![other, new_id(), one]).await.unwrap(), expected);
        assert_eq!(env.scopes_of_resource_servers(vec![one]).await.unwrap(), expected[..2]);
        assert_eq!(env.scopes_of_resource_servers(vec![]).await.unwrap(), []);
    }
}

/// A resource server with the scopes `documents:read` and `documents:write`.
async fn server(env: &Env, name: &str) -> Id<ResourceServer> {
    env.create_resource_server(resource_server(&format!("https://{name}.example")), &by()).await.unwrap().id
}

fn new_scope(resource_server_id: Id<ResourceServer>, name: &str) -> NewScope {
    NewScope { id: new_id(), resource_server_id, name: name.to_owned(), description: None }
}

async fn create(env: &Env, server: Id<ResourceServer>, name: &str) -> Id<Scope> {
    env.create_scope(new_scope(server, name), &by()).await.unwrap().id
}

async fn scope(env: &Env, server: Id<ResourceServer>, name: &str) -> Id<Scope> {
    env.scopes(ScopeFilter { resource_server_id: Some(server) }, named(name)).await.unwrap().rows[0].id
}

/// A grant for a client of its own.
async fn grant(seeded: &Seeded, resource_server_id: Id<ResourceServer>, scopes: Option<&str>) -> Id<ClientGrant> {
    let client = seed::machine(new_id(), new_id(), &seeded.secret);
    let client_id = seeded.env.register_client(client, &by()).await.unwrap().id;
    let allowed_scopes = scopes.map(Scopes::stored);
    let grant = NewClientGrant { id: new_id(), client_id, resource_server_id, allowed_scopes };
    seeded.env.create_client_grant(grant, &by()).await.unwrap().id
}

async fn allowed(env: &Env, grant: Id<ClientGrant>) -> Option<Scopes> {
    env.client_grant(grant).await.unwrap().unwrap().allowed_scopes
}
