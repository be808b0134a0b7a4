//! SQLite in this process: several readers, and one thread that writes.
//!
//! SQLite has one writer at a time, so there is one thread for it and a queue before it. Single statements that wait
//! together are committed together: each is atomic by itself, all become durable with one sync of the disk, and nobody
//! is answered before it. Units of several statements have a transaction of their own.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use diesel::{Connection as _, ConnectionError, ConnectionResult, SqliteConnection, connection::SimpleConnection};
use diesel_async::{
    AsyncConnection, TransactionManager,
    pooled_connection::deadpool::Pool as Managed,
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use tokio::sync::oneshot;

use crate::{
    Error,
    pool::{Begin, unavailable},
};

/// A connection whose futures are ready at once: every call runs where it is made.
pub(crate) type SqliteConn = SyncConnectionWrapper<SqliteConnection, Inline>;

/// How many units may wait to be written.
const MAX_WAITING: usize = 4_096;
/// How many statements are committed together at most.
const MAX_GROUP: usize = 256;

/// A SQLite database.
#[derive(Clone)]
pub(crate) struct Sqlite {
    pub(crate) readers: Managed<SqliteConn>,
    pub(crate) writer: Writer,
}

/// The way to the thread that writes, which ends when the last of these is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: Sender<Unit>,
    waiting: Arc<AtomicUsize>,
}

/// Tells whoever waits for a statement whether it was committed.
type Answer = Box<dyn FnOnce(bool) + Send>;

enum Unit {
    Statement(Box<dyn FnOnce(&mut SqliteConn) -> Answer + Send>),
    Transaction(Box<dyn FnOnce(&mut SqliteConn) + Send>),
}

impl Writer {
    /// Starts the thread. It opens its connection for the first unit.
    pub(crate) fn start(open: impl Fn() -> ConnectionResult<SqliteConn> + Send + 'static) -> Result<Self, Error> {
        let (queue, units) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = waiting.clone();
        let write = move || write(&units, &left, &open);
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(write).map_err(unavailable)?;
        Ok(Self { queue, waiting })
    }

    /// Runs a single writing statement.
    pub(crate) async fn statement<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Unit::Statement(Box::new(move |connection| {
            let outcome = unit(connection);
            Box::new(move |committed| {
                let _ = answer.send(if committed { outcome } else { Err(unavailable("the commit failed")) });
            })
        })))?;
        answered.await.unwrap_or_else(|_| Err(unavailable("the unit of work broke off")))
    }

    /// Runs a unit that begins and ends its transaction itself.
    pub(crate) async fn transaction<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut SqliteConn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Unit::Transaction(Box::new(move |connection| {
            let _ = answer.send(unit(connection));
        })))?;
        answered.await.unwrap_or_else(|_| Err(unavailable("the unit of work broke off")))
    }

    fn send(&self, unit: Unit) -> Result<(), Error> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(unavailable("too many units of work wait to be written"));
        }
        self.queue.send(unit).map_err(|_| unavailable("the writing thread has ended"))
    }
}

/// The life of the writing thread.
fn write(units: &Receiver<Unit>, waiting: &AtomicUsize, open: &dyn Fn() -> ConnectionResult<SqliteConn>) {
    let mut kept: Option<SqliteConn> = None;
    let mut next = None;
    while let Some(unit) = next.take().or_else(|| units.recv().ok()) {
        let mut group = vec![unit];
        while matches!(group.last(), Some(Unit::Statement(_))) && group.len() < MAX_GROUP {
            match units.try_recv() {
                Ok(statement @ Unit::Statement(_)) => group.push(statement),
                Ok(transaction) => {
                    next = Some(transaction);
                    break;
                }
                Err(_) => break,
            }
        }
        waiting.fetch_sub(group.len(), Ordering::Relaxed);
        let connection = kept.take().or_else(|| open().map_err(|error| tracing::error!(%error, "SQLite")).ok());
        // Without a connection the units are dropped, which tells those who wait.
        let Some(mut connection) = connection else { continue };
        // A panic in a unit must not end the thread; the connection it used goes with it.
        kept = catch_unwind(AssertUnwindSafe(|| {
            run(&mut connection, group);
            connection
        }))
        .ok();
    }
}

fn run(connection: &mut SqliteConn, mut group: Vec<Unit>) {
    if group.len() > 1 {
        run_together(connection, group);
        return;
    }
    match group.pop() {
        Some(Unit::Statement(statement)) => statement(connection)(true),
        Some(Unit::Transaction(transaction)) => transaction(connection),
        None => {}
    }
}

/// Runs statements in one transaction. A statement that fails undoes itself alone.
fn run_together(connection: &mut SqliteConn, group: Vec<Unit>) {
    let begun = now(connection.begin()).is_ok();
    let answers: Vec<Answer> = group
        .into_iter()
        .filter_map(|unit| match unit {
            Unit::Statement(statement) if begun => Some(statement(connection)),
            _ => None,
        })
        .collect();
    let commit = <SqliteConn as AsyncConnection>::TransactionManager::commit_transaction(connection);
    let committed = begun && commit.now_or_never().is_some_and(|outcome| outcome.is_ok());
    answers.into_iter().for_each(|answer| answer(committed));
}

/// Runs a unit of work whose futures are all ready at once.
pub(crate) fn now<T>(unit: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    unit.now_or_never().unwrap_or_else(|| Err(Error::Broken("a SQLite future was not ready".into())))
}

/// Runs a unit of work on a blocking thread.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    unit: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(unit).await.unwrap_or_else(|stopped| Err(unavailable(stopped)))
}

/// Opens a connection and sets it up.
pub(crate) fn open(path: &str) -> ConnectionResult<SqliteConn> {
    // synchronous=FULL: what was acknowledged survives a power cut, also in WAL mode.
    const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
    let mut connection = SqliteConnection::establish(path)?;
    connection.batch_execute(SETUP).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(SyncConnectionWrapper::with_runtime(connection, Inline))
}

/// Runs SQLite's calls where they are made.
pub(crate) struct Inline;

impl SpawnBlocking for Inline {
    fn spawn_blocking<'a, R: Send + 'static>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn std::error::Error + Send + Sync + 'static>>> {
        ready(Ok(task())).boxed()
    }

    fn get_runtime() -> Self {
        Self
    }
}
