//! `role`: named groups of permissions.

use paylent_domain::{Id, policy::Resource as Managed, role::Role};
use paylent_jsonapi::{Resource, Schema};
use paylent_storage::{Env, Listed, Page, RoleFilter, Tenant};

use super::{BY_ID, SORTS, by};
use crate::{filters::Filters, handlers::Entity};

static SCHEMA: Schema = Schema {
    kind: "role",
    attributes: &["name", "description", "system", "created_at", "updated_at"],
    relationships: &[],
    includes: &[],
    sorts: SORTS,
    filters: &[BY_ID, by("name")],
    others: &[],
};

impl Entity for Role {
    const MANAGED: Managed = Managed::Roles;
    const SCHEMA: &'static Schema = &SCHEMA;
    type Filter = RoleFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn show(&self, resource: Resource, _: &Tenant) -> Resource {
        resource
            .attribute("name", self.name.as_str())
            .attribute("description", self.description.as_deref())
            .attribute("system", self.system)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Tenant) -> Option<RoleFilter> {
        Some(RoleFilter { ids: filters.ids(), name: filters.one("name")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.role(id).await
    }

    async fn list(env: &Env, filter: RoleFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.roles(filter, page).await
    }
}
