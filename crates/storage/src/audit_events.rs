//! Reads the audit trail.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    audit::{Change, Entry, Target},
};
use serde::Deserialize;

use crate::{Env, Error, Listed, Page, Result, error::broken, key::Key, page::page, pool::on, schema::audit_events};

/// A row of `audit_events`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct EntryRow {
    id: Key,
    action: String,
    actor_type: String,
    actor_id: Option<String>,
    actor_name: String,
    targets: String,
    changes: String,
    ip: Option<String>,
    user_agent: Option<String>,
    occurred_at: i64,
}

/// A target as it is stored.
#[derive(Deserialize)]
struct TargetJson {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    name: String,
}

/// What became of a field, as it is stored.
#[derive(Deserialize)]
struct ChangeJson {
    from: Option<String>,
    to: Option<String>,
}

/// Which events to list. Their name is the action.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only what this actor did.
    pub actor_id: Option<String>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self> {
        let targets: Vec<TargetJson> = serde_json::from_str(&row.targets).map_err(broken)?;
        let changes: BTreeMap<String, ChangeJson> = serde_json::from_str(&row.changes).map_err(broken)?;
        let target = |target: TargetJson| Target { kind: target.kind.into(), id: target.id, name: target.name };
        let change =
            |(field, change): (String, ChangeJson)| Change { field: field.into(), from: change.from, to: change.to };
        Ok(Self {
            id: row.id.id(),
            action: row.action,
            actor_type: row.actor_type,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            targets: targets.into_iter().map(target).collect(),
            changes: changes.into_iter().map(change).collect(),
            ip: row.ip.map(|ip| ip.parse().map_err(broken)).transpose()?,
            user_agent: row.user_agent,
            occurred_at: Timestamp::from_micros(row.occurred_at),
        })
    }
}

impl Env {
    /// The events that match.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn audit_events(&self, filter: AuditFilter, page: Page) -> Result<Listed<Entry>> {
        let environment = self.key();
        let rows: (Vec<EntryRow>, _) = on!(self.db, read, |c| {
            let matching = || {
                let mut query = audit_events::table.filter(audit_events::environment_id.eq(environment)).into_boxed();
                if let Some(actor) = filter.actor_id.clone() {
                    query = query.filter(audit_events::actor_id.eq(actor));
                }
                query
            };
            page!(c, page, audit_events::id, audit_events::action, EntryRow::as_select(), matching())
        })?;
        Listed::of(rows, Entry::try_from)
    }

    /// The event of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn audit_event(&self, id: Id<Entry>) -> Result<Option<Entry>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<EntryRow> = on!(self.db, lookup, |c| {
            let row = audit_events::table.find((environment, id)).select(EntryRow::as_select()).get_result(c).await;
            Ok::<_, Error>(row.optional()?)
        })?;
        row.map(Entry::try_from).transpose()
    }
}
