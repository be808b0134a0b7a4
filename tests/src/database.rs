//! A database for one test, on SQLite or PostgreSQL, gone when the test is over.

mod postgres;
mod sqlite;

use paylent_storage::{DatabaseUrl, Db, Options};

/// A database that nobody else uses.
pub struct TestDatabase {
    url: DatabaseUrl,
    db: Db,
    home: Home,
}

/// What holds the data, and removes it when it is dropped.
enum Home {
    Sqlite(sqlite::File),
    Postgres(Box<postgres::Database>),
}

/// How many connections the [`Db`] of a test has.
const CONNECTIONS: usize = 8;

impl TestDatabase {
    /// A SQLite file with the newest schema.
    ///
    /// # Panics
    /// The file cannot be made.
    #[expect(clippy::unused_async, reason = "a test is written alike for both databases")]
    pub async fn sqlite() -> Self {
        Self::new(Home::Sqlite(sqlite::File::migrated()))
    }

    /// A PostgreSQL database with the newest schema, on the server that `PAYLENT_TEST_POSTGRES` names.
    ///
    /// # Panics
    /// The variable is not set, or the server does not do as asked.
    pub async fn postgres() -> Self {
        Self::new(Home::Postgres(Box::new(postgres::Database::migrated().await)))
    }

    /// Another database of the same system, without a schema.
    ///
    /// # Panics
    /// It cannot be made.
    pub async fn empty(&self) -> Self {
        Self::new(match &self.home {
            Home::Sqlite(_) => Home::Sqlite(sqlite::File::empty()),
            Home::Postgres(_) => Home::Postgres(Box::new(postgres::Database::empty().await)),
        })
    }

    fn new(home: Home) -> Self {
        let url = match &home {
            Home::Sqlite(file) => DatabaseUrl::Sqlite(file.path()),
            Home::Postgres(database) => DatabaseUrl::Postgres(database.url()),
        };
        let db = Db::open(&url, Options { connections: CONNECTIONS }).expect("a pool can be built");
        Self { url, db, home }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The same as an operator writes it.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.url {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        }
    }

    /// Storage on this database. Clones share connections.
    #[must_use]
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// Whether it is a PostgreSQL database.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.home, Home::Postgres(_))
    }

    /// Runs statements that storage has no function for.
    ///
    /// # Panics
    /// One of them fails.
    pub async fn execute(&self, sql: &str) {
        match &self.home {
            Home::Sqlite(file) => file.execute(sql),
            Home::Postgres(database) => database.execute(sql).await,
        }
    }

    /// The values of the one column that a query reads, as text.
    ///
    /// # Panics
    /// The query fails, reads several columns, or reads a NULL.
    pub async fn values(&self, query: &str) -> Vec<String> {
        let query = format!("WITH result (value) AS ({query}) SELECT CAST(value AS TEXT) AS value FROM result");
        match &self.home {
            Home::Sqlite(file) => file.values(&query),
            Home::Postgres(database) => database.values(&query).await,
        }
    }

    /// How many rows there are of `rows`: a table, perhaps with a `WHERE`.
    ///
    /// # Panics
    /// The query fails.
    pub async fn count(&self, rows: &str) -> usize {
        let counts = self.values(&format!("SELECT count(*) FROM {rows}")).await;
        counts.first().and_then(|count| count.parse().ok()).expect("a count is a number")
    }

    /// These bytes, such as an id, as SQL writes them.
    #[must_use]
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.is_postgres() { format!("'\\x{digits}'::bytea") } else { format!("x'{digits}'") }
    }

    /// Every row of every table, one a line, in a stable order: to compare, or to search.
    ///
    /// # Panics
    /// A table cannot be read.
    pub async fn dump(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.tables().await {
            let row = match &self.home {
                Home::Sqlite(_) => {
                    let columns = self.values(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let columns: Vec<String> = columns.iter().map(|name| format!("quote(\"{name}\")")).collect();
                    columns.join(" || ', ' || ")
                }
                Home::Postgres(_) => "to_jsonb(t)".to_owned(),
            };
            let rows = self.values(&format!("SELECT {row} FROM {table} t")).await;
            lines.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        lines.sort();
        lines
    }

    /// The names of all tables, what migrations are applied among them.
    ///
    /// # Panics
    /// The query fails.
    pub async fn tables(&self) -> Vec<String> {
        let tables = match self.home {
            Home::Sqlite(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
            Home::Postgres(_) => "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        };
        self.values(tables).await
    }
}
