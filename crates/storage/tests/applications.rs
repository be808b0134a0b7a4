//! Applications: what comes and goes with them, and that they are no clients of the environment.

use std::{collections::BTreeSet, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use paylent_domain::{
    Id,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant, Connection, SecretOverlap},
    client::Client,
    organization::Organization,
    resource_server::ResourceServer,
    scope::Scopes,
    user::User,
};
use paylent_oauth::crypto::secret::{SecretHash, random_bytes};
use paylent_storage::{
    ApplicationChange, ApplicationFilter, ClientChange, ClientFilter, Env, Error, Expected, Links, MachineUser,
    NewApplication, NewClientGrant, NewResourceServer, Order, Page, Refusal, ResourceServerChange,
};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{
    ALL, environment, is, is_refused, issue, named, on_nodes, organization, person, public, resource_server, stale,
    work,
};

fn hash() -> SecretHash {
    SecretHash::from_bytes(random_bytes().unwrap())
}

/// An application with static tokens, about to be made.
fn static_one(organization_id: Id<Organization>, resource_server_id: Id<ResourceServer>) -> NewApplication {
    NewApplication {
        id: new_id(),
        client_id: new_id::<()>().to_string(),
        secret_hash: hash(),
        organization_id,
        resource_server_id,
        name: "Zoë's \"reports\"".to_owned(),
        grant_type: ApplicationGrant::ClientCredentials,
        redirect_uri: None,
        ip_allow_list: AllowList::parse(["203.0.113.5", "2001:db8::/32"]).unwrap(),
        ip_allow_list_mode: AllowListMode::Observe,
        permissions: Scopes::stored("documents:read"),
        notification_emails: vec!["it@example.com".parse().unwrap()],
        service_user: Some(new_id()),
    }
}

/// An application that people connect, about to be made.
fn connected_one(organization_id: Id<Organization>, resource_server_id: Id<ResourceServer>) -> NewApplication {
    NewApplication {
        grant_type: ApplicationGrant::AuthorizationCode,
        redirect_uri: Some("https://app.example/cb".to_owned()),
        ip_allow_list: AllowList::default(),
        service_user: None,
        ..static_one(organization_id, resource_server_id)
    }
}

/// An environment with an organization and an API that allows refresh tokens.
async fn scene(database: &TestDatabase) -> (Env, Id<Organization>, Id<ResourceServer>) {
    let env = seed::environment(&database.db(), "acme").await.env;
    let owner = organization(&env, "Shop").await;
    let api = NewResourceServer { allow_offline_access: true, ..resource_server("https://api.example") };
    let api = env.create_resource_server(api, &by()).await.unwrap().id;
    (env, owner, api)
}

async fn found(env: &Env, filter: ApplicationFilter, page: Page) -> Vec<Id<Application>> {
    let listed = env.applications(filter, Page { counted: true, ..page }).await.unwrap();
    assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    listed.rows.into_iter().map(|application| application.id).collect()
}

/// The changes that the newest event of this action tells.
async fn changes(database: &TestDatabase, action: &str) -> String {
    let newest = format!("SELECT changes FROM audit_events WHERE action = '{action}' ORDER BY id DESC LIMIT 1");
    database.values(&newest).await.remove(0)
}

