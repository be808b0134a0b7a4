//! SQLite files: migrated once per process, then copied.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use paylent_storage::{DatabaseUrl, migrate};
use tempfile::TempDir;

/// A database file in a directory of its own, where SQLite puts its log beside it.
pub(super) struct File(TempDir);

const NAME: &str = "paylent.sqlite";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

impl File {
    /// A file that is not there yet.
    pub(super) fn empty() -> Self {
        Self(TempDir::with_prefix("paylent-test-").expect("a temporary directory can be made"))
    }

    pub(super) fn migrated() -> Self {
        static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let file = Self::empty();
            migrate(&DatabaseUrl::Sqlite(file.path())).expect("an empty file can be migrated");
            // Closing the last connection moved everything from the log into the file.
            fs::read(file.path()).expect("the migrated file can be read")
        });
        let file = Self::empty();
        fs::write(file.path(), template).expect("the migrated file can be copied");
        file
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join(NAME)
    }

    pub(super) fn execute(&self, sql: &str) {
        connect(&self.path()).batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(super) fn values(&self, query: &str) -> Vec<String> {
        let rows: Vec<Row> =
            sql_query(query).load(&mut connect(&self.path())).unwrap_or_else(|error| panic!("{query}: {error}"));
        rows.into_iter().map(|row| row.value).collect()
    }
}

fn connect(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(&path.to_string_lossy()).expect("the file can be opened");
    connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;").expect("it can be set up");
    connection
}
