//! `organization`: companies, teams or customers inside an environment.

use paylent_domain::{
    Id, Timestamp,
    organization::{MAX_NAME, Membership, Organization, Slug},
    policy::Resource as Managed,
    text,
};
use paylent_jsonapi::{Code, Error, FilterField, Incoming, Operator, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, MembershipFilter, NewOrganization, OrganizationFilter, Page};

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name};
use crate::{
    attributes::{nullable, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{Holds, Relationship, many},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "organization",
    attributes: &["name", "slug", "created_at", "updated_at"],
    relationships: &["memberships"],
    includes: &[],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), FilterField { name: "slug", operators: &[Operator::Eq] }, by("user")],
    others: &[],
};

impl Entity for Organization {
    const MANAGED: Managed = Managed::Organizations;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[many::<Self, Membership>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    const TELLING: &'static [(&'static str, Managed)] = &[("user", Managed::Memberships)];
    type Filter = OrganizationFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn organization(&self) -> Option<Id<Organization>> {
        Some(self.id)
    }

    fn name_key(&self) -> String {
        self.name.clone()
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("name", self.name.as_str())
            .attribute("slug", self.slug.as_ref().map(Slug::as_str))
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<OrganizationFilter> {
        Some(OrganizationFilter { user_id: filters.one("user")?, slug: filters.one("slug")?, within: None })
    }

    fn within(filter: OrganizationFilter, organizations: Vec<Id<Organization>>) -> Option<OrganizationFilter> {
        Some(OrganizationFilter { within: Some(organizations), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.organization(id).await
    }

    async fn list(env: &Env, filter: OrganizationFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.organizations(filter, page).await
    }
}

impl Holds<Membership> for Organization {
    const NAME: &'static str = "memberships";
    const TIE: Managed = Managed::Memberships;

    fn held(filter: MembershipFilter, owner: Id<Organization>) -> Option<MembershipFilter> {
        let other = filter.organization_id.is_some_and(|asked| asked != owner);
        (!other).then_some(MembershipFilter { organization_id: Some(owner), ..filter })
    }
}

impl Create for Organization {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let id = call.new_id();
        let new = read(document, |given| {
            let name = required(given, "name", |name: String| text::one_line(&name, MAX_NAME).map(|()| name));
            let slug = nullable(given, "slug", |slug: String| slug.parse::<Slug>()).value();
            Some(NewOrganization { id, name: name?, slug })
        })?;
        let taken = Error::new(Code::CONFLICT, "Another organization has this slug.").at_attribute("slug");
        Ok(call.env.create_organization(new, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for Organization {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_organization(self.id, expected, &call.by).await?)
    }
}
