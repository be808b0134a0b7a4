//! What several of these tests are made of.

use std::{
    fmt::Debug,
    future::Future,
    net::Ipv4Addr,
    pin::Pin,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use futures_util::future::join_all;
use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType},
    clock::{Stopwatch, SystemClock},
    hosts::Hosts,
    mail::NewMail,
    organization::{Membership, MembershipRole, Organization},
    role::{ADMIN, Role, UserRole},
    scope::Scopes,
    user::User,
};
use paylent_oauth::{
    crypto::secret::{SecretHash, random_bytes},
    store::{OpaqueToken, Store as _},
};
use paylent_storage::{
    DatabaseUrl, Db, Directory, Env, Error, Expected, Links, NameIs, NewClient, NewInvitation, NewOrganization,
    NewResourceServer, NewSession, Options, Order, Page, Refusal, RoleFilter,
};
use paylent_tests::{
    TestDatabase,
    seed::{self, by, new_id},
};

/// As many rows as any of these tests has.
pub(crate) const ALL: Page = Page {
    limit: 1_000,
    beyond: None,
    offset: 0,
    order: Order { by_name: None, newest_first: false },
    counted: false,
    ids: None,
    since: None,
    before: None,
    name: Vec::new(),
};

/// Makes every session old enough for a touch, which is noted once a minute.
pub(crate) const UNUSED_FOR_A_MINUTE: &str = "UPDATE sessions SET last_activity_at = last_activity_at - 60000000";

/// Makes all connections, so that work that starts together runs together.
pub(crate) async fn connect(db: &Db) {
    for answer in join_all((0..8).map(|_| db.ping())).await {
        answer.unwrap();
    }
}

/// The id of the role of this name.
pub(crate) async fn role(env: &Env, name: &str) -> Id<Role> {
    env.roles(RoleFilter::default(), named(name)).await.unwrap().rows[0].id
}

/// All rows of this name.
pub(crate) fn named(name: &str) -> Page {
    Page { name: vec![NameIs::In(vec![name.to_owned()])], ..ALL }
}

/// All rows of these ids.
pub(crate) fn of_ids<T>(ids: &[Id<T>]) -> Page {
    Page { ids: Some(ids.iter().map(|id| *id.as_bytes()).collect()), ..ALL }
}

/// What a row was before it last changed.
pub(crate) fn stale() -> Expected {
    Expected::OneOf(vec![Timestamp::from_seconds(1), Timestamp::from_seconds(2)])
}

/// A new person.
pub(crate) async fn person(env: &Env, email: &str) -> Id<User> {
    env.create_person(seed::person(email), &by()).await.unwrap().id
}

/// A new person with the admin role, and the assignment.
pub(crate) async fn admin(env: &Env, email: &str) -> (Id<User>, Id<UserRole>) {
    let user = person(env, email).await;
    (user, assign(env, user, role(env, ADMIN).await).await)
}

/// The system environment.
pub(crate) async fn system(db: &Db) -> Env {
    let hosts = Hosts::new("http://localhost:8080", None).unwrap();
    let directory = Directory::new(hosts, Arc::new(SystemClock));
    Env::new(db.clone(), directory.tenant(db, "auth.localhost:8080").await.unwrap().unwrap())
}

/// A new organization.
pub(crate) async fn organization(env: &Env, name: &str) -> Id<Organization> {
    let new = NewOrganization { id: new_id(), name: name.to_owned(), slug: None };
    env.create_organization(new, &by()).await.unwrap().id
}

/// A new membership.
pub(crate) async fn member(env: &Env, user_id: Id<User>, organization_id: Id<Organization>) -> Membership {
    env.create_membership(membership(user_id, organization_id), &by()).await.unwrap()
}

pub(crate) fn membership(user_id: Id<User>, organization_id: Id<Organization>) -> Membership {
    Membership { id: new_id(), user_id, organization_id, created_at: by().at }
}

/// A role held through a membership, about to be given.
pub(crate) fn membership_role(membership: &Membership, role_id: Id<Role>) -> MembershipRole {
    let (membership_id, organization_id) = (membership.id, membership.organization_id);
    MembershipRole { id: new_id(), membership_id, organization_id, role_id, created_at: by().at }
}

/// A session about to begin.
pub(crate) fn session(user_id: Id<User>) -> NewSession {
    let token_hash = SecretHash::from_bytes(random_bytes().unwrap());
    let user_agent = Some("Browser/1".to_owned());
    NewSession { id: new_id(), user_id, token_hash, ip: Some(Ipv4Addr::new(192, 0, 2, 1).into()), user_agent }
}

/// An invitation without roles that can be answered for an hour, about to be made.
pub(crate) fn invitation(inviter_id: Id<User>, organization_id: Id<Organization>, email: &str) -> NewInvitation {
    let expires_at = by().at.plus_seconds(3_600);
    let (email, role_ids) = (email.parse().unwrap(), Vec::new());
    let token_hash = SecretHash::from_bytes(random_bytes().unwrap());
    NewInvitation { id: new_id(), organization_id, inviter_id, email, role_ids, expires_at, token_hash, mail: mail() }
}

/// A mail that nobody could open, about to be queued.
pub(crate) fn mail() -> NewMail {
    NewMail {
        id: new_id(),
        kind: "invitation",
        recipient: "somebody@example.com".to_owned(),
        letter: vec![1],
        expires_at: None,
    }
}