both! {
    async fn an_application_is_read_as_it_was_made_and_found_by_its_owner(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let (by, new) = (by(), static_one(owner, api));
        let made = env.create_application(new.clone(), &by).await.unwrap();
        let expected = Application {
            id: new.id,
            client_id: new.client_id.clone(),
            organization_id: owner,
            resource_server_id: api,
            name: new.name,
            grant_type: ApplicationGrant::ClientCredentials,
            redirect_uri: None,
            ip_allow_list: new.ip_allow_list,
            ip_allow_list_mode: AllowListMode::Observe,
            permissions: new.permissions,
            notification_emails: new.notification_emails,
            previous_secret_expires_at: None,
            created_at: by.at,
            updated_at: by.at,
        };
        assert_eq!(made, expected);
        assert_eq!(env.application_by_id(made.id).await.unwrap(), Some(expected));
        let bank = organization(&env, "Bank").await;
        let other = NewApplication { name: "Accounts".to_owned(), ..connected_one(bank, api) };
        let other = env.create_application(other, &seed::by()).await.unwrap();
        let (made, all) = (made.id, ApplicationFilter::default);
        assert_eq!(found(&env, all(), ALL).await, [made, other.id]);
        let order = Order { by_name: Some(false), newest_first: false };
        assert_eq!(found(&env, all(), Page { order, ..ALL }).await, [other.id, made]);
        assert_eq!(found(&env, all(), named("Accounts")).await, [other.id]);
        let of = |organization| ApplicationFilter { organization_id: Some(organization), ..all() };
        assert_eq!(found(&env, of(owner), ALL).await, [made]);
        assert_eq!(found(&env, of(new_id()), ALL).await, []);
        let within = |within: &[Id<Organization>]| Some(within.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!(found(&env, ApplicationFilter { within: within(&[bank]), ..all() }, ALL).await, [other.id]);
        assert_eq!(found(&env, ApplicationFilter { within: within(&[bank]), ..of(owner) }, ALL).await, []);
        assert_eq!(found(&env, ApplicationFilter { within: within(&[]), ..all() }, ALL).await, []);
        let called = ApplicationFilter { client_id: Some(new.client_id), ..all() };
        assert_eq!(found(&env, called, ALL).await, [made]);
    }

    async fn rb_xenv_id_an_application_of_another_environment_is_nobodys(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let made = env.create_application(static_one(owner, api), &by()).await.unwrap().id;
        let other = seed::environment(&database.db(), "other").await.env;
        let before = database.dump().await;
        assert_eq!(other.application_by_id(made).await.unwrap(), None);
        assert_eq!(found(&other, ApplicationFilter::default(), ALL).await, []);
        let (any, change) = (Expected::Any, ApplicationChange::default());
        assert_eq!(other.update_application(made, change, &any, &by()).await.unwrap(), None);
        let rotated = other.rotate_application_secret(made, hash(), SecretOverlap::Day, &any, &by()).await;
        assert_eq!(rotated.unwrap(), None);
        assert!(!other.delete_application(made, &any, &by()).await.unwrap());
        let foreign = other.create_application(static_one(owner, api), &by()).await;
        assert!(matches!(foreign, Err(Error::Reference)), "{foreign:?}");
        assert_eq!(database.dump().await, before);
    }

    async fn a_change_writes_what_it_names_and_the_trail_tells_from_what_to_what(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let before = env.create_application(static_one(owner, api), &by()).await.unwrap();
        let change = ApplicationChange {
            name: Some("Reports".to_owned()),
            ip_allow_list: Some(AllowList::parse(["198.51.100.0/24"]).unwrap()),
            permissions: Some(Scopes::stored("documents:read documents:write")),
            notification_emails: Some(Vec::new()),
            ..ApplicationChange::default()
        };
        let by = by();
        let after = env.update_application(before.id, change.clone(), &Expected::Any, &by).await.unwrap().unwrap();
        let expected = Application {
            name: "Reports".to_owned(),
            ip_allow_list: change.ip_allow_list.unwrap(),
            permissions: change.permissions.unwrap(),
            notification_emails: Vec::new(),
            updated_at: by.at,
            ..before.clone()
        };
        assert_eq!(after, expected);
        assert_eq!(env.application_by_id(before.id).await.unwrap(), Some(expected));
        let told: serde_json::Value = serde_json::from_str(&changes(&database, "application.updated").await).unwrap();
        let mut fields: Vec<&String> = told.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(fields, ["ip_allow_list", "name", "notification_emails", "permissions"]);
        assert_eq!(told["ip_allow_list"]["from"], "203.0.113.5 2001:db8::/32");
        assert_eq!(told["ip_allow_list"]["to"], "198.51.100.0/24");
        assert_eq!(told["permissions"]["to"], "documents:read documents:write");
        let moved = ApplicationChange { redirect_uri: Some("https://b.example/cb".into()), ..Default::default() };
        let app = env.create_application(connected_one(owner, api), &seed::by()).await.unwrap();
        let app = env.update_application(app.id, moved, &Expected::Any, &seed::by()).await.unwrap().unwrap();
        assert_eq!(app.redirect_uri.as_deref(), Some("https://b.example/cb"));
    }

    async fn a_permission_must_be_a_scope_of_the_api_and_a_stale_change_is_refused(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let made = env.create_application(static_one(owner, api), &by()).await.unwrap();
        let before = database.dump().await;
        let unknown = Scopes::stored("documents:delete documents:read");
        let refused = [
            env.create_application(NewApplication { permissions: unknown.clone(), ..static_one(owner, api) }, &by()).await,
            env.create_application(static_one(new_id(), api), &by()).await,
            env.create_application(static_one(owner, new_id()), &by()).await,
        ];
        for refused in refused {
            assert!(matches!(refused, Err(Error::Reference)), "{refused:?}");
        }
        let change = ApplicationChange { permissions: Some(unknown), ..ApplicationChange::default() };
        let refused = env.update_application(made.id, change, &Expected::Any, &by()).await;
        assert!(matches!(refused, Err(Error::Reference)), "{refused:?}");
        let change = ApplicationChange { name: Some("x".to_owned()), ..ApplicationChange::default() };
        is_refused(env.update_application(made.id, change.clone(), &stale(), &by()).await, Refusal::Stale);
        let none = SecretOverlap::None;
        is_refused(env.rotate_application_secret(made.id, hash(), none, &stale(), &by()).await, Refusal::Stale);
        is_refused(env.delete_application(made.id, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(database.dump().await, before);
        let known = Expected::OneOf(vec![made.updated_at]);
        assert!(env.update_application(made.id, change, &known, &by()).await.unwrap().is_some());
    }

    async fn a_secret_that_is_replaced_lives_as_long_as_they_overlap(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let new = static_one(owner, api);
        let (first, second, third) = (new.secret_hash, hash(), hash());
        let id = env.create_application(new, &by()).await.unwrap().id;
        let secrets = async || {
            let columns = "COALESCE(previous_secret_expires_at, 0) AS text";
            let row = is(&database, &env, id);
            let until = database.values(&format!("SELECT CAST({columns}) FROM applications WHERE {row}")).await.remove(0);
            let holds = async |table: &str, column: &str, hash: &SecretHash| {
                database.count(&format!("{table} WHERE {row} AND {column} = {}", database.bytes(hash.as_bytes()))).await == 1
            };
            let mut live = Vec::new();
            for hash in [&first, &second, &third] {
                live.push((
                    holds("clients", "secret_hash", hash).await,
                    holds("applications", "previous_secret_hash", hash).await,
                ));
            }
            (live, until)
        };
        let (no, now, old) = ((false, false), (true, false), (false, true));
        assert_eq!(secrets().await, (vec![now, no, no], "0".to_owned()));
        let moment = by();
        let rotate = async |secret, overlap, by| {
            let rotated = env.rotate_application_secret(id, secret, overlap, &Expected::Any, by).await.unwrap().unwrap();
            assert_eq!(env.application_by_id(id).await.unwrap(), Some(rotated));
        };
        rotate(second, SecretOverlap::Day, &moment).await;
        let until = moment.at.plus_seconds(86_400).micros().to_string();
        assert_eq!(secrets().await, (vec![old, now, no], until));
        assert_eq!(changes(&database, "application.secret_rotated").await, r#"{"overlap":{"from":null,"to":"24h"}}"#);
        let moment = by();
        rotate(third, SecretOverlap::Hour, &moment).await;
        let until = moment.at.plus_seconds(3_600).micros().to_string();
        assert_eq!(secrets().await, (vec![no, old, now], until), "there are two at most");
        rotate(first, SecretOverlap::None, &by()).await;
        assert_eq!(secrets().await, (vec![now, no, no], "0".to_owned()));
    }

    async fn an_application_goes_with_its_client_its_service_user_and_its_tokens(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let new = static_one(owner, api);
        let (id, client_id, service) = (new.id, new.client_id.clone(), new.service_user.unwrap());
        let before = database.dump().await;
        env.create_application(new, &by()).await.unwrap();
        issue(&env, &client_id, service).await;
        assert!(env.user(service).await.unwrap().is_some());
        assert!(env.delete_application(id, &Expected::Any, &by()).await.unwrap());
        assert!(!env.delete_application(id, &Expected::Any, &by()).await.unwrap());
        let left: Vec<String> = database.dump().await.into_iter().filter(|row| !before.contains(row)).collect();
        assert!(left.iter().all(|row| row.contains("application.")), "only the trail remembers it: {left:#?}");
        assert_eq!(left.len(), 2, "{left:#?}");
    }

    async fn no_function_for_clients_sees_an_application(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let new = static_one(owner, api);
        let (client, service): (Id<Client>, Id<User>) = (new.id.cast(), new.service_user.unwrap());
        let client_id = new.client_id.clone();
        env.create_application(new, &by()).await.unwrap();
        let before = database.dump().await;
        let any = Expected::Any;
        assert_eq!(env.client_by_id(client).await.unwrap(), None);
        for filter in [
            ClientFilter { client_id: Some(client_id), ..ClientFilter::default() },
            ClientFilter { user_id: Some(service), ..ClientFilter::default() },
        ] {
            assert_eq!(env.clients(filter, ALL).await.unwrap().rows, []);
        }
        let change = ClientChange { active: Some(false), ..ClientChange::default() };
        assert_eq!(env.update_client(client, change, &any, &by()).await.unwrap(), None);
        assert_eq!(env.rotate_client_secret(client, hash(), &any, &by()).await.unwrap(), None);
        assert!(!env.delete_client(client, &any, &by()).await.unwrap());
        let grant = NewClientGrant { id: new_id(), client_id: client, resource_server_id: api, allowed_scopes: None };
        let granted = env.create_client_grant(grant, &by()).await;
        assert!(matches!(granted, Err(Error::Reference)), "{granted:?}");
        let linked = env.link_introspection_clients(api, Links::Add(vec![client]), &by()).await;
        assert!(matches!(linked, Err(Error::Reference)), "{linked:?}");
        let mut twin = public();
        twin.user = Some(MachineUser::Existing(service));
        let twin = env.register_client(twin, &by()).await;
        assert!(matches!(twin, Err(Error::Reference)), "{twin:?}");
        is_refused(env.delete_user(service, &any, &by()).await, Refusal::ServiceUser);
        assert_eq!(database.dump().await, before);
    }

    async fn an_organization_takes_its_applications_with_it_and_no_others(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let other = organization(&env, "Other").await;
        let mut made = Vec::new();
        for new in [static_one(owner, api), connected_one(owner, api), static_one(other, api)] {
            made.push((new.id, new.service_user));
            env.create_application(new, &by()).await.unwrap();
        }
        is_refused(env.delete_organization(owner, &stale(), &by()).await, Refusal::Stale);
        assert_eq!(found(&env, ApplicationFilter::default(), ALL).await.len(), 3);
        assert!(env.delete_organization(owner, &Expected::Any, &by()).await.unwrap());
        assert_eq!(found(&env, ApplicationFilter::default(), ALL).await, [made[2].0]);
        assert_eq!(env.user(made[0].1.unwrap()).await.unwrap(), None);
        assert!(env.user(made[2].1.unwrap()).await.unwrap().is_some());
        assert_eq!(database.count("audit_events WHERE action = 'application.deleted'").await, 2);
        let mine = environment(&database, &env);
        assert_eq!(database.count(&format!("clients WHERE environment_id = {mine} AND name LIKE 'Zo%'")).await, 1);
    }

    async fn an_organization_can_go_while_applications_are_made(database: TestDatabase) {
        let (env, _, api) = scene(&database).await;
        for round in 0..4 {
            let owner = organization(&env, &format!("Round {round}")).await;
            let mut works = vec![work(move |env| async move {
                env.delete_organization(owner, &Expected::Any, &by()).await.map(|_| ())
            })];
            for _ in 0..3 {
                works.push(work(move |env| async move {
                    match env.create_application(static_one(owner, api), &by()).await {
                        Err(Error::Reference) => Ok(()),
                        made => made.map(|_| ()),
                    }
                }));
            }
            for outcome in on_nodes(database.url(), &env, works) {
                outcome.unwrap();
            }
            assert_eq!(found(&env, ApplicationFilter::default(), ALL).await, [], "round {round}");
        }
    }

    async fn an_api_stays_as_its_applications_need_it(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let any = Expected::Any;
        let closed = env.create_resource_server(resource_server("https://closed.example"), &by()).await.unwrap().id;
        is_refused(env.create_application(connected_one(owner, closed), &by()).await, Refusal::NoRefreshTokens);
        let static_there = env.create_application(static_one(owner, closed), &by()).await.unwrap().id;
        let close = || ResourceServerChange { allow_offline_access: Some(false), ..ResourceServerChange::default() };
        let app = env.create_application(connected_one(owner, api), &by()).await.unwrap().id;
        let before = database.dump().await;
        is_refused(env.update_resource_server(api, close(), &any, &by()).await, Refusal::NeededRefreshTokens);
        is_refused(env.delete_resource_server(api, &any, &by()).await, Refusal::UsedByApplications);
        is_refused(env.delete_resource_server(closed, &any, &by()).await, Refusal::UsedByApplications);
        assert_eq!(database.dump().await, before);
        let longer = ResourceServerChange { token_ttl: Some(900), ..ResourceServerChange::default() };
        assert!(env.update_resource_server(api, longer, &any, &by()).await.unwrap().is_some());
        assert!(env.update_resource_server(closed, close(), &any, &by()).await.unwrap().is_some());
        for (application, server) in [(app, api), (static_there, closed)] {
            assert!(env.delete_application(application, &any, &by()).await.unwrap());
            assert!(env.delete_resource_server(server, &any, &by()).await.unwrap());
        }
    }

    /// The database itself refuses a token that never expires and is bound to no address.
    async fn ip_required_no_row_has_static_tokens_and_an_empty_allow_list(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let bound = env.create_application(static_one(owner, api), &by()).await.unwrap().id;
        let free = env.create_application(connected_one(owner, api), &by()).await.unwrap().id;
        let before = database.dump().await;
        for (id, set) in [(bound, "ip_allow_list = ''"), (free, "grant_type = 'client_credentials'")] {
            let sql = format!("UPDATE applications SET {set} WHERE {}", is(&database, &env, id));
            assert!(AssertUnwindSafe(database.execute(&sql)).catch_unwind().await.is_err(), "{sql}");
        }
        assert_eq!(database.dump().await, before);
        let set = "ip_allow_list = '10.0.0.0/8', grant_type = 'client_credentials'";
        database.execute(&format!("UPDATE applications SET {set} WHERE {}", is(&database, &env, free))).await;
    }

    async fn connections_count_when_they_lose_a_permission(database: TestDatabase) {
        let (env, owner, api) = scene(&database).await;
        let permissions = Scopes::stored("documents:read documents:write");
        let new = NewApplication { permissions, ..connected_one(owner, api) };
        let id = env.create_application(new, &by()).await.unwrap().id;
        let jane = person(&env, "jane@example.com").await;
        let key = |id: &[u8; 16]| database.bytes(id);
        let mine = environment(&database, &env);
        let users = [person(&env, "a@example.com").await, person(&env, "b@example.com").await];
        let held = ["openid documents:read", "documents:read documents:write", "openid documents:read documents:write"];
        for (scope, user) in held.into_iter().zip([Some(users[0]), Some(users[1]), None]) {
            let connection: Id<Connection> = new_id();
            let user = user.map_or("NULL".to_owned(), |user| key(user.as_bytes()));
            let sql = format!(
                "INSERT INTO connections (environment_id, id, application_id, organization_id, user_id, connected_by, scope, \
                 created_at, updated_at) VALUES ({mine}, {}, {}, {}, {user}, {}, '{scope}', 0, 0)",
                key(connection.as_bytes()), key(id.as_bytes()), key(owner.as_bytes()), key(jane.as_bytes()),
            );
            database.execute(&sql).await;
        }
        for (left, count) in
            [("documents:read documents:write", 0), ("documents:read", 2), ("documents:write", 3), ("", 3)]
        {
            assert_eq!(env.connections_narrowed_by(id, &Scopes::stored(left)).await.unwrap(), count, "{left}");
        }
        assert_eq!(env.connections_narrowed_by(new_id(), &Scopes::default()).await.unwrap(), 0);
    }
}
