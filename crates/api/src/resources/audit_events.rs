//! `audit_event`: who changed what, from where, when. Nobody changes what was recorded.

use paylent_domain::{Id, Timestamp, audit::Entry, policy::Resource as Managed};
use paylent_jsonapi::{FilterField, Resource, Schema};
use paylent_storage::{AuditFilter, Env, Listed, Page};
use serde_json::{Value, json};

use super::{BY_ID, BY_TIME, by, by_name};
use crate::{call::Call, entity::Entity, filters::Filters};

static SCHEMA: Schema = Schema {
    kind: "audit_event",
    attributes: &["action", "actor", "targets", "changes", "ip_address", "user_agent", "occurred_at"],
    relationships: &[],
    includes: &[],
    sorts: &["occurred_at", "action"],
    filters: &[BY_ID, FilterField { name: "occurred_at", ..BY_TIME }, by_name("action"), by("actor")],
    others: &[],
};

impl Entity for Entry {
    const MANAGED: Managed = Managed::AuditEvents;
    const SCHEMA: &'static Schema = &SCHEMA;
    const NAMED_BY: Option<&'static str> = Some("action");
    const TIME: &'static str = "occurred_at";
    type Filter = AuditFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.occurred_at
    }

    fn name_key(&self) -> String {
        self.action.clone()
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        let actor = json!({ "type": self.actor_type, "id": self.actor_id, "name": self.actor_name });
        let targets = self.targets.iter().map(|at| json!({ "type": at.kind, "id": at.id, "name": at.name }));
        let changes = self.changes.iter().map(|c| (c.field.clone(), json!({ "from": c.from, "to": c.to })));
        resource
            .attribute("action", self.action.as_str())
            .attribute("actor", actor)
            .attribute("targets", targets.collect::<Value>())
            .attribute("changes", changes.collect::<Value>())
            .attribute("ip_address", self.ip.map(|ip| ip.to_string()))
            .attribute("user_agent", self.user_agent.as_deref())
            .attribute("occurred_at", self.occurred_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<AuditFilter> {
        Some(AuditFilter { actor_id: filters.one("actor")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.audit_event(id).await
    }

    async fn list(env: &Env, filter: AuditFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.audit_events(filter, page).await
    }
}
