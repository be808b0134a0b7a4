//! Writes the audit trail: one row in the same transaction as the change it tells of.

use diesel::prelude::*;
use paylent_domain::{
    Id, Timestamp,
    audit::{By, Context, Event},
    session::MAX_USER_AGENT,
};
use serde_json::{Map, Value, json};

use crate::{Error, Result, error::broken, key::Key, schema::audit_events};

/// A row of the audit trail, ready to be inserted.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
pub(crate) struct AuditRow {
    environment_id: Key,
    id: Key,
    action: &'static str,
    actor_type: &'static str,
    actor_id: Option<String>,
    actor_name: String,
    targets: String,
    changes: String,
    ip: Option<String>,
    user_agent: Option<String>,
    occurred_at: i64,
}

/// The row that tells of this event.
pub(crate) fn entry(environment_id: Key, by: &Context, event: &Event) -> Result<AuditRow> {
    let (actor_type, actor_id, actor_name) = match &by.by {
        By::System => ("system", None, "System".to_owned()),
        By::User { id, name } => ("user", Some(id.to_string()), name.clone()),
    };
    let targets: Vec<Value> =
        event.targets.iter().map(|target| json!({"type": target.kind, "id": target.id, "name": target.name})).collect();
    let changes: Map<String, Value> = event
        .changes
        .iter()
        .map(|change| (change.field.to_string(), json!({"from": change.from, "to": change.to})))
        .collect();
    Ok(AuditRow {
        environment_id,
        id: new_id::<()>(by.at)?,
        action: event.action,
        actor_type,
        actor_id,
        actor_name,
        targets: Value::from(targets).to_string(),
        changes: Value::from(changes).to_string(),
        ip: by.ip.map(|ip| ip.to_string()),
        user_agent: by.user_agent.as_ref().map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
        occurred_at: by.at.micros(),
    })
}

/// A new id for a row that nobody outside names.
pub(crate) fn new_id<T>(at: Timestamp) -> Result<Key> {
    let random = paylent_oauth::crypto::secret::random_bytes().map_err(broken)?;
    Ok::<_, Error>(Id::<T>::new(at, random).into())
}
