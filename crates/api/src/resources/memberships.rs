//! `membership`: that a user belongs to an organization.

use paylent_domain::{
    Id, Timestamp,
    organization::{Membership, Organization},
    policy::Resource as Managed,
    role::Role,
    user::User,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, MembershipFilter, Page, RoleFilter};

use super::{BY_CREATION, BY_ID, BY_TIME, by, organizations, permissions, roles, users};
use crate::{
    attributes::read,
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{Holds, Includes, RelatedTo, Relationship, existing, few, one},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "membership",
    attributes: &["created_at"],
    relationships: &["user", "organization", "roles"],
    includes: &["user", "organization", "roles", "roles.permissions"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("user"), by("organization")],
    others: &[&users::SCHEMA, &organizations::SCHEMA, &roles::SCHEMA, &permissions::SCHEMA],
};

impl Entity for Membership {
    const MANAGED: Managed = Managed::Memberships;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] =
        &[one::<Self, User>(), one::<Self, Organization>(), few::<Self, Role>()];
    type Filter = MembershipFilter;

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

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<MembershipFilter> {
        let (user_id, organization_id) = (filters.one("user")?, filters.one("organization")?);
        Some(MembershipFilter { user_id, organization_id, within: None })
    }

    fn within(filter: MembershipFilter, organizations: Vec<Id<Organization>>) -> Option<MembershipFilter> {
        Some(MembershipFilter { within: Some(organizations), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.membership(id).await
    }

    async fn list(env: &Env, filter: MembershipFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.memberships(filter, page).await
    }
}

impl RelatedTo<User> for Membership {
    const NAME: &'static str = "user";

    fn related(&self) -> Option<Id<User>> {
        Some(self.user_id)
    }
}

impl RelatedTo<Organization> for Membership {
    const NAME: &'static str = "organization";

    fn related(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }
}

impl Holds<Role> for Membership {
    const NAME: &'static str = "roles";
    const TIE: Managed = Managed::MembershipRoles;

    fn held(filter: RoleFilter, owner: Id<Membership>) -> Option<RoleFilter> {
        Some(RoleFilter { membership_id: Some(owner), ..filter })
    }
}

impl Includes<Role> for Membership {
    async fn pairs(env: &Env, owners: Vec<Id<Membership>>) -> paylent_storage::Result<Vec<(Id<Membership>, Id<Role>)>> {
        env.roles_of_memberships(owners).await
    }
}

impl Create for Membership {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (user, organization) = read(document, |given| {
            Some((given.required_one("user", "user"), given.required_one("organization", "organization")))
        })?;
        let user = existing::<User>(call, "user", &user).await?;
        let organization = existing::<Organization>(call, "organization", &organization).await?;
        let membership = Membership {
            id: call.new_id(),
            user_id: user.id,
            organization_id: organization.id,
            created_at: call.by.at,
        };
        let taken = Error::new(Code::CONFLICT, "The user is a member already.").at_relationship("user");
        Ok(call.env.create_membership(membership, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for Membership {
    /// Whoever removes a member takes the member's roles away, so they must hold what those hold.
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        let roles = call.env.roles_of_memberships(vec![self.id]).await?.into_iter().map(|(_, role)| role);
        call.may_give_roles(roles.collect(), Some(self.organization_id)).await?;
        Ok(call.env.delete_membership(self.id, expected, &call.by).await?)
    }
}
