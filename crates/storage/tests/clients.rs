//! Clients: what comes and goes with them.

use paylent_domain::{
    client::{Client, ClientType, GrantType, OrganizationUsage, TokenFormat},
    user::UserKind,
};
use paylent_oauth::{Store as _, crypto::secret::SecretHash};
use paylent_storage::{
    ClientChange, ClientFilter, ClientGrantFilter, Env, Error, Expected, Links, MachineUser, NewClient, NewClientGrant,
    Order, Page, Refusal,
};
use paylent_tests::{
    both,
    seed::{self, Seeded, by, new_id},
};

use crate::common::{
    ALL, generation, is_refused, issue, named, of_ids, on_nodes, person, public, resource_server, stale, work,
};

both! {
    async fn a_client_is_read_as_it_was_registered(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let new = NewClient {
            name: "Zoë's \"shop\"".to_owned(),
            redirect_uris: vec!["https://app.example/cb?a=[\"b\"]".to_owned(), "http://localhost/cb".to_owned()],
            post_logout_redirect_uris: vec!["https://app.example/bye".to_owned(), "http://[::1]/bye?[]".to_owned()],
            backchannel_logout_uri: Some("https://app.example/logout?it's".to_owned()),
            allowed_origins: vec!["https://app.example".to_owned()],
            id_token_claims: true,
            access_token_ttl: Some(60),
            organization_usage: OrganizationUsage::Optional,
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
            post_logout_redirect_uris: new.post_logout_redirect_uris,
            backchannel_logout_uri: new.backchannel_logout_uri,
            allowed_origins: new.allowed_origins,
            jwks: None,
            jwks_uri: None,
            id_token_claims: true,
            grant_types: new.grant_types,
            token_format: TokenFormat::Jwt,
            first_party: true,
            require_pkce: true,
            access_token_ttl: Some(60),
            organization_usage: OrganizationUsage::Optional,
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
        assert!(env.delete_client(id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_client(id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.client_by_id(id).await.unwrap(), None);
        assert_eq!(env.user(service).await.unwrap(), None);
    }

    async fn a_service_user_stays_while_another_client_acts_for_it(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let mut second = seed::machine(new_id(), new_id(), &seeded.secret);
        second.user = Some(MachineUser::Existing(seeded.service_user));
        let second = env.register_client(second, &by()).await.unwrap();
        assert!(env.delete_client(seeded.client, &Expected::Any, &by()).await.unwrap());
        assert!(env.user(seeded.service_user).await.unwrap().is_some());
        assert!(env.delete_client(second.id, &Expected::Any, &by()).await.unwrap());
        assert!(env.user(seeded.service_user).await.unwrap().is_none());
    }

    async fn a_service_user_goes_with_the_last_of_its_clients_when_all_are_deleted_at_once(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        for _ in 0..10 {
            let (service, mut works) = (new_id(), Vec::new());
            for user in [MachineUser::Service(service), MachineUser::Existing(service)] {
                let client = NewClient { user: Some(user), ..seed::machine(new_id(), service, &seeded.secret) };
                let id = seeded.env.register_client(client, &by()).await.unwrap().id;
                works.push(work(move |env: Env| async move { env.delete_client(id, &Expected::Any, &by()).await }));
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
        assert!(env.delete_client(seeded.client, &Expected::Any, &by()).await.unwrap());
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
            seeded.env.update_client(seeded.client, change.clone(), &Expected::Any, &by()).await.unwrap().unwrap();
            assert_eq!(generation(&database, &seeded.env, "clients", seeded.client).await, expected, "{change:?}");
        }
    }

    async fn a_change_writes_what_it_names_and_leaves_the_rest(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let before = env.client_by_id(seeded.client).await.unwrap().unwrap();
        let change = ClientChange {
            redirect_uris: Some(vec!["https://app.example/cb".to_owned()]),
            post_logout_redirect_uris: Some(vec!["https://app.example/bye".to_owned()]),
            backchannel_logout_uri: Some(Some("https://app.example/logout".to_owned())),
            allowed_origins: Some(vec!["https://app.example".to_owned()]),
            id_token_claims: Some(true),
            access_token_ttl: Some(Some(120)),
            organization_usage: Some(OrganizationUsage::Required),
            token_format: Some(TokenFormat::Opaque),
            ..ClientChange::default()
        };
        let by = by();
        let after = env.update_client(seeded.client, change, &Expected::Any, &by).await.unwrap().unwrap();
        let expected = Client {
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            post_logout_redirect_uris: vec!["https://app.example/bye".to_owned()],
            backchannel_logout_uri: Some("https://app.example/logout".to_owned()),
            allowed_origins: vec!["https://app.example".to_owned()],
            id_token_claims: true,
            access_token_ttl: Some(120),
            organization_usage: OrganizationUsage::Required,
            token_format: TokenFormat::Opaque,
            updated_at: by.at,
            ..before
        };
        assert_eq!(after, expected);
        let unset =
            ClientChange { access_token_ttl: Some(None), backchannel_logout_uri: Some(None), ..ClientChange::default() };
        let unset = env.update_client(seeded.client, unset, &Expected::Any, &by).await.unwrap().unwrap();
        assert_eq!((unset.access_token_ttl, unset.backchannel_logout_uri), (None, None));
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
            let after = env.update_client(client.id, change, &Expected::Any, &by()).await.unwrap().unwrap();
            assert_eq!(after.user_id, Some(first));
        }
        assert!(env.user(first).await.unwrap().is_some());
        assert!(env.user(second).await.unwrap().is_none());
    }

    async fn clients_are_found_by_what_they_are(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let (machine, shop) = (seeded.client, env.register_client(public(), &by()).await.unwrap());
        let inactive = ClientChange { active: Some(false), ..ClientChange::default() };
        env.update_client(shop.id, inactive, &Expected::Any, &by()).await.unwrap();
        let server = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap().id;
        env.link_introspection_clients(server, Links::Add(vec![shop.id]), &by()).await.unwrap();
        let found = async |filter, page| {
            let listed = env.clients(filter, Page { counted: true, ..page }).await.unwrap();
            assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
            listed.rows.into_iter().map(|client| client.id).collect::<Vec<_>>()
        };
        let all = ClientFilter::default;
        let cases = [
            (all(), vec![machine, shop.id]),
            (ClientFilter { client_id: Some(shop.client_id.clone()), ..all() }, vec![shop.id]),
            (ClientFilter { client_id: Some(shop.client_id.to_uppercase()), ..all() }, vec![]),
            (ClientFilter { user_id: Some(seeded.service_user), ..all() }, vec![machine]),
            (ClientFilter { user_id: Some(new_id()), ..all() }, vec![]),
            (ClientFilter { has_user: Some(true), ..all() }, vec![machine]),
            (ClientFilter { has_user: Some(false), ..all() }, vec![shop.id]),
            (ClientFilter { active: Some(true), ..all() }, vec![machine]),
            (ClientFilter { active: Some(false), ..all() }, vec![shop.id]),
            (ClientFilter { introspects: Some(server), ..all() }, vec![shop.id]),
            (ClientFilter { introspects: Some(new_id()), ..all() }, vec![]),
            (ClientFilter { introspects: Some(server), active: Some(true), ..all() }, vec![]),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(filter.clone(), ALL).await, expected, "{filter:?}");
        }
        assert_eq!(found(all(), of_ids(&[shop.id, new_id()])).await, [shop.id]);
        assert_eq!(found(all(), named("Machine")).await, [machine]);
        let order = Order { by_name: Some(true), newest_first: false };
        assert_eq!(found(all(), Page { order, ..ALL }).await, [shop.id, machine]);
    }

    async fn a_secret_is_replaced_and_tokens_live_on(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let before = env.client_by_id(seeded.client).await.unwrap().unwrap();
        let token = issue(env, &seeded.client_id, seeded.service_user).await;
        let (secret, by) = (SecretHash::of("another"), by());
        let after = env.rotate_client_secret(seeded.client, secret, &Expected::Any, &by).await.unwrap().unwrap();
        assert_eq!(after, Client { updated_at: by.at, ..before });
        let stored = env.client(&seeded.client_id).await.unwrap().unwrap();
        assert!(stored.secret_hash == Some(SecretHash::of("another")));
        let (_, standing) = env.access_token(&token).await.unwrap().unwrap();
        assert_eq!(standing.client_generation, 0);
        assert_eq!(database.count("audit_events WHERE action = 'client.secret_rotated'").await, 1);
        let unknown = env.rotate_client_secret(new_id(), SecretHash::of("another"), &Expected::Any, &by).await;
        assert_eq!(unknown.unwrap(), None);
        let public = env.register_client(public(), &by).await.unwrap().id;
        let refused = env.rotate_client_secret(public, SecretHash::of("another"), &Expected::Any, &by).await;
        is_refused(refused, Refusal::PublicClient);
    }

    async fn a_client_that_is_not_as_expected_is_left_alone(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, id) = (&seeded.env, seeded.client);
        let inactive = || ClientChange { active: Some(false), ..ClientChange::default() };
        let before = database.dump().await;
        is_refused(env.update_client(id, inactive(), &stale(), &by()).await, Refusal::Stale);
        is_refused(env.rotate_client_secret(id, SecretHash::of("x"), &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_client(id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![env.client_by_id(id).await.unwrap().unwrap().updated_at]);
        let after = env.update_client(id, inactive(), &known, &by()).await.unwrap().unwrap();
        is_refused(env.rotate_client_secret(id, SecretHash::of("x"), &known, &by()).await, Refusal::Stale);
        assert!(env.delete_client(id, &Expected::OneOf(vec![after.updated_at]), &by()).await.unwrap());
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
        let all = env.update_client_grant(made.id, None, &Expected::Any, &by()).await.unwrap().unwrap();
        assert_eq!(all.allowed_scopes, None);
        assert!(env.delete_client_grant(made.id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_client_grant(made.id, &Expected::Any, &by()).await.unwrap());
        assert_eq!(env.client_grant(made.id).await.unwrap(), None);
    }
}

async fn grants(seeded: &Seeded) -> usize {
    let held = ClientGrantFilter { client_id: Some(seeded.client), ..ClientGrantFilter::default() };
    seeded.env.client_grants(held, ALL).await.unwrap().rows.len()
}
