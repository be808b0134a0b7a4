//! The audit trail: one event for each change, in the same unit of work, and none for what did not happen.

use std::{fmt::Debug, net::Ipv4Addr};

use paylent_domain::{
    Id,
    audit::{By, Context},
    client::Client,
    resource_server::ClientGrant,
    role::{Role, UserRole},
    signing_key::{NewSigningKey, SigningKey},
    user::{User, UserChange},
};
use paylent_oauth::crypto::secret::SecretHash;
use paylent_storage::{ClientChange, Env, Error, Expected, NewClientGrant, NewRole};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};
use serde_json::{Value, json};

use crate::common::{admin, assign, environment, person, resource_server, role, token, user_role};

both! {
    async fn lg_audit_each_change_leaves_one_event(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, things) = (&seeded.env, Things::of(&seeded).await);
        let trail = Trail { database: &database, env };
        for way in Way::ALL {
            let before = trail.actions().await;
            let outcome = way.take(&seeded, &things).await;
            assert!(outcome.is_ok(), "{way:?}: {outcome:?}");
            let after = trail.actions().await;
            assert_eq!(after.len(), before.len() + 1, "{way:?} leaves one event: {after:?}");
            assert_eq!(after.last().map(String::as_str), Some(way.action()), "{way:?}");
        }
    }

    async fn lg_audit_a_change_that_does_not_happen_leaves_none(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, things) = (&seeded.env, Things::of(&seeded).await);
        let (last_admin, held) = admin(env, "admin@example.com").await;
        let viewer = role(env, "viewer").await;
        let unknown = Things { user: new_id(), user_role: new_id(), client: new_id(), ..things.clone() };
        let unknown = Things { key: new_id(), old_key: new_id(), grant: new_id(), ..unknown };
        let mut twin = seed::person("jane@example.com");
        twin.id = new_id();
        let address = UserChange { email: Some("admin@example.com".parse().unwrap()), ..UserChange::default() };
        let before = database.dump().await;
        for way in Way::OF_SOMETHING {
            let outcome = way.take(&seeded, &unknown).await;
            assert!(outcome.is_err(), "{way:?} of something unknown: {outcome:?}");
        }
        fails(env.create_person(twin, &by()).await);
        fails(env.update_user(things.user, address, &Expected::Any, &by()).await);
        fails(env.update_user(last_admin, inactive(), &Expected::Any, &by()).await);
        fails(env.delete_user(last_admin, &Expected::Any, &by()).await);
        fails(env.delete_user(seeded.service_user, &Expected::Any, &by()).await);
        fails(env.delete_user_role(held, &Expected::Any, &by()).await);
        fails(env.assign_role(user_role(things.user, viewer), &by()).await);
        fails(env.assign_role(user_role(new_id(), viewer), &by()).await);
        fails(env.create_role(new_role("admin"), &by()).await);
        fails(env.create_resource_server(resource_server("https://api.example"), &by()).await);
        fails(env.delete_signing_key(things.key, &Expected::Any, &by()).await);
        let grant = NewClientGrant { id: new_id(), client_id: new_id(), ..things.new_grant.clone() };
        fails(env.create_client_grant(grant, &by()).await);
        let mut client = seed::machine(new_id(), new_id(), &seeded.secret);
        client.client_id = seeded.client_id.clone();
        fails(env.register_client(client, &by()).await);
        assert_eq!(database.dump().await, before);
    }

    async fn lg_audit_a_change_whose_event_cannot_be_written_does_not_happen(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let things = Things::of(&seeded).await;
        database.execute("ALTER TABLE audit_events RENAME TO elsewhere").await;
        let before = database.dump().await;
        for way in Way::ALL {
            let outcome = way.take(&seeded, &things).await;
            assert!(outcome.is_err(), "{way:?}: {outcome:?}");
            assert_eq!(database.dump().await, before, "{way:?} leaves nothing");
        }
    }

    async fn lg_audit_an_event_tells_who_did_what_to_what_from_where_and_when(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let actor = new_id();
        let context = Context {
            by: By::User { id: actor, name: "john@example.com".to_owned() },
            ip: Some(Ipv4Addr::new(192, 0, 2, 1).into()),
            user_agent: Some("x".repeat(500)),
            at: by().at,
        };
        let change = UserChange { first_name: Some(Some("J\"ne".into())), ..UserChange::default() };
        env.update_user(jane, change, &Expected::Any, &context).await.unwrap().unwrap();
        let read = async |column: &str| {
            let mine = format!("SELECT {column} FROM audit_events WHERE action = 'user.updated'");
            database.values(&mine).await.pop().unwrap()
        };
        assert_eq!(read("actor_type").await, "user");
        assert_eq!(read("actor_id").await, actor.to_string());
        assert_eq!(read("actor_name").await, "john@example.com");
        assert_eq!(read("ip").await, "192.0.2.1");
        assert_eq!(read("user_agent").await, "x".repeat(400));
        assert_eq!(read("occurred_at").await, context.at.micros().to_string());
        let read_json = async |column| serde_json::from_str::<Value>(&read(column).await).unwrap();
        let target = json!({"type": "user", "id": jane, "name": "jane@example.com"});
        assert_eq!(read_json("targets").await, json!([target]));
        assert_eq!(read_json("changes").await, json!({"first_name": {"from": "Jane", "to": "J\"ne"}}));
    }

    async fn lg_audit_issuing_and_using_tokens_leaves_no_event(database: TestDatabase) {
        use paylent_oauth::Store as _;
        let seeded = seed::environment(&database.db(), "acme").await;
        let trail = Trail { database: &database, env: &seeded.env };
        let before = trail.actions().await;
        let token = token(&seeded.client_id, seeded.service_user);
        let hash = token.hash;
        seeded.env.save_access_token(token).await.unwrap();
        seeded.env.access_token(&hash).await.unwrap();
        seeded.env.delete_access_token(&hash).await.unwrap();
        seeded.env.deny_jwt("1", by().at).await.unwrap();
        assert_eq!(trail.actions().await, before);
    }

    async fn lg_audit_a_new_account_leaves_an_event_and_each_of_its_environments_another(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        assert_eq!(Trail { database: &database, env: &env }.actions().await, ["environment.created"]);
        seed::environment(&database.db(), "other").await;
        let mut actions = database.values("SELECT action FROM audit_events").await;
        actions.sort();
        let accounts = ["account.created"; 2];
        assert_eq!(actions, [&accounts[..], &["environment.created"; 3]].concat(), "the system environment, once");
    }
}

