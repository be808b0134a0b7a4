//! `application`: the clients that organizations own. How they are written is in [`super::application_writes`].

use paylent_domain::{
    Id, Timestamp, application::Application, organization::Organization, policy::Resource as Managed,
    resource_server::ResourceServer, user::Email,
};
use paylent_jsonapi::{Resource, Schema};
use paylent_storage::{ApplicationFilter, Env, Listed, Page};
use serde_json::Value;

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, organizations, resource_servers};
use crate::{
    call::Call,
    entity::Entity,
    filters::Filters,
    relationships::{RelatedTo, Relationship, one},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "application",
    attributes: &[
        "name",
        "grant_type",
        "redirect_uri",
        "ip_allow_list",
        "ip_allow_list_mode",
        "permissions",
        "notification_emails",
        "client_id",
        "previous_secret_expires_at",
        "created_at",
        "updated_at",
    ],
    relationships: &["organization", "resource_server"],
    includes: &["organization", "resource_server"],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), by("client_id"), by("organization")],
    others: &[&organizations::SCHEMA, &resource_servers::SCHEMA],
};

impl Entity for Application {
    const MANAGED: Managed = Managed::Applications;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Organization>(), one::<Self, ResourceServer>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    type Filter = ApplicationFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn name_key(&self) -> String {
        self.name.clone()
    }

    fn organization(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }

    fn show(&self, resource: Resource, call: &Call) -> Resource {
        let previous = self.previous_secret_until(call.by.at);
        resource
            .attribute("name", self.name.as_str())
            .attribute("grant_type", self.grant_type.as_str())
            .attribute("redirect_uri", self.redirect_uri.clone())
            .attribute("ip_allow_list", self.ip_allow_list.entries().collect::<Value>())
            .attribute("ip_allow_list_mode", self.ip_allow_list_mode.as_str())
            .attribute("permissions", self.permissions.iter().collect::<Value>())
            .attribute("notification_emails", self.notification_emails.iter().map(Email::as_str).collect::<Value>())
            .attribute("client_id", self.client_id.as_str())
            .attribute("previous_secret_expires_at", previous.map(|at| at.to_string()))
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<ApplicationFilter> {
        let (organization_id, client_id) = (filters.one("organization")?, filters.one("client_id")?);
        Some(ApplicationFilter { organization_id, client_id, within: None })
    }

    fn within(filter: ApplicationFilter, organizations: Vec<Id<Organization>>) -> Option<ApplicationFilter> {
        Some(ApplicationFilter { within: Some(organizations.into_iter().collect()), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.application_by_id(id).await
    }

    async fn list(env: &Env, filter: ApplicationFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.applications(filter, page).await
    }
}

impl RelatedTo<Organization> for Application {
    const NAME: &'static str = "organization";

    fn related(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }
}

impl RelatedTo<ResourceServer> for Application {
    const NAME: &'static str = "resource_server";

    fn related(&self) -> Option<Id<ResourceServer>> {
        Some(self.resource_server_id)
    }
}
