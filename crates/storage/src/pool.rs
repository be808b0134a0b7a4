//! Connections to either database, and the one macro that runs a unit of work on them.
//!
//! A unit of work never runs inside the caller's future: an abandoned request must not abandon a transaction. On
//! PostgreSQL it is a task of its own; on SQLite it runs start to end on a blocking thread, one hop for the whole
//! unit, with a connection whose futures are ready at once (docs/adr/0003).

use std::{
    future::Future,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed;
use diesel::{
    ConnectionError, ConnectionResult, SqliteConnection,
    connection::{AnsiTransactionManager, InstrumentationEvent, SimpleConnection},
};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool as Managed},
    sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};

use crate::Error;

/// Where the data is: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file, made when it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL server's URL.
    Postgres(String),
}

/// The database URL names no database we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
pub struct DatabaseUrlError;

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() && path != ":memory:" => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            _ => Err(DatabaseUrlError),
        }
    }
}

/// Never shows the password that a PostgreSQL URL may hold.
impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(_) => f.write_str("postgres://[redacted]"),
        }
    }
}

/// How many connections to keep.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Connections per [`Db`]: all of them on PostgreSQL, the readers on SQLite (which has one writer besides).
    pub connections: usize,
}

pub(crate) type SqliteConn = SyncConnectionWrapper<SqliteConnection, Inline>;

/// The database. Clones share connections.
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: Pool,
    url: DatabaseUrl,
    options: Options,
    statements: Arc<AtomicU64>,
}

#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite { readers: Managed<SqliteConn>, writer: Managed<SqliteConn> },
    Postgres(Managed<AsyncPgConnection>),
}

/// How long a request waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(2);

impl Db {
    /// Opens a database lazily: connections are made when they are needed.
    ///
    /// # Errors
    /// The pool cannot be built.
    pub fn open(url: &DatabaseUrl, options: Options) -> Result<Self, Error> {
        let statements = Arc::new(AtomicU64::new(0));
        let pool = Pool::open(url, options, &statements)?;
        Ok(Self { pool, url: url.clone(), options, statements })
    }

    /// The same database for another thread. PostgreSQL connections belong to the thread whose runtime drives them, so
    /// each thread gets its own; SQLite connections are shared, since one process wants one writer.
    ///
    /// # Errors
    /// The pool cannot be built.
    pub fn for_thread(&self) -> Result<Self, Error> {
        let pool = match &self.pool {
            Pool::Sqlite { .. } => self.pool.clone(),
            Pool::Postgres(_) => Pool::open(&self.url, self.options, &self.statements)?,
        };
        Ok(Self { pool, ..self.clone() })
    }

    /// How many statements were sent to the database so far, `BEGIN` and `COMMIT` included.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The name of the database system, for logs.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        match self.pool {
            Pool::Sqlite { .. } => "sqlite",
            Pool::Postgres(_) => "postgres",
        }
    }
}

impl Pool {
    fn open(url: &DatabaseUrl, options: Options, statements: &Arc<AtomicU64>) -> Result<Self, Error> {
        let size = options.connections;
        Ok(match url {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_string_lossy();
                let open =
                    |size| managed::Pool::builder(manager(&path, open_sqlite, statements)).max_size(size).build();
                Self::Sqlite { readers: open(size).map_err(unavailable)?, writer: open(1).map_err(unavailable)? }
            }
            DatabaseUrl::Postgres(url) => {
                let pool = managed::Pool::builder(manager(url, open_postgres, statements)).max_size(size).build();
                Self::Postgres(pool.map_err(unavailable)?)
            }
        })
    }
}

/// Makes connections that are set up by `open` and count their statements.
fn manager<C: AsyncConnection + 'static>(
    url: &str,
    open: fn(String) -> BoxFuture<'static, ConnectionResult<C>>,
    statements: &Arc<AtomicU64>,
) -> AsyncDieselConnectionManager<C> {
    let statements = statements.clone();
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let (url, statements) = (url.to_owned(), statements.clone());
        async move {
            let mut connection: C = open(url).await?;
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                    statements.fetch_add(1, Ordering::Relaxed);
                }
            });
            Ok(connection)
        }
        .boxed()
    });
    AsyncDieselConnectionManager::new_with_config(url, config)
}

fn open_sqlite(path: String) -> BoxFuture<'static, ConnectionResult<SqliteConn>> {
    // synchronous=FULL: what was acknowledged survives a power cut, also in WAL mode.
    const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";
    let opened = <SqliteConnection as diesel::Connection>::establish(&path).and_then(|mut connection| {
        connection.batch_execute(SETUP).map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(SyncConnectionWrapper::with_runtime(connection, Inline))
    });
    ready(opened).boxed()
}