pub(crate) async fn assign(env: &Env, user_id: Id<User>, role_id: Id<Role>) -> Id<UserRole> {
    env.assign_role(user_role(user_id, role_id), &by()).await.unwrap().id
}

pub(crate) fn user_role(user_id: Id<User>, role_id: Id<Role>) -> UserRole {
    UserRole { id: new_id(), user_id, role_id, created_at: by().at }
}

/// A resource server with two scopes, about to be made.
pub(crate) fn resource_server(identifier: &str) -> NewResourceServer {
    NewResourceServer {
        id: new_id(),
        name: "Documents".to_owned(),
        identifier: identifier.to_owned(),
        token_ttl: 600,
        allow_offline_access: false,
        scopes: Scopes::stored("documents:read documents:write"),
    }
}

/// A public client that signs people in, about to be registered.
pub(crate) fn public() -> NewClient {
    NewClient {
        client_id: new_id::<()>().to_string(),
        name: "Shop".to_owned(),
        client_type: ClientType::Public,
        secret_hash: None,
        redirect_uris: vec!["https://app.example/cb".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        require_pkce: true,
        user: None,
        ..seed::machine(new_id(), new_id(), &"".to_owned().into())
    }
}

/// An opaque token of this client for this user, which never expires.
pub(crate) fn token(client_id: &str, user_id: Id<User>) -> OpaqueToken {
    OpaqueToken {
        hash: SecretHash::from_bytes(random_bytes().unwrap()),
        client_id: client_id.to_owned(),
        user_id,
        audience: "https://api.example.com".to_owned(),
        scopes: Scopes::stored("documents:read"),
        issued_at: Timestamp::from_seconds(1_793_000_000),
        expires_at: None,
        client_generation: 0,
        user_generation: 0,
        family_id: None,
        organization_id: None,
    }
}

/// Saves a token, and returns its hash.
pub(crate) async fn issue(env: &Env, client_id: &str, user_id: Id<User>) -> SecretHash {
    let token = token(client_id, user_id);
    let hash = token.hash;
    env.save_access_token(token).await.unwrap();
    hash
}

/// The condition that selects a row by its environment and id.
pub(crate) fn is<T>(database: &TestDatabase, env: &Env, id: Id<T>) -> String {
    format!("environment_id = {} AND id = {}", environment(database, env), database.bytes(id.as_bytes()))
}

/// An environment's id, as SQL writes it.
pub(crate) fn environment(database: &TestDatabase, env: &Env) -> String {
    database.bytes(env.tenant().environment.id.as_bytes())
}

/// Waits for the units of work that nobody waits for, and fails if one stays open.
pub(crate) async fn nothing_is_open(database: &TestDatabase) {
    if !database.is_postgres() {
        return database.execute("BEGIN IMMEDIATE; ROLLBACK;").await;
    }
    let open = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    // Less than the server's patience with an idle transaction, which would hide one.
    let waiting = Stopwatch::start();
    while waiting.elapsed() < Duration::from_secs(8) {
        if database.count(open).await == 0 {
            return;
        }
    }
    let open = format!("SELECT state || ': ' || query FROM {open}");
    panic!("{:?}", database.values(&open).await);
}

/// The user's generation.
pub(crate) async fn generation<T>(database: &TestDatabase, env: &Env, table: &str, id: Id<T>) -> i64 {
    let query = format!("SELECT generation FROM {table} WHERE {}", is(database, env, id));
    database.values(&query).await[0].parse().unwrap()
}

/// Checks that a change was refused, and why.
#[track_caller]
pub(crate) fn is_refused<T: Debug>(outcome: Result<T, Error>, why: Refusal) {
    assert!(matches!(&outcome, Err(Error::Refused(refusal)) if *refusal == why), "{outcome:?} is not {why:?}");
}

/// A piece of work for one node.
pub(crate) type Work<T> = Box<dyn FnOnce(Env) -> Pin<Box<dyn Future<Output = T>>> + Send>;

/// Boxes a closure as [`Work`].
pub(crate) fn work<T, F: Future<Output = T> + 'static>(run: impl FnOnce(Env) -> F + Send + 'static) -> Work<T> {
    Box::new(move |env| Box::pin(run(env)))
}

/// Does the work as that many nodes would: each on a thread, with a runtime and connections of its own, all at once.
pub(crate) fn on_nodes<T: Send + 'static>(url: &DatabaseUrl, env: &Env, works: Vec<Work<T>>) -> Vec<T> {
    let start = Arc::new(Barrier::new(works.len()));
    let node = |work: Work<T>| {
        let (url, tenant, start) = (url.clone(), env.tenant().clone(), start.clone());
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let db = Db::open(&url, Options { connections: 2 }).unwrap();
                db.ping().await.unwrap();
                start.wait();
                work(Env::new(db, tenant)).await
            })
        })
    };
    let nodes: Vec<_> = works.into_iter().map(node).collect();
    nodes.into_iter().map(|node| node.join().unwrap()).collect()
}

/// These and no others, whatever there is.
pub(crate) fn replace<T>(with: Vec<Id<T>>) -> Links<T> {
    Links::Replace { was: None, with }
}
