//! Connections to either database, and the one macro that runs a unit of work on them.
//!
//! A unit of work never runs inside the caller's future: an abandoned request must not abandon a transaction. On
//! PostgreSQL it is a task of its own; on SQLite it runs from start to end without a pause (docs/adr/0003).

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
    connection::{AnsiTransactionManager, InstrumentationEvent},
};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool as Managed},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};

use crate::{
    Error,
    sqlite::{self, Sqlite, SqliteConn, Writer},
    uses::Uses,
};

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

/// The database. Clones share connections.
#[derive(Clone)]
pub struct Db {
    pub(crate) pool: Pool,
    url: Arc<DatabaseUrl>,
    options: Options,
    statements: Arc<AtomicU64>,
    uses: Arc<Uses>,
}

#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(Sqlite),
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
        Ok(Self { pool, url: Arc::new(url.clone()), options, statements, uses: Arc::default() })
    }

    /// The same database for another thread. PostgreSQL connections belong to the thread whose runtime drives them, so
    /// each thread gets its own; SQLite connections are shared, since one process wants one writer.
    ///
    /// # Errors
    /// The pool cannot be built.
    pub fn for_thread(&self) -> Result<Self, Error> {
        let pool = match &self.pool {
            Pool::Sqlite(_) => self.pool.clone(),
            Pool::Postgres(_) => Pool::open(&self.url, self.options, &self.statements)?,
        };
        Ok(Self { pool, ..self.clone() })
    }

    /// The uses of tokens that were not written yet.
    pub(crate) fn uses(&self) -> &Uses {
        &self.uses
    }

    /// How many statements were sent to the database so far, `BEGIN` and `COMMIT` included.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Pool {
    fn open(url: &DatabaseUrl, options: Options, statements: &Arc<AtomicU64>) -> Result<Self, Error> {
        let size = options.connections;
        Ok(match url {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_string_lossy().into_owned();
                let readers = managed::Pool::builder(manager(&path, open_sqlite, statements)).max_size(size).build();
                let count = statements.clone();
                let open = move || sqlite::open(&path).map(|connection| counted(connection, &count));
                Self::Sqlite(Sqlite { readers: readers.map_err(unavailable)?, writer: Writer::start(open)? })
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
        async move { Ok(counted(open(url).await?, &statements)) }.boxed()
    });
    AsyncDieselConnectionManager::new_with_config(url, config)
}

/// Counts the statements of a connection.
fn counted<C: AsyncConnection>(mut connection: C, statements: &Arc<AtomicU64>) -> C {
    let statements = statements.clone();
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            statements.fetch_add(1, Ordering::Relaxed);
        }
    });
    connection
}

fn open_sqlite(path: String) -> BoxFuture<'static, ConnectionResult<SqliteConn>> {
    ready(sqlite::open(&path)).boxed()
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

pub(crate) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
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
/// `on!(db, lookup, |c| …)` for reads of a row or two, which SQLite answers on the spot; `on!(db, read, |c| …)` for longer
/// ones; `on!(db, write, |c| …)` for a single writing statement; `on!(db, transaction, |c| …)` for more. The body sees `c`
/// as a connection, may use `?` on diesel's and our own errors, and must own what it uses.
macro_rules! on {
    ($db:expr, lookup, |$c:ident| $body:block) => {
        match &$db.pool {
            $crate::pool::Pool::Sqlite(sqlite) => {
                let mut connection = $crate::pool::acquire(&sqlite.readers).await?;
                $crate::sqlite::now(async move {
                    let $c = &mut *connection;
                    $body
                })
            }
            $crate::pool::Pool::Postgres(pool) => $crate::pool::on!(@postgres pool, |$c| $body),
        }
    };
    ($db:expr, read, |$c:ident| $body:block) => {
        match &$db.pool {
            $crate::pool::Pool::Sqlite(sqlite) => {
                let mut connection = $crate::pool::acquire(&sqlite.readers).await?;
                $crate::sqlite::on_blocking_thread(move || {
                    $crate::sqlite::now(async move {
                        let $c = &mut *connection;
                        $body
                    })
                })
                .await
            }
            $crate::pool::Pool::Postgres(pool) => $crate::pool::on!(@postgres pool, |$c| $body),
        }
    };
    ($db:expr, write, |$c:ident| $body:block) => {
        match &$db.pool {
            $crate::pool::Pool::Sqlite(sqlite) => {
                sqlite.writer.statement(move |$c| $crate::sqlite::now(async move { $body })).await
            }
            $crate::pool::Pool::Postgres(pool) => $crate::pool::on!(@postgres pool, |$c| $body),
        }
    };
    ($db:expr, transaction, |$c:ident| $body:block) => {
        match &$db.pool {
            $crate::pool::Pool::Sqlite(sqlite) => {
                sqlite
                    .writer
                    .transaction(move |$c| $crate::sqlite::now(async move { $crate::pool::on!(@atomic $c, $body) }))
                    .await
            }
            $crate::pool::Pool::Postgres(pool) => {
                $crate::pool::on!(@postgres pool, |$c| { $crate::pool::on!(@atomic $c, $body) })
            }
        }
    };
    (@atomic $c:ident, $body:block) => {{
        $crate::pool::Begin::begin($c).await?;
        let outcome: $crate::Result<_> = async { $body }.await;
        $crate::pool::finish($c, outcome).await
    }};
    (@postgres $pool:ident, |$c:ident| $body:block) => {{
        let mut connection = $crate::pool::acquire($pool).await?;
        $crate::pool::as_task(async move {
            let $c = &mut *connection;
            $body
        })
        .await
    }};
}
pub(crate) use on;
