//! Environments do not see each other: an id of another environment is answered as one that nobody has.

use std::fmt::Debug;

use paylent_domain::{
    Id,
    client::Client,
    resource_server::{ClientGrant, ResourceServer},
    role::{Role, UserRole},
    signing_key::SigningKey,
    user::{User, UserChange},
};
use paylent_oauth::{
    Store as _,
    crypto::secret::{SecretHash, random_bytes},
    store::JwtReference,
};
use paylent_storage::{
    ClientChange, ClientFilter, ClientGrantFilter, Env, Error, Expected, MachineUser, NewClientGrant, Page,
    ResourceServerFilter, RoleFilter, UserFilter, UserRoleFilter,
};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, assign, issue, of_ids, person, resource_server, role, token, user_role};

/// The ids of one thing of each kind.
struct Ids {
    user: Id<User>,
    service_user: Id<User>,
    role: Id<Role>,
    user_role: Id<UserRole>,
    client: Id<Client>,
    server: Id<ResourceServer>,
    grant: Id<ClientGrant>,
    active_key: Id<SigningKey>,
    inactive_key: Id<SigningKey>,
    client_id: String,
    kid: String,
    token: SecretHash,
}

impl Ids {
    /// What there is in an environment, after there is something of every kind.
    async fn of(seeded: &seed::Seeded) -> Self {
        let env = &seeded.env;
        let (user, role) = (person(env, "jane@example.com").await, role(env, "viewer").await);
        let server = env.create_resource_server(resource_server("https://api.example"), &by()).await.unwrap().id;
        let grant =
            NewClientGrant { id: new_id(), client_id: seeded.client, resource_server_id: server, allowed_scopes: None };
        let key = || seed::signing_key(env.tenant().environment.id);
        let inactive_key = env.create_signing_key(key(), &by()).await.unwrap().id;
        env.deactivate_signing_key(inactive_key, &Expected::Any, &by()).await.unwrap().unwrap();
        let active_key = env.create_signing_key(key(), &by()).await.unwrap();
        Self {
            user,
            service_user: seeded.service_user,
            role,
            user_role: assign(env, user, role).await,
            client: seeded.client,
            server,
            grant: env.create_client_grant(grant, &by()).await.unwrap().id,
            active_key: active_key.id,
            inactive_key,
            client_id: seeded.client_id.clone(),
            kid: active_key.kid,
            token: issue(env, &seeded.client_id, user).await,
        }
    }

    /// Ids that nothing has.
    fn of_nothing() -> Self {
        Self {
            user: new_id(),
            service_user: new_id(),
            role: new_id(),
            user_role: new_id(),
            client: new_id(),
            server: new_id(),
            grant: new_id(),
            active_key: new_id(),
            inactive_key: new_id(),
            client_id: "nobody".to_owned(),
            kid: "nothing".to_owned(),
            token: SecretHash::from_bytes(random_bytes().unwrap()),
        }
    }
}

