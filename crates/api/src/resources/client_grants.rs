//! `client_grant`: that a client may get tokens for a resource server.

use paylent_domain::{
    Id, Invalid, Timestamp,
    client::Client,
    policy::{Resource as Managed, exercised},
    resource_server::{ClientGrant, ResourceServer},
    scope::Scopes,
};
use paylent_jsonapi::{Code, Error, Errors, Field, Incoming, Resource, Schema};
use paylent_storage::{ClientGrantFilter, Env, Expected, Listed, NewClientGrant, Page};
use serde_json::Value;

use super::{BY_CREATION, BY_ID, BY_TIME, by, clients, resource_servers, scopes};
use crate::{
    attributes::{invalid_item, read},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "client_grant",
    attributes: &["allowed_scopes", "created_at", "updated_at"],
    relationships: &["client", "resource_server"],
    includes: &["client", "resource_server", "resource_server.scopes"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("client"), by("resource_server")],
    others: &[&clients::SCHEMA, &resource_servers::SCHEMA, &scopes::SCHEMA],
};

impl Entity for ClientGrant {
    const MANAGED: Managed = Managed::ClientGrants;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Client>(), one::<Self, ResourceServer>()];
    type Filter = ClientGrantFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        let scopes = self.allowed_scopes.as_ref().map(|scopes| scopes.iter().collect::<Value>());
        resource
            .attribute("allowed_scopes", scopes)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<ClientGrantFilter> {
        let (client_id, resource_server_id) = (filters.one("client")?, filters.one("resource_server")?);
        Some(ClientGrantFilter { client_id, resource_server_id })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.client_grant(id).await
    }

    async fn list(env: &Env, filter: ClientGrantFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.client_grants(filter, page).await
    }
}

impl RelatedTo<Client> for ClientGrant {
    const NAME: &'static str = "client";

    fn related(&self) -> Option<Id<Client>> {
        Some(self.client_id)
    }
}

impl RelatedTo<ResourceServer> for ClientGrant {
    const NAME: &'static str = "resource_server";

    fn related(&self) -> Option<Id<ResourceServer>> {
        Some(self.resource_server_id)
    }
}

impl Create for ClientGrant {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (client, server, scopes) = read(document, |given| {
            let client = given.required_one("client", "client");
            let server = given.required_one("resource_server", "resource_server");
            Some((client, server, given.nullable::<Vec<String>>("allowed_scopes").value()))
        })?;
        let client = existing::<Client>(call, "client", &client).await?;
        let server = existing::<ResourceServer>(call, "resource_server", &server).await?;
        let allowed_scopes = grantable(call, &server, scopes).await?;
        let grant =
            NewClientGrant { id: call.new_id(), client_id: client.id, resource_server_id: server.id, allowed_scopes };
        let detail = "The client has a grant for this resource server already.";
        let taken = Error::new(Code::CONFLICT, detail).at_relationship("resource_server");
        Ok(call.env.create_client_grant(grant, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Update for ClientGrant {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let scopes = read(document, |given| Some(given.nullable::<Vec<String>>("allowed_scopes")))?;
        if scopes == Field::Absent {
            return Ok(Some(self));
        }
        let server = call.env.resource_server(self.resource_server_id).await?.ok_or(Failure::NotFound)?;
        let scopes = grantable(call, &server, scopes.value()).await?;
        Ok(call.env.update_client_grant(self.id, scopes, expected, &call.by).await?)
    }
}

impl Delete for ClientGrant {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_client_grant(self.id, expected, &call.by).await?)
    }
}

/// The scopes, if the resource server has them all and the caller may give them away: a scope of the Management API
/// takes every permission it lets a user exercise.
async fn grantable(
    call: &Call,
    server: &ResourceServer,
    scopes: Option<Vec<String>>,
) -> Result<Option<Scopes>, Failure> {
    let known = call.env.scopes_of(server.id).await?;
    let scopes = scopes.map(|names| among(&known, "allowed_scopes", names)).transpose()?;
    if server.system {
        call.may_grant(&exercised(scopes.as_ref().unwrap_or(&known)))?;
    }
    Ok(scopes)
}

/// The scopes of these names, which an attribute lists.
///
/// # Errors
/// A pointer to each that is not among the known ones.
pub(super) fn among(known: &Scopes, attribute: &str, names: Vec<String>) -> Result<Scopes, Errors> {
    let unknown = names.iter().enumerate().filter(|(_, name)| !known.contains(name));
    let reason = Invalid("is not a scope of the resource server");
    let errors: Errors = unknown.map(|(index, _)| invalid_item(attribute, index, &reason)).collect();
    errors.or(Scopes::from_iter(names))
}
