//! `membership_role`: that a member holds a role in the organization.

use paylent_domain::{
    Id, Timestamp,
    organization::{Membership, MembershipRole, Organization},
    policy::Resource as Managed,
    role::Role,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, MembershipRoleFilter, Page};

use super::{BY_CREATION, BY_ID, BY_TIME, by, memberships, roles};
use crate::{
    attributes::read,
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "membership_role",
    attributes: &["created_at"],
    relationships: &["membership", "role"],
    includes: &["membership", "role"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("membership"), by("role")],
    others: &[&memberships::SCHEMA, &roles::SCHEMA],
};

impl Entity for MembershipRole {
    const MANAGED: Managed = Managed::MembershipRoles;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Membership>(), one::<Self, Role>()];
    type Filter = MembershipRoleFilter;

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
        resource.attribute("created_at", self.created_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<MembershipRoleFilter> {
        let (membership_id, role_id) = (filters.one("membership")?, filters.one("role")?);
        Some(MembershipRoleFilter { membership_id, role_id, within: None })
    }

    fn within(filter: MembershipRoleFilter, organizations: Vec<Id<Organization>>) -> Option<MembershipRoleFilter> {
        Some(MembershipRoleFilter { within: Some(organizations), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.membership_role(id).await
    }

    async fn list(env: &Env, filter: MembershipRoleFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.membership_roles(filter, page).await
    }
}

impl RelatedTo<Membership> for MembershipRole {
    const NAME: &'static str = "membership";

    fn related(&self) -> Option<Id<Membership>> {
        Some(self.membership_id)
    }
}

impl RelatedTo<Role> for MembershipRole {
    const NAME: &'static str = "role";

    fn related(&self) -> Option<Id<Role>> {
        Some(self.role_id)
    }
}

impl Create for MembershipRole {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (membership, role) = read(document, |given| {
            Some((given.required_one("membership", "membership"), given.required_one("role", "role")))
        })?;
        let membership = existing::<Membership>(call, "membership", &membership).await?;
        let role = existing::<Role>(call, "role", &role).await?;
        call.may_give_roles(vec![role.id], Some(membership.organization_id)).await?;
        let assignment = MembershipRole {
            id: call.new_id(),
            membership_id: membership.id,
            organization_id: membership.organization_id,
            role_id: role.id,
            created_at: call.by.at,
        };
        let taken = Error::new(Code::CONFLICT, "The member holds this role already.").at_relationship("role");
        let made = call.env.create_membership_role(assignment, &call.by).await;
        Ok(made.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for MembershipRole {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        call.may_give_roles(vec![self.role_id], Some(self.organization_id)).await?;
        Ok(call.env.delete_membership_role(self.id, expected, &call.by).await?)
    }
}
