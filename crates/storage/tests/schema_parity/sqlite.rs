//! What a SQLite file says about itself.

use std::collections::BTreeMap;

use paylent_tests::TestDatabase;

use super::{Column, ForeignKey, Index, Schema, Table, rows};

pub(super) async fn schema(database: &TestDatabase) -> Schema {
    let mut schema = Schema::default();
    let objects = "SELECT json_array(type, name, sql) FROM sqlite_master \
                   WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'";
    for (kind, name, sql) in rows::<(String, String, String)>(database, objects).await {
        if kind == "view" {
            schema.views.insert(name.clone(), columns(database, &name).await);
        } else {
            schema.tables.insert(name.clone(), table(database, &name, &sql).await);
        }
    }
    schema
}

async fn table(database: &TestDatabase, name: &str, sql: &str) -> Table {
    let key = format!("SELECT json_array(name) FROM pragma_table_xinfo('{name}') WHERE pk > 0 ORDER BY pk");
    let mut table = Table {
        columns: columns(database, name).await,
        primary_key: rows::<(String,)>(database, &key).await.into_iter().map(|(name,)| name).collect(),
        foreign_keys: foreign_keys(database, name).await,
        checks: sql.matches("CHECK").count(),
        ..Table::default()
    };
    let indexes = format!(r#"SELECT json_array(name, "unique", origin, partial) FROM pragma_index_list('{name}')"#);
    for (name, unique, origin, partial) in rows::<(String, u8, String, u8)>(database, &indexes).await {
        let columns = format!("SELECT json_array(name) FROM pragma_index_info('{name}') ORDER BY seqno");
        let columns: Vec<_> = rows::<(String,)>(database, &columns).await.into_iter().map(|(name,)| name).collect();
        match origin.as_str() {
            "u" => _ = table.unique.insert(columns),
            "c" => _ = table.indexes.insert(Index { name, columns, unique: unique == 1, partial: partial == 1 }),
            _ => {}
        }
    }
    table
}

async fn columns(database: &TestDatabase, table: &str) -> Vec<Column> {
    let columns = format!(
        r#"SELECT json_array(name, type, "notnull", dflt_value, pk) FROM pragma_table_xinfo('{table}') ORDER BY cid"#
    );
    let columns: Vec<(String, String, u8, Option<String>, u8)> = rows(database, &columns).await;
    let read = |(name, class, not_null, default, key): (String, String, u8, Option<String>, u8)| {
        // An INTEGER PRIMARY KEY is the row's number, which is never null.
        let row_number = class == "INTEGER" && key == 1;
        Column { name, class: class_of(&class), nullable: not_null == 0 && !row_number, default }
    };
    columns.into_iter().map(read).collect()
}

fn class_of(declared: &str) -> Option<String> {
    let class = match declared {
        "TEXT" => "Text",
        "BIGINT" => "BigInt",
        "INTEGER" => "Integer",
        "BOOLEAN" => "Bool",
        "BLOB" => "Binary",
        "" => return None,
        other => panic!("{other} is not in the common subset of types"),
    };
    Some(class.to_owned())
}

async fn foreign_keys(database: &TestDatabase, table: &str) -> std::collections::BTreeSet<ForeignKey> {
    let keys = format!(
        r#"SELECT json_array(id, "table", "from", "to", on_delete) FROM pragma_foreign_key_list('{table}')
           ORDER BY id, seq"#
    );
    let mut found = BTreeMap::<u32, ForeignKey>::new();
    for (id, target, from, to, on_delete) in rows::<(u32, String, String, String, String)>(database, &keys).await {
        let empty = ForeignKey { columns: Vec::new(), target, target_columns: Vec::new(), on_delete };
        let key = found.entry(id).or_insert(empty);
        key.columns.push(from);
        key.target_columns.push(to);
    }
    found.into_values().collect()
}
