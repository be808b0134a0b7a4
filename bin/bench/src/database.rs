//! The server's database, for the rows that would take too long to make through the HTTP API.

use crate::{api, error::Error};
use diesel::{
    Connection as _, QueryableByName, SqliteConnection, connection::SimpleConnection as _, pg::Pg, sql_query,
    sqlite::Sqlite,
};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use tokio::runtime::Runtime;

/// A connection to either database.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgres { connection: Box<AsyncPgConnection>, runtime: Runtime },
}

impl Database {
    /// Opens `sqlite:PATH` or `postgres://…`.
    pub(crate) fn open(url: &str) -> Result<Self, Error> {
        // What is lost in a power cut can be seeded again.
        const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
                              PRAGMA cache_size = -262144;";
        if let Some(path) = url.strip_prefix("sqlite:") {
            let mut connection = SqliteConnection::establish(path)?;
            connection.batch_execute(SQLITE)?;
            return Ok(Self::Sqlite(connection));
        }
        let runtime = api::runtime()?;
        let connection = runtime.block_on(AsyncPgConnection::establish(url))?;
        Ok(Self::Postgres { connection: Box::new(connection), runtime })
    }

    /// Runs statements.
    pub(crate) fn run(&mut self, sql: &str) -> Result<(), Error> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql)?,
            Self::Postgres { connection, runtime } => runtime.block_on(connection.batch_execute(sql))?,
        }
        Ok(())
    }

    /// The only row of a query.
    pub(crate) fn row<T>(&mut self, sql: &str) -> Result<T, Error>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + Send + 'static,
    {
        Ok(match self {
            Self::Sqlite(connection) => diesel::RunQueryDsl::get_result(sql_query(sql), connection)?,
            Self::Postgres { connection, runtime } => {
                runtime.block_on(diesel_async::RunQueryDsl::get_result(sql_query(sql), connection))?
            }
        })
    }

    /// Picks what is written differently in the two dialects.
    pub(crate) fn dialect<T>(&self, sqlite: T, postgres: T) -> T {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres { .. } => postgres,
        }
    }
}
