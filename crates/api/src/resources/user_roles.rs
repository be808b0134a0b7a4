//! `user_role`: that a user holds a role.

use paylent_domain::{
    Id, Timestamp,
    policy::Resource as Managed,
    role::{Role, UserRole},
    user::User,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page, UserRoleFilter};

use super::{BY_CREATION, BY_ID, BY_TIME, by, permissions, roles, users};
use crate::{
    attributes::read,
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "user_role",
    attributes: &["created_at"],
    relationships: &["user", "role"],
    includes: &["user", "role", "role.permissions"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("user"), by("role"), by("role.name")],
    others: &[&users::SCHEMA, &roles::SCHEMA, &permissions::SCHEMA],
};

impl Entity for UserRole {
    const MANAGED: Managed = Managed::UserRoles;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, User>(), one::<Self, Role>()];
    const TELLING: &'static [(&'static str, Managed)] = &[("role.name", Managed::Roles)];
    type Filter = UserRoleFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.created_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource.attribute("created_at", self.created_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<UserRoleFilter> {
        let (user_id, role_id) = (filters.one("user")?, filters.one("role")?);
        Some(UserRoleFilter { user_id, role_id, role_name: filters.one("role.name")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.user_role(id).await
    }

    async fn list(env: &Env, filter: UserRoleFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.user_roles(filter, page).await
    }
}

impl RelatedTo<User> for UserRole {
    const NAME: &'static str = "user";

    fn related(&self) -> Option<Id<User>> {
        Some(self.user_id)
    }
}

impl RelatedTo<Role> for UserRole {
    const NAME: &'static str = "role";

    fn related(&self) -> Option<Id<Role>> {
        Some(self.role_id)
    }
}

impl Create for UserRole {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (user, role) =
            read(document, |given| Some((given.required_one("user", "user"), given.required_one("role", "role"))))?;
        let user = existing::<User>(call, "user", &user).await?;
        let role = existing::<Role>(call, "role", &role).await?;
        call.may_give_roles(vec![role.id], None).await?;
        let assignment = UserRole { id: call.new_id(), user_id: user.id, role_id: role.id, created_at: call.by.at };
        let taken = Error::new(Code::CONFLICT, "The user holds this role already.").at_relationship("role");
        Ok(call.env.assign_role(assignment, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for UserRole {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        call.may_give_roles(vec![self.role_id], None).await?;
        Ok(call.env.delete_user_role(self.id, expected, &call.by).await?)
    }
}
