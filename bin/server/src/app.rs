//! The HTTP server: binds, lets every request in by the front door, and mounts the rooms behind it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    middleware::from_fn,
    web::{self, Data},
};
use paylent_crypto::{passcode::PasscodeKey, password::PasswordPool};
use paylent_domain::{Clock, network::TrustedProxies};
use paylent_mail::{LetterKey, Transport};
use paylent_oauth::{Keyring, RemoteKeys};
use paylent_outbound::Outbound;
use paylent_storage::{Db, Directory, Post};

use crate::{
    config::Mail,
    front_door,
    limits::{Limiters, Limits},
    post::SealedPost,
    remote_keys::FetchedKeys,
};

/// Everything the rooms share. The database handle becomes each worker's own.
#[derive(Clone)]
pub struct Rooms {
    /// The database.
    pub db: Db,
    /// Which host serves which environment.
    pub directory: Arc<Directory>,
    /// The signing keys of all environments.
    pub keys: Arc<Keyring>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where passwords are hashed.
    pub passwords: PasswordPool,
    /// Makes requests to addresses that clients registered.
    pub outbound: Outbound,
    /// Authenticates the cursors of lists.
    pub cursor_key: [u8; 32],
    /// Seals the mails that go out.
    pub letters: LetterKey,
    /// How mails leave.
    pub mail: Mail,
    /// Hashes the codes that are mailed.
    pub passcodes: PasscodeKey,
    /// Authenticates the forms of the pages.
    pub form_key: [u8; 32],
    /// Whose forwarding headers to believe.
    pub proxies: TrustedProxies,
    /// How many requests to admit.
    pub limits: Limits,
    /// The fewest characters a password may have.
    pub minimum_password: usize,
}

/// Where to listen.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// How many threads serve requests.
    pub workers: usize,
}

/// A server that accepts connections.
pub struct Running {
    /// The address it listens at.
    pub address: SocketAddr,
    /// Resolves when the server has stopped.
    pub server: Server,
    /// Stops it.
    pub handle: ServerHandle,
    /// Set to make `/health/ready` fail, so that a load balancer looks elsewhere before the server stops.
    pub draining: Arc<AtomicBool>,
}

/// What the front door needs of the rooms, per worker.
pub(crate) struct Shared {
    pub(crate) rooms: Rooms,
    pub(crate) limiters: Arc<Limiters>,
    pub(crate) post: Arc<dyn Post>,
}

/// How long a stopping server waits for requests that are being answered, in seconds.
const SHUTDOWN_SECONDS: u64 = 30;
/// How long a connection may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How often the limiters forget callers that have been quiet.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Binds the address and starts to serve. Must be called within a tokio runtime.
///
/// # Errors
/// The address cannot be bound.
pub fn start(rooms: Rooms, listen: Listen) -> io::Result<Running> {
    let draining = Arc::new(AtomicBool::new(false));
    let limiters = Arc::new(Limiters::new(rooms.limits));
    tokio::spawn(keep_house(limiters.clone()));
    let ready = draining.clone();
    let remote_keys = remote_keys(&rooms);
    let server = HttpServer::new(move || {
        let rooms = own_database(&rooms);
        let post = Arc::new(SealedPost(rooms.letters.clone()));
        let shared = Data::new(Shared { rooms: rooms.clone(), limiters: limiters.clone(), post });
        let ready = Data::from(ready.clone());
        App::new()
            .wrap(from_fn(front_door::enter))
            .app_data(shared)
            .app_data(ready)
            .configure(|cfg| mount(cfg, &rooms, &remote_keys))
            .default_service(web::to(front_door::not_found))
    })
    .workers(listen.workers)
    .client_request_timeout(HEAD_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .disable_signals()
    .bind(listen.address)?;
    let address = server.addrs().first().copied().unwrap_or(listen.address);
    let server = server.run();
    Ok(Running { address, handle: server.handle(), server, draining })
}

/// The rooms with database connections that belong to this thread.
fn own_database(rooms: &Rooms) -> Rooms {
    match rooms.db.for_thread() {
        Ok(db) => Rooms { db, ..rooms.clone() },
        Err(error) => {
            tracing::warn!(%error, "this worker shares database connections");
            rooms.clone()
        }
    }
}

/// The keys that clients publish elsewhere, kept for all workers.
pub fn remote_keys(rooms: &Rooms) -> Arc<dyn RemoteKeys> {
    Arc::new(FetchedKeys::new(rooms.outbound.clone(), rooms.clock.clone()))
}

/// Mounts all that the server answers at: its health, the OAuth endpoints, the pages and the Management API. Whatever is
/// mounted here is behind the front door, and is walked by the tests that go through every route.
pub fn mount(cfg: &mut web::ServiceConfig, rooms: &Rooms, remote_keys: &Arc<dyn RemoteKeys>) {
    let web = paylent_web::Settings {
        keys: rooms.keys.clone(),
        clock: rooms.clock.clone(),
        passwords: rooms.passwords.clone(),
        form_key: rooms.form_key,
        minimum_password: rooms.minimum_password,
        letters: rooms.letters.clone(),
        mailbox: match &rooms.mail.transport {
            Some(Transport::Memory(mailbox)) => Some(mailbox.clone()),
            _ => None,
        },
        passcodes: rooms.passcodes.clone(),
        remote_keys: remote_keys.clone(),
    };
    let api = paylent_api::Settings {
        clock: rooms.clock.clone(),
        keys: rooms.keys.clone(),
        passwords: rooms.passwords.clone(),
        cursor_key: rooms.cursor_key,
        letters: rooms.letters.clone(),
        minimum_password: rooms.minimum_password,
    };
    cfg.route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(front_door::ready))
        .configure(|cfg| paylent_web::configure(cfg, web))
        .configure(|cfg| paylent_api::configure(cfg, api));
}

async fn keep_house(limiters: Arc<Limiters>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        limiters.forget_idle();
    }
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("live\n")
}

impl Running {
    /// Lets `/health/ready` fail from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}