both! {
    async fn rb_xenv_id_a_foreign_id_is_read_as_an_unknown_one(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let theirs = Ids::of(&other).await;
        assert!(read(&other.env, &theirs).await.iter().all(|answer| !answer.ends_with(NOTHING)), "they are there");
        let answers = read(&ours.env, &theirs).await;
        assert_eq!(answers, read(&ours.env, &Ids::of_nothing()).await);
        assert!(answers.iter().all(|answer| answer.ends_with(NOTHING)), "{answers:#?}");
    }

    async fn rb_xenv_id_a_foreign_id_is_changed_and_deleted_as_an_unknown_one(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let theirs = Ids::of(&other).await;
        let before = database.dump().await;
        let answers = change(&ours.env, &theirs).await;
        assert_eq!(database.dump().await, before, "nothing changed");
        assert_eq!(answers, change(&ours.env, &Ids::of_nothing()).await);
        assert!(answers.iter().all(|answer| answer.ends_with(NOTHING)), "{answers:#?}");
    }

    async fn rb_xenv_ref_a_foreign_row_is_referred_to_as_an_unknown_one(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let (theirs, own) = (Ids::of(&other).await, Ids::of(&ours).await);
        let before = database.dump().await;
        for foreign in [theirs, Ids::of_nothing()] {
            let env = &ours.env;
            is_no_reference(env.assign_role(user_role(foreign.user, own.role), &by()).await);
            is_no_reference(env.assign_role(user_role(own.user, foreign.role), &by()).await);
            let grant = |client_id, resource_server_id| NewClientGrant {
                id: new_id(),
                client_id,
                resource_server_id,
                allowed_scopes: None,
            };
            is_no_reference(env.create_client_grant(grant(foreign.client, own.server), &by()).await);
            is_no_reference(env.create_client_grant(grant(own.client, foreign.server), &by()).await);
            let mut client = seed::machine(new_id(), new_id(), &ours.secret);
            client.user = Some(MachineUser::Existing(foreign.user));
            is_no_reference(env.register_client(client, &by()).await);
            assert!(env.save_access_token(token(&foreign.client_id, own.user)).await.is_err());
            assert!(env.save_access_token(token(&own.client_id, foreign.user)).await.is_err());
        }
        assert_eq!(database.dump().await, before, "nothing changed");
    }

    async fn rb_xenv_id_a_token_is_judged_by_its_own_environment_only(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let (theirs, own) = (Ids::of(&other).await, Ids::of(&ours).await);
        let jwt = JwtReference { kid: &own.kid, jti: "1", client_id: &own.client_id, user_id: own.user, family_id: None };
        let standing = async |jwt| ours.env.jwt_standing(jwt).await.unwrap().unwrap();
        let good = standing(jwt).await;
        assert!(good.client_active && good.user_active && good.key_active && !good.denied, "{good:?}");
        assert!(!standing(JwtReference { kid: &theirs.kid, ..jwt }).await.key_active);
        assert!(!standing(JwtReference { user_id: theirs.user, ..jwt }).await.user_active);
        assert!(ours.env.jwt_standing(JwtReference { client_id: &theirs.client_id, ..jwt }).await.unwrap().is_none());
        other.env.deny_jwt("1", by().at).await.unwrap();
        other.env.delete_access_token(&own.token).await.unwrap();
        database.execute("UPDATE environments SET not_before = 1 WHERE handle = 'other'").await;
        assert_eq!(standing(jwt).await, good);
        assert!(ours.env.access_token(&own.token).await.unwrap().is_some());
    }

    async fn rb_xenv_id_a_list_holds_its_own_environment_only(database: TestDatabase) {
        let db = database.db();
        let (other, ours) = (seed::environment(&db, "other").await, seed::environment(&db, "acme").await);
        let before = lengths(&ours.env).await;
        Ids::of(&other).await;
        assert_eq!(lengths(&ours.env).await, before);
        assert_eq!(ours.env.active_public_keys().await.unwrap().len(), 1);
    }
}

/// How an answer to a question about nothing ends.
const NOTHING: &str = ": nothing";

/// The answers of every function that reads by an id, each with its name.
async fn read(env: &Env, ids: &Ids) -> Vec<String> {
    let by_client_id = ClientFilter { client_id: Some(ids.client_id.clone()), ..ClientFilter::default() };
    let held_by = UserRoleFilter { user_id: Some(ids.user), ..UserRoleFilter::default() };
    let holding = UserRoleFilter { role_id: Some(ids.role), ..UserRoleFilter::default() };
    let granted_to = ClientGrantFilter { client_id: Some(ids.client), resource_server_id: None };
    let granted_for = ClientGrantFilter { client_id: None, resource_server_id: Some(ids.server) };
    let jwt = JwtReference { kid: &ids.kid, jti: "1", client_id: &ids.client_id, user_id: ids.user, family_id: None };
    vec![
        one_or_nothing("user", env.user(ids.user).await.unwrap()),
        one_or_nothing("service user", env.user(ids.service_user).await.unwrap()),
        one_or_nothing("authority", env.authority(ids.user).await.unwrap()),
        one_or_nothing("role", env.role(ids.role).await.unwrap()),
        one_or_nothing("permissions", env.permissions_of_role(ids.role).await.unwrap().iter().next()),
        one_or_nothing("user role", env.user_role(ids.user_role).await.unwrap()),
        one_or_nothing("client", env.client_by_id(ids.client).await.unwrap()),
        one_or_nothing("resource server", env.resource_server(ids.server).await.unwrap()),
        one_or_nothing("scopes", env.scopes_of(ids.server).await.unwrap().iter().next()),
        one_or_nothing("client grant", env.client_grant(ids.grant).await.unwrap()),
        one_or_nothing("signing key", env.signing_key_by_id(ids.active_key).await.unwrap()),
        one_or_nothing("users", env.users(UserFilter::default(), of_ids(&[ids.user])).await.unwrap().rows.pop()),
        one_or_nothing("roles", env.roles(RoleFilter::default(), of_ids(&[ids.role])).await.unwrap().rows.pop()),
        one_or_nothing(
            "clients by id",
            env.clients(ClientFilter::default(), of_ids(&[ids.client])).await.unwrap().rows.pop(),
        ),
        one_or_nothing("clients by client_id", env.clients(by_client_id, ALL).await.unwrap().rows.pop()),
        one_or_nothing(
            "resource servers",
            env.resource_servers(ResourceServerFilter::default(), of_ids(&[ids.server])).await.unwrap().rows.pop(),
        ),
        one_or_nothing("user roles of a user", env.user_roles(held_by, ALL).await.unwrap().rows.pop()),
        one_or_nothing("grants of a client", env.client_grants(granted_to, ALL).await.unwrap().rows.pop()),
        one_or_nothing("grants for a server", env.client_grants(granted_for, ALL).await.unwrap().rows.pop()),
        one_or_nothing("engine: client", env.client(&ids.client_id).await.unwrap()),
        one_or_nothing("engine: machine", env.machine(&ids.client_id).await.unwrap()),
        one_or_nothing("engine: key", env.signing_key(&ids.kid).await.unwrap().map(|key| key.kid)),
        one_or_nothing("engine: token", env.access_token(&ids.token).await.unwrap()),
        one_or_nothing("engine: standing", env.jwt_standing(jwt).await.unwrap()),
        one_or_nothing("user roles of a role", env.user_roles(holding, ALL).await.unwrap().rows.pop()),
    ]
}

