//! `paylent serve`: from the configuration to a server that answers, and to its orderly end.

use std::{fmt::Write as _, future::Future, io, process, sync::Arc, time::Duration};

use actix_web::rt::{System, spawn};
use clap::Args;
use futures_util::future::join;
use paylent_crypto::{
    passcode::PasscodeKey,
    password::{PasswordPool, Passwords},
};
use paylent_domain::{Clock, clock::SystemClock, hosts::Hosts};
use paylent_mail::{LetterKey, Mailbox, Transport};
use paylent_oauth::Keyring;
use paylent_outbound::Outbound;
use paylent_storage::{Db, Directory, Options};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::timeout,
};

use super::{Failure, prepare_database, say, storage_failure};
use crate::{
    app::{self, Listen, Rooms, Running},
    config::{Config, Sources},
    jobs, logging, master_key, metrics,
};

/// The label under which pagination cursors get their key from the master key.
const CURSORS: &str = "cursor";
/// The label under which the forms of the pages get theirs.
const FORMS: &str = "form";

/// How long a stopping server waits for mails that are being handed over.
const MAILS: Duration = Duration::from_secs(30);

/// What `serve` takes.
#[derive(Args)]
pub(super) struct Arguments {
    /// Keep mails in memory and show them at /dev/mailbox, unless mail.transport is set: for development
    #[arg(long)]
    dev: bool,
}

pub(super) fn run(mut config: Config, sources: &Sources, arguments: &Arguments) -> Result<(), Failure> {
    let log = logging::install(&config.log).map_err(Failure::failed)?;
    if arguments.dev {
        tracing::warn!("serve --dev is for development, not for people");
        config.mail.transport.get_or_insert_with(|| {
            tracing::warn!("mails go nowhere: whoever reaches this server can read them at /dev/mailbox");
            Transport::Memory(Mailbox::default())
        });
    }
    let applied = prepare_database(&config)?;
    for name in &applied {
        tracing::info!(migration = name, "applied a migration");
    }
    let served = System::new().block_on(serve(config, &hint(sources)));
    log.flush();
    served
}

async fn serve(config: Config, hint: &str) -> Result<(), Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::failed(format!("signals cannot be caught: {error}")))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = config.shown_database();
    let listen = Listen { address: config.listen, workers: config.workers };
    let metrics_listen = config.metrics_listen;
    let base_url = config.hosts.base_url();
    let measurements = match metrics_listen {
        Some(_) => Some(metrics::install(clock.now()).map_err(Failure::failed)?),
        None => None,
    };
    let rooms = rooms(config, clock.clone()).await?;
    let db = rooms.db.clone();
    let is_empty = !db.has_accounts().await.map_err(|error| storage_failure(&error))?;
    let metrics = match measurements.zip(metrics_listen) {
        Some((measurements, address)) => {
            spawn(measurements.clone().upkeep());
            let bound = metrics::serve(measurements, address);
            Some(bound.map_err(|error| cannot_listen("metrics_listen", address, &error, ", or off"))?)
        }
        None => None,
    };
    let running =
        app::start(rooms.clone(), listen).map_err(|error| cannot_listen("listen", listen.address, &error, ""))?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), address = %running.address, base_url, database, "started");
    let mut shown = vec![("Base URL", base_url), ("Database", database)];
    if let Some(Transport::Memory(_)) = rooms.mail.transport {
        shown.push(("Mailbox", mailbox(rooms.directory.hosts())));
    }
    shown.extend(metrics.as_ref().map(|(address, _)| ("Metrics", format!("http://{address}/metrics"))));
    announce(&running, &shown, is_empty.then_some(hint));
    spawn(jobs::purge(db.clone(), clock));
    spawn(jobs::write_uses(db.clone()));
    let (stop, stopped) = watch::channel(false);
    let mails = spawn(jobs::deliver_mails(rooms.clone(), stopped));
    spawn(jobs::tell_clients(rooms));
    if let Some((_, server)) = metrics {
        spawn(server);
    }
    // A mail that is being handed over when the process ends would be sent once more by the next one.
    let last = async move {
        let _ = stop.send(true);
        let _ = timeout(MAILS, mails).await;
    };
    let stopped = run_until_stopped(running, &mut signals, last).await;
    // After the last request, which may have used a token.
    if let Err(error) = db.write_uses().await {
        tracing::warn!(cause = ?error, "last uses of tokens could not be written down");
    }
    stopped
}

