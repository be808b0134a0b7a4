//! `client`: the applications that ask for tokens. How they are written is in [`super::client_writes`].

use paylent_domain::{Id, client::Client, policy::Resource as Managed, user::User};
use paylent_jsonapi::{Resource, Schema};
use paylent_storage::{ClientFilter, Env, Listed, Page, Tenant};
use serde_json::Value;

use super::{BY_ID, SORTS, by};
use crate::{
    filters::Filters,
    handlers::Entity,
    relationships::{RelatedTo, with},
};

static SCHEMA: Schema = Schema {
    kind: "client",
    attributes: &[
        "client_id",
        "name",
        "client_type",
        "redirect_uris",
        "grant_types",
        "token_format",
        "first_party",
        "require_pkce",
        "access_token_ttl",
        "active",
        "created_at",
        "updated_at",
    ],
    relationships: &["user"],
    includes: &[],
    sorts: SORTS,
    filters: &[BY_ID, by("client_id")],
    others: &[],
};

impl Entity for Client {
    const MANAGED: Managed = Managed::Clients;
    const SCHEMA: &'static Schema = &SCHEMA;
    type Filter = ClientFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn show(&self, resource: Resource, _: &Tenant) -> Resource {
        let resource = resource
            .attribute("client_id", self.client_id.as_str())
            .attribute("name", self.name.as_str())
            .attribute("client_type", self.client_type.as_str())
            .attribute("redirect_uris", self.redirect_uris.clone())
            .attribute("grant_types", self.grant_types.iter().map(|grant| grant.as_str()).collect::<Value>())
            .attribute("token_format", self.token_format.as_str())
            .attribute("first_party", self.first_party)
            .attribute("require_pkce", self.require_pkce)
            .attribute("access_token_ttl", self.access_token_ttl)
            .attribute("active", self.active)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string());
        with::<_, User>(resource, self)
    }

    fn filter(filters: &Filters<'_>, _: &Tenant) -> Option<ClientFilter> {
        Some(ClientFilter { ids: filters.ids(), client_id: filters.one("client_id")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.client_by_id(id).await
    }

    async fn list(env: &Env, filter: ClientFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.clients(filter, page).await
    }
}

impl RelatedTo<User> for Client {
    const NAME: &'static str = "user";

    fn related(&self) -> Option<Id<User>> {
        self.user_id
    }
}
