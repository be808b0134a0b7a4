//! `client`: the applications that ask for tokens. How they are written is in [`super::client_writes`].

use paylent_domain::{Id, Timestamp, client::Client, policy::Resource as Managed, user::User};
use paylent_jsonapi::{FilterField, Operator, Resource, Schema};
use paylent_storage::{ClientFilter, Env, Listed, Page};
use serde_json::Value;

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, roles, users};
use crate::{
    call::Call,
    entity::Entity,
    filters::Filters,
    relationships::{RelatedTo, Relationship, one},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "client",
    attributes: &[
        "client_id",
        "name",
        "client_type",
        "redirect_uris",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "allowed_origins",
        "token_endpoint_auth_method",
        "jwks",
        "jwks_uri",
        "grant_types",
        "token_format",
        "id_token_claims",
        "organization_usage",
        "first_party",
        "require_pkce",
        "access_token_ttl",
        "active",
        "created_at",
        "updated_at",
    ],
    relationships: &["user"],
    includes: &["user", "user.roles"],
    sorts: BY_NAME,
    filters: &[
        BY_ID,
        BY_TIME,
        by_name("name"),
        by("client_id"),
        by("active"),
        FilterField { name: "user", operators: &[Operator::Eq, Operator::IsNil] },
    ],
    others: &[&users::SCHEMA, &roles::SCHEMA],
};

impl Entity for Client {
    const MANAGED: Managed = Managed::Clients;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, User>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    type Filter = ClientFilter;

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
            .attribute("client_id", self.client_id.as_str())
            .attribute("name", self.name.as_str())
            .attribute("client_type", self.client_type.as_str())
            .attribute("redirect_uris", self.redirect_uris.clone())
            .attribute("post_logout_redirect_uris", self.post_logout_redirect_uris.clone())
            .attribute("backchannel_logout_uri", self.backchannel_logout_uri.clone())
            .attribute("allowed_origins", self.allowed_origins.clone())
            .attribute("token_endpoint_auth_method", self.token_endpoint_auth_method())
            .attribute("jwks", self.jwks.as_deref().and_then(|set| serde_json::from_str::<Value>(set).ok()))
            .attribute("jwks_uri", self.jwks_uri.clone())
            .attribute("grant_types", self.grant_types.iter().map(|grant| grant.as_str()).collect::<Value>())
            .attribute("token_format", self.token_format.as_str())
            .attribute("id_token_claims", self.id_token_claims)
            .attribute("organization_usage", self.organization_usage.as_str())
            .attribute("first_party", self.first_party)
            .attribute("require_pkce", self.require_pkce)
            .attribute("access_token_ttl", self.access_token_ttl)
            .attribute("active", self.active)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<ClientFilter> {
        Some(ClientFilter {
            client_id: filters.one("client_id")?,
            user_id: filters.one("user")?,
            has_user: filters.is_nil("user").map(|nil| !nil),
            active: filters.one("active")?,
            introspects: None,
        })
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
