//! Clients: what comes and goes with them.

use paylent_domain::{
    client::{Client, ClientType, GrantType, TokenFormat},
    user::UserKind,
};
use paylent_oauth::Store as _;
use paylent_storage::{
    ClientChange, ClientFilter, ClientGrantFilter, Env, Error, MachineUser, NewClient, NewClientGrant, Page,
};
use paylent_tests::{
    both,
    seed::{self, Seeded, by, new_id},
};

use crate::common::{ALL, generation, issue, on_nodes, person, resource_server, work};

both! {
    async fn a_client_is_read_as_it_was_registered(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let new = NewClient {
            name: "Zoë's \"shop\"".to_owned(),
            redirect_uris: vec!["https://app.example/cb?a=[\"b\"]".to_owned(), "http://localhost/cb".to_owned()],
            access_token_ttl: Some(60),
            require_pkce: true,
            ..public()
        };
        let by = by();
        let made = env.register_client(new.clone(), &by).await.unwrap();
        let expected = Client {
            id: new.id,
            client_id: new.client_id,
            name: new.name,
            client_type: ClientType::Public,
            redirect_uris: new.redirect_uris,
            grant_types: new.grant_types,
            token_format: TokenFormat::Jwt,
            first_party: true,
            require_pkce: true,
            access_token_ttl: Some(60),
            active: true,
            user_id: None,
            created_at: by.at,
            updated_at: by.at,
        };
        assert_eq!(made, expected);
        assert_eq!(env.client_by_id(made.id).await.unwrap(), Some(expected));
    }

    async fn a_service_user_comes_and_goes_with_its_client(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let (id, service) = (new_id(), new_id());
        let made = env.register_client(seed::machine(id, service, &seeded.secret), &by()).await.unwrap();
        assert_eq!(made.user_id, Some(service));
        let user = env.user(service).await.unwrap().unwrap();
        assert_eq!((user.kind, user.name(), user.email.as_ref()), (UserKind::Service, "Machine", None));
        assert!(env.delete_client(id, &by()).await.unwrap());
        assert!(!env.delete_client(id, &by()).await.unwrap());
        assert_eq!(env.client_by_id(id).await.unwrap(), None);
        assert_eq!(env.user(service).await.unwrap(), None);
    }

    async fn a_service_user_stays_while_another_client_acts_for_it(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let mut second = seed::machine(new_id(), new_id(), &seeded.secret);
        second.user = Some(MachineUser::Existing(seeded.service_user));
        let second = env.register_client(second, &by()).await.unwrap();
        assert!(env.delete_client(seeded.client, &by()).await.unwrap());
        assert!(env.user(seeded.service_user).await.unwrap().is_some());
        assert!(env.delete_client(second.id, &by()).await.unwrap());
        assert!(env.user(seeded.service_user).await.unwrap().is_none());
    }

    async fn a_service_user_goes_with_the_last_of_its_clients_when_all_are_deleted_at_once(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for _ in 0..10 {
            let (service, mut works) = (new_id(), Vec::new());
            for user in [MachineUser::Service(service), MachineUser::Existing(service)] {
                let client = NewClient { user: Some(user), ..seed::machine(new_id(), service, &seeded.secret) };
                let id = seeded.env.register_client(client, &by()).await.unwrap().id;
                works.push(work(move |env: Env| async move { env.delete_client(id, &by()).await }));
            }
            for outcome in on_nodes(database.url(), &seeded.env, works) {
                assert!(outcome.unwrap());
            }
            assert_eq!(seeded.env.user(service).await.unwrap(), None);
        }
    }

    async fn a_client_acts_only_for_a_user_who_is_there(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let mut client = seed::machine(new_id(), new_id(), &seeded.secret);
        client.user = Some(MachineUser::Existing(new_id()));
        let outcome = seeded.env.register_client(client, &by()).await;
        assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
    }

    async fn a_client_id_is_used_once_and_leaves_no_service_user_behind(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let twin = NewClient { client_id: seeded.client_id, ..seed::machine(new_id(), new_id(), &seeded.secret) };
        let users = database.count("users").await;
        let outcome = seeded.env.register_client(twin, &by()).await;
        assert!(matches!(outcome, Err(Error::Conflict)), "{outcome:?}");
        assert_eq!(database.count("users").await, users);
    }

    async fn a_client_is_deleted_with_its_grants_and_tokens(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let other = env.register_client(seed::machine(new_id(), new_id(), &seeded.secret), &by()).await.unwrap();
        let jane = person(env, "jane@example.com").await;
        let (gone, kept) = (issue(env, &seeded.client_id, jane).await, issue(env, &other.client_id, jane).await);
        assert_eq!(grants(&seeded).await, 1);
        assert!(env.delete_client(seeded.client, &by()).await.unwrap());
        assert_eq!(grants(&seeded).await, 0);
        assert!(env.access_token(&gone).await.unwrap().is_none());
        assert!(env.access_token(&kept).await.unwrap().is_some());
        assert!(env.user(jane).await.unwrap().is_some());
    }

    async fn a_deactivation_raises_the_generation_and_nothing_else_does(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let none = ClientChange::default;
        let changes = [
            (ClientChange { name: Some("Other".into()), ..none() }, 0),
            (ClientChange { active: Some(false), ..none() }, 1),
            (ClientChange { active: Some(true), ..none() }, 1),
            (none(), 1),
        ];
        for (change, expected) in changes {
            seeded.env.update_client(seeded.client, change.clone(), &by()).await.unwrap().unwrap();
            assert_eq!(generation(&database, &seeded.env, "clients", seeded.client).await, expected, "{change:?}");
        }
    }

    async fn a_change_writes_what_it_names_and_leaves_the_rest(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let before = env.client_by_id(seeded.client).await.unwrap().unwrap();
        let change = ClientChange {
            redirect_uris: Some(vec!["https://app.example/cb".to_owned()]),
            access_token_ttl: Some(Some(120)),
            token_format: Some(TokenFormat::Opaque),
            ..ClientChange::default()
        };
        let by = by();
        let after = env.update_client(seeded.client, change, &by).await.unwrap().unwrap();
        let expected = Client {
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            access_token_ttl: Some(120),
            token_format: TokenFormat::Opaque,
            updated_at: by.at,
            ..before
        };
        assert_eq!(after, expected);
        let unset = ClientChange { access_token_ttl: Some(None), ..ClientChange::default() };
        assert_eq!(env.update_client(seeded.client, unset, &by).await.unwrap().unwrap().access_token_ttl, None);
    }

    async fn a_client_that_gains_client_credentials_gains_a_service_user_once(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let client = env.register_client(public(), &by()).await.unwrap();
        let (first, second) = (new_id(), new_id());
        for offered in [first, second] {
            let change = ClientChange {
                grant_types: Some(vec![GrantType::ClientCredentials]),
                service_user: Some(offered),
                ..ClientChange::default()
            };
            let after = env.update_client(client.id, change, &by()).await.unwrap().unwrap();
            assert_eq!(after.user_id, Some(first));
        }
        assert!(env.user(first).await.unwrap().is_some());
        assert!(env.user(second).await.unwrap().is_none());
    }

    async fn clients_are_found_by_id_and_by_client_id(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let other = env.register_client(public(), &by()).await.unwrap();
        let found = async |filter| {
            let listed = env.clients(filter, Page { counted: true, ..ALL }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|client| client.id).collect::<Vec<_>>()
        };
        let named = |client_id: &str| ClientFilter { client_id: Some(client_id.to_owned()), ids: None };
        assert_eq!(found(ClientFilter::default()).await, [seeded.client, other.id]);
        assert_eq!(found(named(&other.client_id)).await, [other.id]);
        assert_eq!(found(named(&other.client_id.to_uppercase())).await, []);
        assert_eq!(found(ClientFilter { ids: Some(vec![other.id, new_id()]), client_id: None }).await, [other.id]);
    }

    async fn a_client_has_one_grant_for_a_resource_server(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let server = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap();
        let grant = |resource_server_id| NewClientGrant {
            id: new_id(),
            client_id: seeded.client,
            resource_server_id,
            allowed_scopes: Some(["documents:read".to_owned()].into_iter().collect()),
        };
        let made = env.create_client_grant(grant(server.id), &by()).await.unwrap();
        assert_eq!(env.client_grant(made.id).await.unwrap().as_ref(), Some(&made));
        let again = env.create_client_grant(grant(server.id), &by()).await;
        assert!(matches!(again, Err(Error::Conflict)), "{again:?}");
        let unknown = env.create_client_grant(grant(new_id()), &by()).await;
        assert!(matches!(unknown, Err(Error::Reference)), "{unknown:?}");
        let all = env.update_client_grant(made.id, None, &by()).await.unwrap().unwrap();
        assert_eq!(all.allowed_scopes, None);
        assert!(env.delete_client_grant(made.id, &by()).await.unwrap());
        assert!(!env.delete_client_grant(made.id, &by()).await.unwrap());
        assert_eq!(env.client_grant(made.id).await.unwrap(), None);
    }
}

/// A public client that signs people in, about to be registered.
fn public() -> NewClient {
    NewClient {
        id: new_id(),
        client_id: new_id::<()>().to_string(),
        name: "Shop".to_owned(),
        client_type: ClientType::Public,
        secret_hash: None,
        redirect_uris: vec!["https://app.example/cb".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        token_format: TokenFormat::Jwt,
        first_party: true,
        require_pkce: true,
        access_token_ttl: None,
        user: None,
    }
}

async fn grants(seeded: &Seeded) -> usize {
    let held = ClientGrantFilter { client_id: Some(seeded.client), resource_server_id: None };
    seeded.env.client_grants(held, ALL).await.unwrap().rows.len()
}