/// What there is to change.
#[derive(Clone)]
struct Things {
    user: Id<User>,
    user_role: Id<UserRole>,
    client: Id<Client>,
    grant: Id<ClientGrant>,
    key: Id<SigningKey>,
    old_key: Id<SigningKey>,
    role: Id<Role>,
    new_grant: NewClientGrant,
}

impl Things {
    async fn of(seeded: &seed::Seeded) -> Self {
        let env = &seeded.env;
        let user = person(env, "jane@example.com").await;
        let mut servers = Vec::new();
        for identifier in ["https://api.example", "https://other.example"] {
            servers.push(env.create_resource_server(resource_server(identifier), &by()).await.unwrap().id);
        }
        let grant = |resource_server_id| NewClientGrant {
            id: new_id(),
            client_id: seeded.client,
            resource_server_id,
            allowed_scopes: None,
        };
        let key = || NewSigningKey { primary: false, ..seed::signing_key(env.tenant().environment.id) };
        let old_key = env.create_signing_key(key(), &by()).await.unwrap().id;
        env.deactivate_signing_key(old_key, &Expected::Any, &by()).await.unwrap();
        Self {
            user,
            user_role: assign(env, user, role(env, "viewer").await).await,
            client: seeded.client,
            grant: env.create_client_grant(grant(servers[0]), &by()).await.unwrap().id,
            key: env.create_signing_key(key(), &by()).await.unwrap().id,
            old_key,
            role: role(env, "admin").await,
            new_grant: grant(servers[1]),
        }
    }
}

/// Every way to change an environment.
#[derive(Debug, Clone, Copy)]
enum Way {
    CreatePerson,
    UpdateUser,
    AssignRole,
    DeleteUserRole,
    DeleteUser,
    CreateRole,
    CreateResourceServer,
    CreateClientGrant,
    UpdateClientGrant,
    DeleteClientGrant,
    CreateSigningKey,
    SetPrimarySigningKey,
    DeactivateSigningKey,
    DeleteSigningKey,
    RegisterClient,
    UpdateClient,
    RotateClientSecret,
    DeleteClient,
}

impl Way {
    /// In an order in which each succeeds.
    const ALL: [Self; 18] = [
        Self::CreatePerson,
        Self::UpdateUser,
        Self::AssignRole,
        Self::DeleteUserRole,
        Self::DeleteUser,
        Self::CreateRole,
        Self::CreateResourceServer,
        Self::CreateClientGrant,
        Self::UpdateClientGrant,
        Self::DeleteClientGrant,
        Self::CreateSigningKey,
        Self::SetPrimarySigningKey,
        Self::DeactivateSigningKey,
        Self::DeleteSigningKey,
        Self::RegisterClient,
        Self::UpdateClient,
        Self::RotateClientSecret,
        Self::DeleteClient,
    ];

    /// Those that change something that is there already.
    const OF_SOMETHING: [Self; 11] = [
        Self::UpdateUser,
        Self::DeleteUserRole,
        Self::DeleteUser,
        Self::UpdateClientGrant,
        Self::DeleteClientGrant,
        Self::SetPrimarySigningKey,
        Self::DeactivateSigningKey,
        Self::DeleteSigningKey,
        Self::UpdateClient,
        Self::RotateClientSecret,
        Self::DeleteClient,
    ];

