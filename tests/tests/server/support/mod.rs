//! A running server, and callers to talk to it with.

pub mod account;
mod api;
pub mod application_documents;
pub mod applications;
pub mod browser;
pub mod forge;
pub mod forwarded;
pub mod letters;
pub mod oauth;
pub mod process;
pub mod raw;
pub mod registering;
mod reply;
mod samples;
mod setup;
pub mod smtp;

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicBool},
};

use actix_web::dev::ServerHandle;
use paylent_crypto::{
    password::{PasswordPool, Passwords},
    seal::MasterKey,
};
use paylent_domain::{Clock, Id, Timestamp, clock::FixedClock, hosts::Hosts, network::TrustedProxies};
use paylent_mail::Transport;
use paylent_oauth::Keyring;
use paylent_server::{
    app::{self, Listen, Rooms},
    limits::Limits,
};
use paylent_storage::{Db, Directory, Env, Options};
use paylent_tests::{TestDatabase, seed};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

pub use api::{Machine, Member, PASSWORD, at, linkage, nobody};
pub use reply::Reply;
pub use samples::{Sample, Samples};

/// The domain below which the test's environments live.
pub const BASE: &str = "paylent.test";
/// JSON:API's media type.
pub const JSON_API: &str = "application/vnd.api+json";

/// A server with the accounts `acme` and `beta`, one environment each.
pub struct TestServer {
    pub address: SocketAddr,
    pub clock: Arc<FixedClock>,
    pub db: Db,
    pub acme: Tenant,
    pub beta: Tenant,
    /// Set to make the server say that it is about to stop.
    pub draining: Arc<AtomicBool>,
    /// What the server's jobs work with.
    pub rooms: Rooms,
    http: Client,
    running: Running,
}

/// What ends with the value.
enum Running {
    Here(ServerHandle),
    Elsewhere {
        _process: process::Process,
    },
    /// Another value holds it.
    Already,
}

/// An environment and its machine client, which may do everything.
pub struct Tenant {
    pub host: String,
    pub seeded: seed::Seeded,
}

impl Tenant {
    /// The issuer.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The identifier and the address of the Management API.
    pub fn api(&self) -> String {
        format!("http://{}/api", self.host)
    }

    /// The same, read from another pool.
    fn on(&self, db: &Db) -> Self {
        let seed::Seeded { env, client, client_id, secret, service_user } = &self.seeded;
        let seeded = seed::Seeded {
            env: Env::new(db.clone(), Arc::clone(env.tenant())),
            client: *client,
            client_id: client_id.clone(),
            secret: secret.expose().to_owned().into(),
            service_user: *service_user,
        };
        Self { host: self.host.clone(), seeded }
    }

    /// `client_id` and secret of the machine client.
    pub fn machine(&self) -> (String, String) {
        (self.seeded.client_id.clone(), self.seeded.secret.expose().to_owned())
    }
}

/// What a test may want otherwise.
#[derive(Default)]
pub struct Setting {
    /// Limit requests with the quotas of the product.
    pub limited: bool,
    /// Whose forwarding headers to believe.
    pub proxies: &'static [&'static str],
    /// The environment of the bare host.
    pub default_environment: Option<&'static str>,
    /// Whether people reach it by https, as behind a proxy.
    pub https: bool,
    /// Hash passwords at the product's cost, so many at once, while so many wait.
    pub hashing: Option<(usize, usize)>,
    /// Let the server's own requests reach public addresses only.
    pub public_only: bool,
    /// The fewest characters that the operator allows a password, other than 8.
    pub minimum_password: Option<usize>,
    /// How mails leave.
    pub mail: Option<Transport>,
}

