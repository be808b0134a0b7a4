//! Brings the schema up to date. Synchronous: it runs once, before anything else.
//!
//! Each migration is one transaction, so one that is killed half-way is rolled back by the database. Nodes that start
//! together take turns: by an advisory lock on PostgreSQL, by the write lock on SQLite.

use std::{thread, time::Duration};

use diesel::{
    Connection, SqliteConnection,
    backend::Backend,
    connection::SimpleConnection,
    migration::{Migration as _, MigrationSource, MigrationVersion},
};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use paylent_domain::clock::Stopwatch;

use crate::DatabaseUrl;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The key of the advisory lock: `paylent` in ASCII.
const LOCK: &str = "SELECT pg_advisory_lock(31632364427374196)";

/// One step of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number and name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database was made by a newer Paylent.
    #[error(
        "the database has migration {0}, which this version does not know: use the version that made it, or a newer one"
    )]
    Newer(String),
    /// The database cannot be reached.
    #[error("the database cannot be opened: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// A migration failed, and left nothing behind.
    #[error("the migration failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// Applies what is missing, and names it.
///
/// # Errors
/// See [`MigrationError`]. The schema is then as it was after the last whole migration.
pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, MigrationError> {
    on_database(url, Apply)
}

/// All migrations, and which of them the database has. Changes nothing.
///
/// # Errors
/// See [`MigrationError`].
pub fn migrations(url: &DatabaseUrl) -> Result<Vec<Migration>, MigrationError> {
    on_database(url, Inspect)
}

/// What to do with a connection that holds the lock.
trait Work {
    type Done: Send;
    /// Whether what it does to the database stays.
    const KEPT: bool;
    fn run<DB: Backend>(
        &self,
        harness: &mut impl MigrationHarness<DB>,
        known: EmbeddedMigrations,
    ) -> Result<Self::Done, MigrationError>;
}

struct Apply;
struct Inspect;

impl Work for Apply {
    type Done = Vec<String>;
    const KEPT: bool = true;

    fn run<DB: Backend>(
        &self,
        harness: &mut impl MigrationHarness<DB>,
        known: EmbeddedMigrations,
    ) -> Result<Vec<String>, MigrationError> {
        let missing = status(harness, &known)?.into_iter().filter(|migration| !migration.applied);
        let missing = missing.map(|migration| migration.name).collect();
        harness.run_pending_migrations(known).map_err(MigrationError::Failed)?;
        Ok(missing)
    }
}

impl Work for Inspect {
    type Done = Vec<Migration>;
    // Asking makes the table of applied migrations where there is none.
    const KEPT: bool = false;

    fn run<DB: Backend>(
        &self,
        harness: &mut impl MigrationHarness<DB>,
        known: EmbeddedMigrations,
    ) -> Result<Vec<Migration>, MigrationError> {
        status(harness, &known)
    }
}

fn status<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    known: &EmbeddedMigrations,
) -> Result<Vec<Migration>, MigrationError> {
    let applied: Vec<MigrationVersion<'_>> = harness.applied_migrations().map_err(MigrationError::Failed)?;
    let known = MigrationSource::<DB>::migrations(known).map_err(MigrationError::Failed)?;
    let is_known =
        |version: &&MigrationVersion<'_>| known.iter().any(|migration| migration.name().version() == **version);
    if let Some(newer) = applied.iter().find(|version| !is_known(version)) {
        return Err(MigrationError::Newer(newer.to_string()));
    }
    Ok(known
        .iter()
        .map(|migration| Migration {
            name: migration.name().to_string(),
            applied: applied.contains(&migration.name().version()),
        })
        .collect())
}

fn on_database<W: Work + Send>(url: &DatabaseUrl, work: W) -> Result<W::Done, MigrationError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut connection = SqliteConnection::establish(&path.to_string_lossy())?;
            connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA foreign_keys = ON;").map_err(failed)?;
            use_write_ahead_log(&mut connection)?;
            if !W::KEPT {
                // Rolled back when the connection is closed.
                connection.begin_test_transaction().map_err(failed)?;
                return work.run(&mut connection, SQLITE);
            }
            connection.immediate_transaction(|c| work.run(c, SQLITE).map_err(Step)).map_err(|Step(error)| error)
        }
        DatabaseUrl::Postgres(url) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.map_err(failed)?.block_on(async {
                let connecting = tokio::time::timeout(Duration::from_secs(10), AsyncPgConnection::establish(url));
                let late = |_| diesel::ConnectionError::BadConnection("no answer in ten seconds".to_owned());
                let mut connection = connecting.await.map_err(late)??;
                connection.batch_execute(LOCK).await.map_err(failed)?;
                if !W::KEPT {
                    connection.begin_test_transaction().await.map_err(failed)?;
                }
                tokio::task::block_in_place(|| work.run(&mut AsyncMigrationHarness::new(connection), POSTGRES))
            })
        }
    }
}

/// Switches to the write-ahead log. Here, SQLite waits for nobody, whatever its busy timeout: so this does.
fn use_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), MigrationError> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let waiting = Stopwatch::start();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(diesel::result::Error::DatabaseError(_, why))
                if why.message() == "database is locked" && waiting.elapsed() < PATIENCE =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done.map_err(failed),
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> MigrationError {
    MigrationError::Failed(error.into())
}

/// Carries an error out of diesel's transaction.
struct Step(MigrationError);

impl From<diesel::result::Error> for Step {
    fn from(error: diesel::result::Error) -> Self {
        Self(failed(error))
    }
}