/// Everything the application works with.
async fn rooms(config: Config, clock: Arc<dyn Clock>) -> Result<Rooms, Failure> {
    let options = Options { connections: config.database_connections };
    let db = Db::open(&config.database, options).map_err(|error| storage_failure(&error))?;
    let outbound = Outbound::new(config.outbound)
        .map_err(|error| Failure::failed(format!("requests to others cannot be made: {error}")))?;
    let master = master_key::open(config.master_key, &db, clock.now()).await.map_err(Failure::failed)?;
    Ok(Rooms {
        db,
        directory: Arc::new(Directory::new(config.hosts, clock.clone())),
        cursor_key: master.derive(CURSORS),
        form_key: master.derive(FORMS),
        letters: LetterKey::new(&master),
        mail: config.mail,
        passcodes: PasscodeKey::new(&master),
        keys: Arc::new(Keyring::new(master)),
        clock,
        passwords: PasswordPool::new(Passwords::default(), config.workers, PasswordPool::DEFAULT_QUEUE),
        outbound,
        proxies: config.trusted_proxies,
        limits: config.limits,
        minimum_password: config.password_minimum_length,
    })
}

/// Says that the server is up, to people on standard output and to machines in the log.
fn announce(running: &Running, shown: &[(&str, String)], hint: Option<&str>) {
    let version = env!("CARGO_PKG_VERSION");
    let address = running.address;
    let mut text = format!("Paylent {version} listens on {address}\n");
    for (name, value) in shown {
        let _ = writeln!(text, "  {name:<8}  {value}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "\n{hint}");
    }
    // A server whose standard output is closed serves all the same.
    let _ = say(text.trim_end());
}

/// Where developers read the mails that left.
fn mailbox(hosts: &Hosts) -> String {
    let base_url = hosts.base_url();
    let (scheme, host) = base_url.split_once("://").unwrap_or_default();
    match hosts.site(host) {
        Some(_) => format!("{base_url}/dev/mailbox"),
        None => format!("{scheme}://ENVIRONMENT.{host}/dev/mailbox"),
    }
}

/// How to make the first account: the command with everything this server was given that it needs too.
fn hint(sources: &Sources) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "paylent".to_owned());
    let mut command =
        format!("{} setup --account acme --admin-email you@example.com --admin-password-stdin", quoted(&program));
    if let Some(path) = &sources.file {
        let _ = write!(command, " --config {}", quoted(&path.to_string_lossy()));
    }
    for key in ["listen", "base_url", "database_url", "default_environment", "master_key_file"] {
        if let Some(value) = sources.flags.get(key) {
            let _ = write!(command, " --{} {}", key.replace('_', "-"), quoted(value));
        }
    }
    let environment = if sources.environment.is_empty() { "" } else { " and with the same PAYLENT_ variables" };
    format!(
        "There is no account yet. Make the first one from another terminal, in this folder{environment}:\n\n  \
         {command}\n\nThen type a password for its admin, and Enter."
    )
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn cannot_listen(key: &str, address: std::net::SocketAddr, error: &io::Error, or: &str) -> Failure {
    Failure::failed(format!("cannot listen on {address}: {error}; set {key} to another address{or}"))
}

/// Serves until a signal comes, then lets the requests in flight and the `last` work finish. A second signal ends the
/// process at once.
async fn run_until_stopped(
    mut running: Running,
    signals: &mut Signals,
    last: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let stopped =
        |ended: io::Result<()>| ended.map_err(|error| Failure::failed(format!("the server stopped: {error}")));
    let name = tokio::select! {
        name = signals.next() => name,
        ended = &mut running.server => return stopped(ended),
    };
    tracing::info!(
        signal = name,
        "stopping: requests in flight finish first; a second signal ends the process at once"
    );
    running.drain();
    spawn(running.handle.stop(true));
    tokio::select! {
        (ended, ()) = join(&mut running.server, last) => {
            tracing::info!("stopped");
            stopped(ended)
        }
        name = signals.next() => {
            tracing::warn!(signal = name, "ended at once");
            process::exit(1)
        }
    }
}

/// The signals that ask the server to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
