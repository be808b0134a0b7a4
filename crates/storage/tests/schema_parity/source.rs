//! What `schema.rs` says.

use std::collections::BTreeMap;

use super::{Column, Table};

/// Reads the `table!` blocks, tables and views alike.
pub(super) fn tables() -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    for block in include_str!("../../src/schema.rs").split("table! {").skip(1) {
        let (head, body) = block.split_once('{').unwrap();
        let (name, key) = head.trim().trim_end_matches(')').split_once(" (").unwrap();
        let columns = body.split('}').next().unwrap().lines().filter_map(column).collect();
        let primary_key = key.split(", ").map(str::to_owned).collect();
        tables.insert(name.to_owned(), Table { columns, primary_key, ..Table::default() });
    }
    tables
}

/// Reads `name -> Type,` or `name -> Nullable<Type>,`.
fn column(line: &str) -> Option<Column> {
    let (name, class) = line.trim().trim_end_matches(',').split_once(" -> ")?;
    let inner = class.strip_prefix("Nullable<").and_then(|class| class.strip_suffix('>'));
    let (nullable, class) = (inner.is_some(), Some(inner.unwrap_or(class).to_owned()));
    Some(Column { name: name.to_owned(), class, nullable, default: None })
}
