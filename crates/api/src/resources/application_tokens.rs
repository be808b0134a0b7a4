//! `application_token`: an access token of an application that never expires. Issued at the token endpoint, which alone
//! tells it; seen and revoked here.

use paylent_domain::{
    Id, Timestamp,
    application::{Application, StaticToken},
    organization::Organization,
    policy::Resource as Managed,
};
use paylent_jsonapi::{Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page, StaticTokenFilter};

use super::{BY_CREATION, BY_ID, BY_TIME, applications, by};
use crate::{
    call::Call,
    entity::{Delete, Entity},
    failure::Failure,
    filters::Filters,
    relationships::{RelatedTo, Relationship, one},
};

static SCHEMA: Schema = Schema {
    kind: "application_token",
    attributes: &["prefix", "last_used_at", "last_used_ip", "created_at"],
    relationships: &["application"],
    includes: &["application"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("application")],
    others: &[&applications::SCHEMA],
};

impl Entity for StaticToken {
    const MANAGED: Managed = Managed::ApplicationTokens;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Application>()];
    type Filter = StaticTokenFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.created_at
    }

    fn organization(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("prefix", self.prefix.as_str())
            .attribute("last_used_at", self.last_used_at.map(|at| at.to_string()))
            .attribute("last_used_ip", self.last_used_ip.as_deref())
            .attribute("created_at", self.created_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<StaticTokenFilter> {
        Some(StaticTokenFilter { application_id: filters.one("application")?, within: None })
    }

    fn within(filter: StaticTokenFilter, organizations: Vec<Id<Organization>>) -> Option<StaticTokenFilter> {
        Some(StaticTokenFilter { within: Some(organizations.into_iter().collect()), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.static_token(id).await
    }

    async fn list(env: &Env, filter: StaticTokenFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.static_tokens(filter, page).await
    }
}

impl RelatedTo<Application> for StaticToken {
    const NAME: &'static str = "application";

    fn related(&self) -> Option<Id<Application>> {
        Some(self.application_id)
    }
}

impl Delete for StaticToken {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        if let Expected::OneOf(versions) = expected
            && !versions.contains(&self.created_at)
        {
            return Err(paylent_storage::Error::Refused(paylent_storage::Refusal::Stale).into());
        }
        Ok(call.env.revoke_static_token(self.id, &call.by).await?)
    }
}