impl TestServer {
    /// A server without limits.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, Setting::default()).await
    }

    /// A server as the test wants it.
    pub async fn start_with(database: &TestDatabase, setting: Setting) -> Self {
        let (acme, beta) = (setup::tenant(database, "acme-test").await, setup::tenant(database, "beta-test").await);
        let clock =
            Arc::new(FixedClock::at(Timestamp::from_seconds(paylent_domain::clock::SystemClock.now().seconds() + 10)));
        let db = database.db();
        let rooms = setup::rooms(db.clone(), clock.clone(), &setting);
        let (address, handle, draining) = setup::run(rooms.clone());
        let http = client().build().unwrap();
        Self { address, clock, db, acme, beta, draining, rooms, http, running: Running::Here(handle) }
    }

    /// Another server on the same database, in a process of its own. Its clock stands where this one's stands now.
    pub fn beside(&self, database: &TestDatabase) -> Self {
        let db = Db::open(database.url(), Options { connections: 8 }).unwrap();
        let now = self.clock.now();
        let (address, process) = process::spawn(database, now);
        let (acme, beta) = (self.acme.on(&db), self.beta.on(&db));
        Self {
            address,
            clock: Arc::new(FixedClock::at(now)),
            rooms: Rooms { db: db.clone(), ..self.rooms.clone() },
            db,
            acme,
            beta,
            draining: Arc::default(),
            http: self.http.clone(),
            running: Running::Elsewhere { _process: process },
        }
    }

    /// The same server, called from this address of the machine: `127.0.0.7` is as good as any.
    pub fn seen_from(&self, ip: &str) -> Self {
        self.called_by(client().local_address(Some(ip.parse().unwrap())))
    }

    /// The same server, called with these headers.
    pub fn seen_through(&self, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        self.called_by(client().default_headers(headers.collect()))
    }

    fn called_by(&self, http: reqwest::ClientBuilder) -> Self {
        Self {
            clock: self.clock.clone(),
            db: self.db.clone(),
            acme: self.acme.on(&self.db),
            beta: self.beta.on(&self.db),
            draining: self.draining.clone(),
            rooms: self.rooms.clone(),
            http: http.build().unwrap(),
            running: Running::Already,
            address: self.address,
        }
    }

    /// Sets the server's clock to the machine's.
    pub fn show_the_real_time(&self) {
        let difference = paylent_domain::clock::SystemClock.now().seconds() - self.clock.now().seconds();
        self.clock.advance_seconds(difference);
    }

    /// A request to a path of an environment's host.
    pub fn request(&self, tenant: &Tenant, method: Method, path: &str) -> RequestBuilder {
        self.request_to(&tenant.host, method, path)
    }

    /// A request to a path, for a host.
    pub fn request_to(&self, host: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address)).header("host", host)
    }

    /// Sends a form to an OAuth endpoint, with Basic authentication.
    pub async fn oauth(&self, tenant: &Tenant, path: &str, client: &(String, String), form: &[(&str, &str)]) -> Reply {
        let request = self.request(tenant, Method::POST, path).basic_auth(&client.0, Some(&client.1)).form(form);
        Reply::of(request).await
    }

    /// A token of the environment's machine client for its Management API.
    pub async fn admin_token(&self, tenant: &Tenant) -> String {
        self.token(tenant, &tenant.machine(), &[]).await
    }

    /// A token for the Management API.
    pub async fn token(&self, tenant: &Tenant, client: &(String, String), extra: &[(&str, &str)]) -> String {
        let api = tenant.api();
        let mut form = vec![("grant_type", "client_credentials"), ("resource", api.as_str())];
        form.extend_from_slice(extra);
        let reply = self.oauth(tenant, "/oauth/token", client, &form).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A caller with the machine client's token.
    pub async fn admin<'a>(&'a self, tenant: &'a Tenant) -> Caller<'a> {
        Caller { server: self, tenant, token: Some(self.admin_token(tenant).await) }
    }

    /// A caller without a token.
    pub fn anonymous<'a>(&'a self, tenant: &'a Tenant) -> Caller<'a> {
        Caller { server: self, tenant, token: None }
    }

    /// A caller with this token.
    pub fn bearer<'a>(&'a self, tenant: &'a Tenant, token: &str) -> Caller<'a> {
        Caller { server: self, tenant, token: Some(token.to_owned()) }
    }

    /// A machine client whose user holds exactly these permissions and which may ask for all scopes.
    pub async fn machine_with(&self, tenant: &Tenant, permissions: &[&str]) -> (String, String) {
        setup::machine_with(tenant, permissions).await
    }

    /// A caller whose user holds exactly these permissions.
    pub async fn caller_with<'a>(&'a self, tenant: &'a Tenant, permissions: &[&str]) -> Caller<'a> {
        let client = self.machine_with(tenant, permissions).await;
        Caller { server: self, tenant, token: Some(self.token(tenant, &client, &[]).await) }
    }
}

/// Somebody who follows no redirect.
fn client() -> reqwest::ClientBuilder {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy()
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Running::Here(handle) = &self.running {
            drop(handle.stop(false));
        }
    }
}

/// Somebody who calls the Management API of one environment.
pub struct Caller<'a> {
    pub server: &'a TestServer,
    pub tenant: &'a Tenant,
    pub token: Option<String>,
}

impl<'a> Caller<'a> {
    /// The same caller, with the same token, at another node.
    pub fn at(&self, node: &'a TestServer) -> Self {
        Caller { server: node, tenant: self.tenant, token: self.token.clone() }
    }

    /// A request to `/api/<path>`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.request(self.tenant, method, &format!("/api/{path}")).header("accept", JSON_API);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, document: &Value) -> Reply {
        self.send(Method::POST, path, document).await
    }

    pub async fn patch(&self, path: &str, document: &Value) -> Reply {
        self.send(Method::PATCH, path, document).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::DELETE, path)).await
    }

    pub async fn send(&self, method: Method, path: &str, document: &Value) -> Reply {
        self.send_raw(method, path, document.to_string().into_bytes()).await
    }

    /// Sends any bytes as a JSON:API document.
    pub async fn send_raw(&self, method: Method, path: &str, body: Vec<u8>) -> Reply {
        Reply::of(self.request(method, path).header("content-type", JSON_API).body(body)).await
    }

    /// Creates a resource and returns its id.
    pub async fn create(
        &self,
        path: &str,
        kind: &str,
        attributes: Value,
        relationships: &[(&str, &str, &str)],
    ) -> String {
        let reply = self.post(path, &document(kind, attributes, relationships)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.id()
    }
}

/// A request document: relationships are `(name, type, id)`.
pub fn document(kind: &str, attributes: Value, relationships: &[(&str, &str, &str)]) -> Value {
    let relationships: serde_json::Map<String, Value> = relationships
        .iter()
        .map(|(name, kind, id)| ((*name).to_owned(), json!({"data": {"type": kind, "id": id}})))
        .collect();
    match relationships.is_empty() {
        true => json!({"data": {"type": kind, "attributes": attributes}}),
        false => json!({"data": {"type": kind, "attributes": attributes, "relationships": relationships}}),
    }
}

/// An update document.
pub fn change(kind: &str, id: &str, attributes: Value) -> Value {
    json!({"data": {"type": kind, "id": id, "attributes": attributes}})
}
