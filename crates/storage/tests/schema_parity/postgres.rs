//! What a PostgreSQL database says about itself.

use paylent_tests::TestDatabase;

use super::{Column, ForeignKey, Index, Schema, Table, rows};

pub(super) async fn schema(database: &TestDatabase) -> Schema {
    let mut schema = Schema::default();
    let objects = "SELECT json_build_array(relkind::text, relname) FROM pg_class WHERE relkind IN ('r', 'v') \
                   AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_%'";
    for (kind, name) in rows::<(String, String)>(database, objects).await {
        if kind == "v" {
            schema.views.insert(name.clone(), columns(database, &name).await);
        } else {
            schema.tables.insert(name.clone(), table(database, &name).await);
        }
    }
    schema
}

/// The names of the columns that an array of numbers means, in its order.
fn named(relation: &str, numbers: &str) -> String {
    format!(
        "(SELECT json_agg(a.attname ORDER BY n.place) FROM unnest({numbers}) WITH ORDINALITY n (number, place) \
          JOIN pg_attribute a ON a.attrelid = {relation} AND a.attnum = n.number)"
    )
}

async fn table(database: &TestDatabase, name: &str) -> Table {
    let mut table = Table { columns: columns(database, name).await, ..Table::default() };
    let keys = format!(
        "SELECT json_build_array(contype::text, {}) FROM pg_constraint \
         WHERE conrelid = 'public.{name}'::regclass AND contype IN ('p', 'u', 'c')",
        named("conrelid", "conkey")
    );
    for (kind, columns) in rows::<(String, Vec<String>)>(database, &keys).await {
        match kind.as_str() {
            "p" => table.primary_key = columns,
            "u" => _ = table.unique.insert(columns),
            _ => table.checks += 1,
        }
    }
    let keys = format!(
        "SELECT json_build_array({}, confrelid::regclass::text, {}, \
                CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'a' THEN 'NO ACTION' ELSE confdeltype::text END) \
         FROM pg_constraint WHERE conrelid = 'public.{name}'::regclass AND contype = 'f'",
        named("conrelid", "conkey"),
        named("confrelid", "confkey")
    );
    for (columns, target, target_columns, on_delete) in rows(database, &keys).await {
        table.foreign_keys.insert(ForeignKey { columns, target, target_columns, on_delete });
    }
    let indexes = format!(
        "SELECT json_build_array(indexrelid::regclass::text, {}, indisunique, indpred IS NOT NULL) FROM pg_index \
         WHERE indrelid = 'public.{name}'::regclass \
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))",
        named("indrelid", "indkey::int2[]")
    );
    for (name, columns, unique, partial) in rows(database, &indexes).await {
        table.indexes.insert(Index { name, columns, unique, partial });
    }
    table
}

async fn columns(database: &TestDatabase, table: &str) -> Vec<Column> {
    let columns = format!(
        "SELECT json_build_array(attname, format_type(atttypid, NULL), attnotnull, \
                (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)) \
         FROM pg_attribute WHERE attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped \
         ORDER BY attnum"
    );
    let columns: Vec<(String, String, bool, Option<String>)> = rows(database, &columns).await;
    let read = |(name, class, not_null, default): (String, String, bool, Option<String>)| Column {
        name,
        class: Some(class_of(&class).to_owned()),
        nullable: !not_null,
        default: default.map(|default| default.trim_end_matches("::text").to_owned()),
    };
    columns.into_iter().map(read).collect()
}

fn class_of(declared: &str) -> &str {
    match declared {
        "text" => "Text",
        "bigint" => "BigInt",
        "integer" => "Integer",
        "boolean" => "Bool",
        "bytea" => "Binary",
        other => panic!("{other} is not in the common subset of types"),
    }
}