/// The answers of every function that changes or deletes by an id, each with its name.
async fn change(env: &Env, ids: &Ids) -> Vec<String> {
    let inactive = || UserChange { active: Some(false), ..UserChange::default() };
    let client =
        || ClientChange { active: Some(false), service_user: Some(ids.service_user), ..ClientChange::default() };
    env.delete_access_token(&ids.token).await.unwrap();
    vec![
        one_or_nothing("update user", env.update_user(ids.user, inactive(), &Expected::Any, &by()).await.unwrap()),
        one_or_nothing(
            "update service user",
            env.update_user(ids.service_user, inactive(), &Expected::Any, &by()).await.unwrap(),
        ),
        one_or_nothing("update client", env.update_client(ids.client, client(), &Expected::Any, &by()).await.unwrap()),
        one_or_nothing("update grant", env.update_client_grant(ids.grant, None, &Expected::Any, &by()).await.unwrap()),
        one_or_nothing(
            "rotate secret",
            env.rotate_client_secret(ids.client, ids.token, &Expected::Any, &by()).await.unwrap(),
        ),
        one_or_nothing(
            "set primary key",
            env.set_primary_signing_key(ids.active_key, &Expected::Any, &by()).await.unwrap(),
        ),
        one_or_nothing(
            "deactivate key",
            env.deactivate_signing_key(ids.active_key, &Expected::Any, &by()).await.unwrap(),
        ),
        one_or_nothing(
            "deactivate old key",
            env.deactivate_signing_key(ids.inactive_key, &Expected::Any, &by()).await.unwrap(),
        ),
        done_or_nothing("delete user", env.delete_user(ids.user, &Expected::Any, &by()).await),
        done_or_nothing("delete service user", env.delete_user(ids.service_user, &Expected::Any, &by()).await),
        done_or_nothing("delete user role", env.delete_user_role(ids.user_role, &Expected::Any, &by()).await),
        done_or_nothing("delete grant", env.delete_client_grant(ids.grant, &Expected::Any, &by()).await),
        done_or_nothing("delete client", env.delete_client(ids.client, &Expected::Any, &by()).await),
        done_or_nothing("delete active key", env.delete_signing_key(ids.active_key, &Expected::Any, &by()).await),
        done_or_nothing("delete inactive key", env.delete_signing_key(ids.inactive_key, &Expected::Any, &by()).await),
    ]
}

fn one_or_nothing<T: Debug>(what: &str, answer: Option<T>) -> String {
    answer.map_or_else(|| format!("{what}{NOTHING}"), |answer| format!("{what}: {answer:?}"))
}

fn done_or_nothing(what: &str, answer: Result<bool, Error>) -> String {
    one_or_nothing(what, answer.unwrap().then_some("done"))
}

#[track_caller]
fn is_no_reference<T: Debug>(outcome: Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Reference)), "{outcome:?}");
}

/// How many rows every list has.
async fn lengths(env: &Env) -> Vec<Option<i64>> {
    let page = Page { counted: true, ..ALL };
    vec![
        env.users(UserFilter::default(), page.clone()).await.unwrap().total,
        env.roles(RoleFilter::default(), page.clone()).await.unwrap().total,
        env.user_roles(UserRoleFilter::default(), page.clone()).await.unwrap().total,
        env.clients(ClientFilter::default(), page.clone()).await.unwrap().total,
        env.resource_servers(ResourceServerFilter::default(), page.clone()).await.unwrap().total,
        env.client_grants(ClientGrantFilter::default(), page.clone()).await.unwrap().total,
        env.signing_keys(page).await.unwrap().total,
    ]
}
