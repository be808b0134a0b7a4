//! `user_role`: that a user holds a role.

use paylent_domain::{
    Id,
    policy::Resource as Managed,
    role::{Role, UserRole},
    user::User,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Listed, Page, Tenant, UserRoleFilter};

use super::{SORTS, by};
use crate::{
    attributes::read,
    call::Call,
    failure::{Failure, or_conflict},
    filters::Filters,
    handlers::{Create, Created, Delete, Entity},
    relationships::{RelatedTo, existing, with},
};

static SCHEMA: Schema = Schema {
    kind: "user_role",
    attributes: &["created_at"],
    relationships: &["user", "role"],
    includes: &[],
    sorts: SORTS,
    filters: &[by("user"), by("role")],
    others: &[],
};

impl Entity for UserRole {
    const MANAGED: Managed = Managed::UserRoles;
    const SCHEMA: &'static Schema = &SCHEMA;
    type Filter = UserRoleFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn show(&self, resource: Resource, _: &Tenant) -> Resource {
        let resource = resource.attribute("created_at", self.created_at.to_string());
        with::<_, Role>(with::<_, User>(resource, self), self)
    }

    fn filter(filters: &Filters<'_>, _: &Tenant) -> Option<UserRoleFilter> {
        Some(UserRoleFilter { user_id: filters.one("user")?, role_id: filters.one("role")? })
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
        call.may_grant(&call.env.permissions_of_role(role.id).await?)?;
        let assignment = UserRole { id: call.new_id()?, user_id: user.id, role_id: role.id, created_at: call.by.at };
        let taken = Error::new(Code::CONFLICT, "The user holds this role already.").at_relationship("role");
        Ok(call.env.assign_role(assignment, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for UserRole {
    async fn delete(self, call: &Call) -> Result<bool, Failure> {
        call.may_grant(&call.env.permissions_of_role(self.role_id).await?)?;
        Ok(call.env.delete_user_role(self.id, &call.by).await?)
    }
}