    const fn action(self) -> &'static str {
        match self {
            Self::CreatePerson => "user.created",
            Self::UpdateUser => "user.updated",
            Self::AssignRole => "user_role.created",
            Self::DeleteUserRole => "user_role.deleted",
            Self::DeleteUser => "user.deleted",
            Self::CreateRole => "role.created",
            Self::CreateResourceServer => "resource_server.created",
            Self::CreateClientGrant => "client_grant.created",
            Self::UpdateClientGrant => "client_grant.updated",
            Self::DeleteClientGrant => "client_grant.deleted",
            Self::CreateSigningKey => "signing_key.generated",
            Self::SetPrimarySigningKey => "signing_key.set_primary",
            Self::DeactivateSigningKey => "signing_key.deactivated",
            Self::DeleteSigningKey => "signing_key.deleted",
            Self::RegisterClient => "client.registered",
            Self::UpdateClient => "client.updated",
            Self::RotateClientSecret => "client.secret_rotated",
            Self::DeleteClient => "client.deleted",
        }
    }

    /// `Err` with the reason, or with "nothing" when there was nothing to change.
    async fn take(self, seeded: &seed::Seeded, things: &Things) -> Result<(), String> {
        let (env, by) = (&seeded.env, &by());
        let key = seed::signing_key(env.tenant().environment.id);
        match self {
            Self::CreatePerson => told(env.create_person(seed::person("new@example.com"), by).await.map(Some)),
            Self::UpdateUser => told(env.update_user(things.user, inactive(), &Expected::Any, by).await),
            Self::AssignRole => told(env.assign_role(user_role(things.user, things.role), by).await.map(Some)),
            Self::DeleteUserRole => told(done(env.delete_user_role(things.user_role, &Expected::Any, by).await)),
            Self::DeleteUser => told(done(env.delete_user(things.user, &Expected::Any, by).await)),
            Self::CreateRole => told(env.create_role(new_role("clerk"), by).await.map(Some)),
            Self::CreateResourceServer => {
                told(env.create_resource_server(resource_server("https://new.example"), by).await.map(Some))
            }
            Self::CreateClientGrant => told(env.create_client_grant(things.new_grant.clone(), by).await.map(Some)),
            Self::UpdateClientGrant => {
                told(env.update_client_grant(things.grant, Some(Default::default()), &Expected::Any, by).await)
            }
            Self::DeleteClientGrant => told(done(env.delete_client_grant(things.grant, &Expected::Any, by).await)),
            Self::CreateSigningKey => told(env.create_signing_key(key, by).await.map(Some)),
            Self::SetPrimarySigningKey => told(env.set_primary_signing_key(things.key, &Expected::Any, by).await),
            Self::DeactivateSigningKey => told(env.deactivate_signing_key(things.key, &Expected::Any, by).await),
            Self::DeleteSigningKey => told(done(env.delete_signing_key(things.old_key, &Expected::Any, by).await)),
            Self::RegisterClient => {
                let client = seed::machine(new_id(), new_id(), &seeded.secret);
                told(env.register_client(client, by).await.map(Some))
            }
            Self::UpdateClient => {
                let change = ClientChange { active: Some(false), ..ClientChange::default() };
                told(env.update_client(things.client, change, &Expected::Any, by).await)
            }
            Self::RotateClientSecret => {
                told(env.rotate_client_secret(things.client, SecretHash::of("another"), &Expected::Any, by).await)
            }
            Self::DeleteClient => told(done(env.delete_client(things.client, &Expected::Any, by).await)),
        }
    }
}

fn told<T>(outcome: Result<Option<T>, Error>) -> Result<(), String> {
    outcome.map_err(|error| error.to_string())?.map(|_| ()).ok_or_else(|| "nothing".to_owned())
}

fn done(outcome: Result<bool, Error>) -> Result<Option<()>, Error> {
    outcome.map(|done| done.then_some(()))
}

#[track_caller]
fn fails<T: Debug>(outcome: Result<T, Error>) {
    assert!(outcome.is_err(), "{outcome:?}");
}

fn inactive() -> UserChange {
    UserChange { active: Some(false), ..UserChange::default() }
}

fn new_role(name: &str) -> NewRole {
    NewRole { id: new_id(), name: name.to_owned(), description: None, permissions: Default::default() }
}

/// The audit trail of one environment.
struct Trail<'a> {
    database: &'a TestDatabase,
    env: &'a Env,
}

impl Trail<'_> {
    /// What happened, in order.
    async fn actions(&self) -> Vec<String> {
        let environment = environment(self.database, self.env);
        let mine = format!("SELECT action FROM audit_events WHERE environment_id = {environment} ORDER BY id");
        self.database.values(&mine).await
    }
}