fn open_postgres(url: String) -> BoxFuture<'static, ConnectionResult<AsyncPgConnection>> {
    const SETUP: &str = "SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
                         SET idle_in_transaction_session_timeout = '10s';";
    async move {
        let connecting = tokio::time::timeout(ACQUIRE, AsyncPgConnection::establish(&url));
        let timed_out = |_| ConnectionError::BadConnection("no connection in time".to_owned());
        let mut connection = connecting.await.map_err(timed_out)??;
        connection.batch_execute(SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }
    .boxed()
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unavailable(cause.into())
}

/// A free connection, waited for only so long.
pub(crate) async fn acquire<M>(pool: &managed::Pool<M>) -> Result<managed::Object<M>, Error>
where
    M: managed::Manager,
    M::Error: std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(ACQUIRE, pool.get()).await {
        Ok(connection) => connection.map_err(unavailable),
        Err(_) => Err(unavailable("no free connection in time")),
    }
}

/// Runs a unit of work as a task of its own, so that dropping the caller's future does not stop it half-way.
pub(crate) async fn as_task<T: Send + 'static>(
    unit: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(unit).await.unwrap_or_else(|stopped| Err(unavailable(stopped)))
}

/// Runs a unit of work, whose futures are all ready at once, on a blocking thread.
pub(crate) async fn on_blocking_thread<T: Send + 'static, F: Future<Output = Result<T, Error>>>(
    unit: impl FnOnce() -> F + Send + 'static,
) -> Result<T, Error> {
    let run = || unit().now_or_never().unwrap_or_else(|| Err(Error::Broken("a SQLite future was not ready".into())));
    tokio::task::spawn_blocking(run).await.unwrap_or_else(|stopped| Err(unavailable(stopped)))
}

/// Runs SQLite's calls where they are made: a unit of work is on a blocking thread already.
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

/// How a transaction that writes begins.
pub(crate) trait Begin: AsyncConnection {
    fn begin(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
}

impl Begin for SqliteConn {
    /// Takes the write lock at once: a transaction that reads first and writes later could not wait for it.
    async fn begin(&mut self) -> Result<(), Error> {
        let begin = |c: &mut SqliteConnection| AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE");
        Ok(self.spawn_blocking(begin).await?)
    }
}

impl Begin for AsyncPgConnection {
    async fn begin(&mut self) -> Result<(), Error> {
        Ok(<Self as AsyncConnection>::TransactionManager::begin_transaction(self).await?)
    }
}

/// Commits what went well and rolls back what did not.
pub(crate) async fn finish<C: AsyncConnection, T>(connection: &mut C, outcome: Result<T, Error>) -> Result<T, Error> {
    match outcome {
        Ok(value) => {
            C::TransactionManager::commit_transaction(connection).await?;
            Ok(value)
        }
        Err(error) => {
            // A failed rollback marks the connection as broken, and the pool drops it.
            let _ = C::TransactionManager::rollback_transaction(connection).await;
            Err(error)
        }
    }
}

/// Runs a unit of work on whichever database it is, with the same body for both.
///
/// `on!(db, read |c| …)` for reads, `on!(db, write |c| …)` for a single writing statement, `on!(db, transaction |c| …)`
/// for more. The body sees `c` as a connection, may use `?` on diesel's and our own errors, and must own what it uses.
macro_rules! on {
    ($db:expr, read |$c:ident| $body:block) => {
        $crate::pool::on!(@run $db, readers, |$c| $body)
    };
    ($db:expr, write |$c:ident| $body:block) => {
        $crate::pool::on!(@run $db, writer, |$c| $body)
    };
    ($db:expr, transaction |$c:ident| $body:block) => {
        $crate::pool::on!(@run $db, writer, |$c| {
            $crate::pool::Begin::begin($c).await?;
            let outcome: $crate::Result<_> = async { $body }.await;
            $crate::pool::finish($c, outcome).await
        })
    };
    (@run $db:expr, $role:ident, |$c:ident| $body:block) => {
        match &$db.pool {
            $crate::pool::Pool::Sqlite { $role, .. } => {
                let mut connection = $crate::pool::acquire($role).await?;
                $crate::pool::on_blocking_thread(move || async move {
                    let $c = &mut *connection;
                    $body
                })
                .await
            }
            $crate::pool::Pool::Postgres(pool) => {
                let mut connection = $crate::pool::acquire(pool).await?;
                $crate::pool::as_task(async move {
                    let $c = &mut *connection;
                    $body
                })
                .await
            }
        }
    };
}
pub(crate) use on;
