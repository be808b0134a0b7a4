//! `scope`: what tokens for a resource server may be used for. A name is fixed; only its description changes.

use paylent_domain::{
    Id, Timestamp,
    policy::Resource as Managed,
    resource_server::ResourceServer,
    scope::{Scope, check_name},
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, NewScope, Page, ScopeChange, ScopeFilter};

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, permissions::described, resource_servers, roles::refuse_system};
use crate::{
    attributes::{read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{RelatedTo, Relationship, existing, one},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "scope",
    attributes: &["name", "description", "system", "created_at", "updated_at"],
    relationships: &["resource_server"],
    includes: &["resource_server"],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), by("resource_server")],
    others: &[&resource_servers::SCHEMA],
};

impl Entity for Scope {
    const MANAGED: Managed = Managed::Scopes;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, ResourceServer>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    type Filter = ScopeFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn name_key(&self) -> String {
        self.name.clone()
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("name", self.name.as_str())
            .attribute("description", self.description.as_deref())
            .attribute("system", self.system)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<ScopeFilter> {
        Some(ScopeFilter { resource_server_id: filters.one("resource_server")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.scope(id).await
    }

    async fn list(env: &Env, filter: ScopeFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.scopes(filter, page).await
    }
}

impl RelatedTo<ResourceServer> for Scope {
    const NAME: &'static str = "resource_server";

    fn related(&self) -> Option<Id<ResourceServer>> {
        Some(self.resource_server_id)
    }
}

impl Create for Scope {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (name, description, server) = read(document, |given| {
            let name = required(given, "name", |name: String| check_name(&name).map(|()| name));
            let description = described(given).value();
            let server = given.required_one("resource_server", "resource_server");
            Some((name?, description, server))
        })?;
        let server = existing::<ResourceServer>(call, "resource_server", &server).await?;
        refuse_system(server.system)?;
        let new = NewScope { id: call.new_id(), resource_server_id: server.id, name, description };
        let taken = Error::new(Code::CONFLICT, "The resource server has a scope of this name.").at_attribute("name");
        Ok(call.env.create_scope(new, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Update for Scope {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let change = read(document, |given| Some(ScopeChange { description: described(given).change() }))?;
        refuse_system(self.system)?;
        Ok(call.env.update_scope(self.id, change, expected, &call.by).await?)
    }
}

impl Delete for Scope {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        refuse_system(self.system)?;
        Ok(call.env.delete_scope(self.id, expected, &call.by).await?)
    }
}
