//! `resource_server`: the APIs that tokens are for.

use paylent_domain::{
    Id,
    client::MAX_NAME,
    policy::Resource as Managed,
    resource_server::{DEFAULT_TOKEN_TTL, ResourceServer, check_identifier, check_token_ttl},
    scope, text,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Listed, NewResourceServer, Page, ResourceServerFilter, Tenant};

use super::{BY_ID, SORTS, by};
use crate::{
    attributes::{list, optional, read, required},
    call::Call,
    failure::{Failure, or_conflict},
    filters::Filters,
    handlers::{Create, Created, Entity},
};

static SCHEMA: Schema = Schema {
    kind: "resource_server",
    attributes: &["name", "identifier", "token_ttl", "allow_offline_access", "system", "created_at", "updated_at"],
    relationships: &[],
    includes: &[],
    sorts: SORTS,
    filters: &[BY_ID, by("identifier"), by("system")],
    others: &[],
};

impl Entity for ResourceServer {
    const MANAGED: Managed = Managed::ResourceServers;
    const SCHEMA: &'static Schema = &SCHEMA;
    type Filter = ResourceServerFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn show(&self, resource: Resource, tenant: &Tenant) -> Resource {
        resource
            .attribute("name", self.name.as_str())
            .attribute("identifier", self.identifier.clone().unwrap_or_else(|| tenant.management_api()))
            .attribute("token_ttl", self.token_ttl)
            .attribute("allow_offline_access", self.allow_offline_access)
            .attribute("system", self.system)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    /// The Management API is found by any of its identifiers, none of which is stored.
    fn filter(filters: &Filters<'_>, tenant: &Tenant) -> Option<ResourceServerFilter> {
        let (identifier, system) = (filters.one::<String>("identifier")?, filters.one("system")?);
        let filter = ResourceServerFilter { ids: filters.ids(), identifier, system };
        match &filter.identifier {
            Some(identifier) if is_management_api(identifier, tenant) => {
                let matches = system != Some(false);
                matches.then_some(ResourceServerFilter { identifier: None, system: Some(true), ..filter })
            }
            _ => Some(filter),
        }
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.resource_server(id).await
    }

    async fn list(env: &Env, filter: ResourceServerFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.resource_servers(filter, page).await
    }
}

impl Create for ResourceServer {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let id = call.new_id()?;
        let new = read(document, |given| {
            let name = required(given, "name", |name: String| text::one_line(&name, MAX_NAME).map(|()| name));
            let identifier = required(given, "identifier", |text: String| check_identifier(&text).map(|()| text));
            let token_ttl = optional(given, "token_ttl", check_token_ttl).unwrap_or(DEFAULT_TOKEN_TTL);
            let allow_offline_access = given.optional("allow_offline_access").unwrap_or_default();
            let scopes = list(given, "scopes", |name| scope::check_name(&name).map(|()| name)).unwrap_or_default();
            let scopes = scopes.into_iter().collect();
            let (name, identifier) = (name?, identifier?);
            Some(NewResourceServer { id, name, identifier, token_ttl, allow_offline_access, scopes })
        })?;
        if is_own_address(&new.identifier, call.tenant()) {
            return Err(taken("This is an address of the environment itself.").into());
        }
        let taken = taken("Another resource server has this identifier.");
        Ok(call.env.create_resource_server(new, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

/// Whether this is the Management API's identifier at any of the environment's hosts.
fn is_management_api(identifier: &str, tenant: &Tenant) -> bool {
    identifier == tenant.management_api() || tenant.oauth.resource_aliases.iter().any(|(alias, _)| alias == identifier)
}

/// Tokens for the issuer and for the Management API must never be taken for tokens of another API.
fn is_own_address(identifier: &str, tenant: &Tenant) -> bool {
    let identifier = identifier.trim_end_matches('/');
    is_management_api(identifier, tenant) || is_management_api(&format!("{identifier}/api"), tenant)
}

fn taken(detail: &str) -> Error {
    Error::new(Code::CONFLICT, detail).at_attribute("identifier")
}
