//! `resource_server`: the APIs that tokens are for.

use paylent_domain::{
    Id, Timestamp,
    client::{Client, ClientType, MAX_NAME},
    policy::{Action, Resource as Managed},
    resource_server::{DEFAULT_TOKEN_TTL, ResourceServer, check_identifier, check_token_ttl},
    scope::{self, Scope},
    text,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{
    ClientFilter, Env, Expected, Links, Listed, NewResourceServer, Page, ResourceServerChange, ResourceServerFilter,
    ScopeFilter, Tenant,
};

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, clients, roles::refuse_system, scopes};
use crate::{
    attributes::{list, optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    links::Link,
    relationships::{Holds, Includes, Relationship, few},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "resource_server",
    attributes: &["name", "identifier", "token_ttl", "allow_offline_access", "system", "created_at", "updated_at"],
    relationships: &["scopes", "introspection_clients"],
    includes: &["scopes", "introspection_clients"],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), by("identifier"), by("system")],
    others: &[&scopes::SCHEMA, &clients::SCHEMA],
};

impl Entity for ResourceServer {
    const MANAGED: Managed = Managed::ResourceServers;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[few::<Self, Scope>(), few::<Self, Client>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    type Filter = ResourceServerFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn name_key(&self) -> String {
        self.name.clone()
    }

    fn show(&self, resource: Resource, call: &Call) -> Resource {
        resource
            .attribute("name", self.name.as_str())
            .attribute("identifier", self.identifier.clone().unwrap_or_else(|| call.tenant().management_api()))
            .attribute("token_ttl", self.token_ttl)
            .attribute("allow_offline_access", self.allow_offline_access)
            .attribute("system", self.system)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    /// The Management API is found by any of its identifiers, none of which is stored.
    fn filter(filters: &Filters<'_>, call: &Call) -> Option<ResourceServerFilter> {
        let (identifier, system) = (filters.one::<String>("identifier")?, filters.one("system")?);
        let filter = ResourceServerFilter { identifier, system };
        match &filter.identifier {
            Some(identifier) if is_management_api(identifier, call.tenant()) => {
                let matches = system != Some(false);
                matches.then_some(ResourceServerFilter { identifier: None, system: Some(true) })
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

impl Holds<Scope> for ResourceServer {
    const NAME: &'static str = "scopes";
    const TIE: Managed = Managed::Scopes;

    fn held(filter: ScopeFilter, owner: Id<ResourceServer>) -> Option<ScopeFilter> {
        let other = filter.resource_server_id.is_some_and(|asked| asked != owner);
        (!other).then_some(ScopeFilter { resource_server_id: Some(owner) })
    }
}

impl Includes<Scope> for ResourceServer {
    async fn pairs(
        env: &Env,
        owners: Vec<Id<ResourceServer>>,
    ) -> paylent_storage::Result<Vec<(Id<ResourceServer>, Id<Scope>)>> {
        env.scopes_of_resource_servers(owners).await
    }
}

impl Holds<Client> for ResourceServer {
    const NAME: &'static str = "introspection_clients";
    const TIE: Managed = Managed::ResourceServers;

    fn held(filter: ClientFilter, owner: Id<ResourceServer>) -> Option<ClientFilter> {
        Some(ClientFilter { introspects: Some(owner), ..filter })
    }
}

impl Includes<Client> for ResourceServer {
    async fn pairs(
        env: &Env,
        owners: Vec<Id<ResourceServer>>,
    ) -> paylent_storage::Result<Vec<(Id<ResourceServer>, Id<Client>)>> {
        env.introspection_clients_of(owners).await
    }
}

impl Link<Client> for ResourceServer {
    const ALSO: Option<Action> = None;

    /// A public client proves nothing about itself, so nothing is told to it.
    async fn link(&self, call: &Call, links: Links<Client>) -> Result<(), Failure> {
        if let Links::Add(clients) | Links::Replace { with: clients, .. } = &links {
            let page = Page::of_ids(clients.iter().map(|id| *id.as_bytes()).collect());
            let named = call.env.clients(ClientFilter::default(), page).await?.rows;
            let is_public = |id| named.iter().any(|row| row.id == id && row.client_type == ClientType::Public);
            if let Some(index) = clients.iter().position(|id| is_public(*id)) {
                let detail = "A public client cannot introspect tokens.";
                let at = format!("/data/{index}");
                return Err(Error::new(Code::INVALID_RELATIONSHIP, detail).at_pointer(at).into());
            }
        }
        Ok(call.env.link_introspection_clients(self.id, links, &call.by).await?)
    }
}

impl Create for ResourceServer {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let id = call.new_id();
        let new = read(document, |given| {
            let name = required(given, "name", named);
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

impl Update for ResourceServer {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let change = read(document, |given| {
            Some(ResourceServerChange {
                name: optional(given, "name", named),
                token_ttl: optional(given, "token_ttl", check_token_ttl),
                allow_offline_access: given.optional("allow_offline_access"),
            })
        })?;
        refuse_system(self.system)?;
        Ok(call.env.update_resource_server(self.id, change, expected, &call.by).await?)
    }
}

impl Delete for ResourceServer {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        refuse_system(self.system)?;
        Ok(call.env.delete_resource_server(self.id, expected, &call.by).await?)
    }
}

fn named(name: String) -> Result<String, paylent_domain::Invalid> {
    text::one_line(&name, MAX_NAME).map(|()| name)
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
