//! Which clients may introspect the tokens of others.

use paylent_domain::{
    Id,
    client::{Client, GrantType},
};
use paylent_oauth::Store as _;
use paylent_storage::{Db, Env, Error, Expected, Links, ResourceServerFilter};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, Seeded, by, new_id},
};

use crate::common::{ALL, environment, replace, resource_server};

const AUDIENCE: &str = "https://api.example";

both! {
    async fn in_foreign_the_management_apis_identifier_names_its_row(database: TestDatabase) {
        let Seeded { env, client, client_id, .. } = seed::environment(&database.db(), "acme").await;
        let management_api = env.tenant().management_api();
        assert!(!env.may_introspect(&client_id, &management_api).await.unwrap(), "the admin's client, even");
        let system = ResourceServerFilter { system: Some(true), identifier: None };
        let server = env.resource_servers(system, ALL).await.unwrap().rows[0].id;
        env.link_introspection_clients(server, Links::Add(vec![client]), &by()).await.unwrap();
        assert!(env.may_introspect(&client_id, &management_api).await.unwrap());
        for other in [&format!("{management_api}/"), env.tenant().base_url.as_str(), "", AUDIENCE] {
            assert!(!env.may_introspect(&client_id, other).await.unwrap(), "{other:?}");
        }
        // Whoever names an API after the Management API gets no right to its tokens.
        env.link_introspection_clients(server, Links::Remove(vec![client]), &by()).await.unwrap();
        let double = env.create_resource_server(resource_server(&management_api), &by()).await.unwrap().id;
        env.link_introspection_clients(double, Links::Add(vec![client]), &by()).await.unwrap();
        assert!(!env.may_introspect(&client_id, &management_api).await.unwrap());
    }

    async fn in_foreign_a_right_in_another_environment_does_not_count(database: TestDatabase) {
        let (db, mut both) = (database.db(), Vec::new());
        for handle in ["acme", "other"] {
            let seeded = seed::environment(&db, handle).await;
            seeded.env.create_resource_server(resource_server(AUDIENCE), &by()).await.unwrap();
            // The same client_id in both environments.
            let mut client = seed::machine(new_id(), new_id(), &seeded.secret);
            client.client_id = "twin".to_owned();
            let client = seeded.env.register_client(client, &by()).await.unwrap().id;
            both.push((seeded.env, client));
        }
        let [(ours, _), (other, client)] = &both[..] else { panic!("two environments") };
        link(other, Links::Add(vec![*client])).await.unwrap();
        assert!(other.may_introspect("twin", AUDIENCE).await.unwrap());
        assert!(!ours.may_introspect("twin", AUDIENCE).await.unwrap());
        let before = database.dump().await;
        let foreign = link(ours, Links::Add(vec![*client])).await;
        assert!(matches!(foreign, Err(Error::Reference)), "{foreign:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn clients_are_allowed_and_only_what_changes_is_told(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        env.create_resource_server(resource_server(AUDIENCE), &by()).await.unwrap();
        let (one, other) = (client(&seeded, "one").await, client(&seeded, "other").await);
        let cases = [
            (Links::Add(vec![one, one]), [true, false], [1, 0]),
            (Links::Add(vec![one]), [true, false], [0, 0]),
            (Links::Add(vec![other, one]), [true, true], [1, 0]),
            (replace(vec![other]), [false, true], [0, 1]),
            (replace(vec![one]), [true, false], [1, 1]),
            (Links::Remove(vec![other, new_id()]), [true, false], [0, 0]),
            (Links::Remove(vec![one, other]), [false, false], [0, 1]),
        ];
        for (links, allowed, [made, taken]) in cases {
            let before = events(&database, env).await;
            link(env, links.clone()).await.unwrap();
            for (client_id, allowed) in ["one", "other"].into_iter().zip(allowed) {
                assert_eq!(env.may_introspect(client_id, AUDIENCE).await.unwrap(), allowed, "{links:?}");
            }
            let after = events(&database, env).await;
            assert_eq!([after[0] - before[0], after[1] - before[1]], [made, taken], "{links:?}");
        }
        let before = database.dump().await;
        for links in [Links::Add(vec![one, new_id()]), replace(vec![one, new_id()])] {
            let outcome = link(env, links).await;
            assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
        }
        let nowhere = env.link_introspection_clients(new_id(), Links::Add(vec![one]), &by()).await;
        assert!(matches!(nowhere, Err(Error::Reference)), "{nowhere:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn a_right_ends_with_its_client(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let server = env.create_resource_server(resource_server(AUDIENCE), &by()).await.unwrap().id;
        let (one, other) = (client(&seeded, "one").await, client(&seeded, "other").await);
        link(env, Links::Add(vec![one, other])).await.unwrap();
        let mut pairs = [(server, one), (server, other)];
        pairs.sort();
        assert_eq!(env.introspection_clients_of(vec![new_id(), server]).await.unwrap(), pairs);
        env.delete_client(one, &Expected::Any, &by()).await.unwrap();
        assert_eq!(env.introspection_clients_of(vec![server]).await.unwrap(), [(server, other)]);
        client(&seeded, "one").await;
        assert!(!env.may_introspect("one", AUDIENCE).await.unwrap());
        assert!(env.may_introspect("other", AUDIENCE).await.unwrap());
    }

    async fn the_right_is_read_in_one_statement(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let db: Db = database.db();
        let before = db.statements();
        seeded.env.may_introspect(&seeded.client_id, AUDIENCE).await.unwrap();
        assert_eq!(db.statements() - before, 1);
    }
}

/// Links the clients of [`AUDIENCE`].
async fn link(env: &Env, links: Links<Client>) -> Result<(), Error> {
    let named = ResourceServerFilter { identifier: Some(AUDIENCE.to_owned()), system: None };
    let server = env.resource_servers(named, ALL).await.unwrap().rows[0].id;
    env.link_introspection_clients(server, links, &by()).await
}

async fn client(seeded: &Seeded, client_id: &str) -> Id<Client> {
    let mut new = seed::machine(new_id(), new_id(), &seeded.secret);
    assert_eq!(new.grant_types, [GrantType::ClientCredentials]);
    new.client_id = client_id.to_owned();
    seeded.env.register_client(new, &by()).await.unwrap().id
}

/// How many clients were allowed, and how many no longer.
async fn events(database: &TestDatabase, env: &Env) -> [usize; 2] {
    let environment = environment(database, env);
    let count = async |verb| {
        let told = format!("audit_events WHERE environment_id = {environment} AND action");
        database.count(&format!("{told} = 'introspection_client.{verb}'")).await
    };
    [count("created").await, count("deleted").await]
}
