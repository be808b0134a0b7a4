//! The two migration trees make the same schema, and `schema.rs` says what it is.

mod postgres;
mod source;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use paylent_tests::TestDatabase;

/// What is in a database.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    tables: BTreeMap<String, Table>,
    views: BTreeMap<String, Vec<Column>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: Vec<Column>,
    primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    foreign_keys: BTreeSet<ForeignKey>,
    checks: usize,
    indexes: BTreeSet<Index>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    /// Diesel's name of the type; none where the database does not know it, in a view.
    class: Option<String>,
    nullable: bool,
    default: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ForeignKey {
    columns: Vec<String>,
    target: String,
    target_columns: Vec<String>,
    on_delete: String,
}

/// An index that is more than a constraint's.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Index {
    name: String,
    columns: Vec<String>,
    unique: bool,
    partial: bool,
}

/// Tables of the installation as a whole: their rows are no tenant's.
const SYSTEM: [&str; 3] = ["installation", "accounts", "environments"];

#[tokio::test]
async fn both_migration_trees_make_the_same_tables() {
    let (sqlite, postgres) = (sqlite().await, postgres().await);
    assert!(sqlite.tables.len() > 15, "{:?}", sqlite.tables.keys());
    assert_eq!(sqlite.tables.keys().collect::<Vec<_>>(), postgres.tables.keys().collect::<Vec<_>>());
    for (name, table) in &postgres.tables {
        assert_eq!(&sqlite.tables[name], table, "{name} (left: SQLite, right: PostgreSQL)");
    }
}

#[tokio::test]
async fn both_migration_trees_make_the_same_views() {
    let (sqlite, postgres) = (sqlite().await, postgres().await);
    assert_eq!(sqlite.views.keys().collect::<Vec<_>>(), postgres.views.keys().collect::<Vec<_>>());
    for (name, view) in &postgres.views {
        assert_eq!(names(&sqlite.views[name]), names(view), "{name}");
        for (column, same) in sqlite.views[name].iter().zip(view) {
            let known = column.class.is_some();
            assert!(!known || column.class == same.class, "{name}: {column:?} is {same:?} on PostgreSQL");
        }
    }
}

#[tokio::test]
async fn the_source_names_every_column_in_order_with_its_type() {
    let (source, database) = (source::tables(), postgres().await);
    let stored = database.tables.keys().chain(database.views.keys()).collect::<BTreeSet<_>>();
    assert_eq!(source.keys().collect::<BTreeSet<_>>(), stored);
    for (name, columns) in &source {
        match (database.tables.get(name), database.views.get(name)) {
            (Some(table), _) => {
                let stored: Vec<_> = table.columns.iter().cloned().map(|c| Column { default: None, ..c }).collect();
                assert_eq!(columns.columns, stored, "{name} (left: schema.rs, right: PostgreSQL)");
                assert_eq!(columns.primary_key, table.primary_key, "{name}");
            }
            (None, Some(view)) => {
                let typed = |columns: &[Column]| -> Vec<_> {
                    columns.iter().map(|column| (column.name.clone(), column.class.clone())).collect()
                };
                assert_eq!(typed(&columns.columns), typed(view), "{name} (left: schema.rs, right: PostgreSQL)");
            }
            (None, None) => panic!("{name} is in schema.rs only"),
        }
    }
}

#[tokio::test]
async fn tenant_tables_are_keyed_by_their_environment_and_refer_inside_it() {
    let schema = postgres().await;
    let tenant = |table: &str| names(&schema.tables[table].columns).contains(&"environment_id");
    for (name, table) in schema.tables.iter().filter(|(name, _)| !SYSTEM.contains(&name.as_str())) {
        assert_eq!(names(&table.columns)[0], "environment_id", "{name}");
        assert_eq!(table.primary_key[0], "environment_id", "{name}");
        let to_environments = |key: &&ForeignKey| key.target == "environments";
        for key in table.foreign_keys.iter().filter(|key| !to_environments(key)) {
            assert!(tenant(&key.target), "{name}: {key:?} leaves the environment");
            assert_eq!(key.columns[0], "environment_id", "{name}: {key:?}");
            assert_eq!(key.target_columns[0], "environment_id", "{name}: {key:?}");
        }
        assert!(!table.foreign_keys.is_empty(), "{name} refers to its environment, directly or through a row of it");
    }
}

#[tokio::test]
async fn every_foreign_key_that_is_followed_backwards_has_an_index() {
    let schema = postgres().await;
    for (name, table) in &schema.tables {
        let indexed = |columns: &[String]| {
            let keys = std::iter::once(&table.primary_key).chain(&table.unique);
            let mut keys = keys.chain(table.indexes.iter().filter(|index| !index.partial).map(|index| &index.columns));
            keys.any(|key| key.starts_with(columns))
        };
        for key in table.foreign_keys.iter().filter(|key| key.target != "environments" && key.on_delete == "CASCADE") {
            assert!(indexed(&key.columns), "{name}: a deletion in {} reads all of it: {key:?}", key.target);
        }
    }
}

impl Schema {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

async fn sqlite() -> Schema {
    of(&TestDatabase::sqlite().await).await
}

async fn postgres() -> Schema {
    of(&TestDatabase::postgres().await).await
}

/// What is in this database.
pub(crate) async fn of(database: &TestDatabase) -> Schema {
    if database.is_postgres() { postgres::schema(database).await } else { sqlite::schema(database).await }
}

/// The rows of a query whose one column is a JSON array.
async fn rows<T: serde::de::DeserializeOwned>(database: &TestDatabase, query: &str) -> Vec<T> {
    let rows = database.values(query).await;
    rows.iter().map(|row| serde_json::from_str(row).unwrap_or_else(|error| panic!("{row}: {error}"))).collect()
}
