//! `role_permission`: that a role holds a permission.

use paylent_domain::{
    Id, Timestamp,
    permission::{Permission, RolePermission},
    policy::Resource as Managed,
    role::Role,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page, RolePermissionFilter};

use super::{BY_CREATION, BY_ID, BY_TIME, by, permissions, roles, roles::refuse_system};
use crate::{
    attributes::read,
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "role_permission",
    attributes: &["created_at"],
    relationships: &["role", "permission"],
    includes: &["role", "permission"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("role"), by("permission")],
    others: &[&roles::SCHEMA, &permissions::SCHEMA],
};

impl Entity for RolePermission {
    const MANAGED: Managed = Managed::RolePermissions;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Role>(), one::<Self, Permission>()];
    type Filter = RolePermissionFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.created_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource.attribute("created_at", self.created_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<RolePermissionFilter> {
        Some(RolePermissionFilter { role_id: filters.one("role")?, permission_id: filters.one("permission")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.role_permission(id).await
    }

    async fn list(env: &Env, filter: RolePermissionFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.role_permissions(filter, page).await
    }
}

impl RelatedTo<Role> for RolePermission {
    const NAME: &'static str = "role";

    fn related(&self) -> Option<Id<Role>> {
        Some(self.role_id)
    }
}

impl RelatedTo<Permission> for RolePermission {
    const NAME: &'static str = "permission";

    fn related(&self) -> Option<Id<Permission>> {
        Some(self.permission_id)
    }
}

impl Create for RolePermission {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (role, permission) = read(document, |given| {
            Some((given.required_one("role", "role"), given.required_one("permission", "permission")))
        })?;
        let role = existing::<Role>(call, "role", &role).await?;
        let permission = existing::<Permission>(call, "permission", &permission).await?;
        refuse_system(role.system)?;
        call.may_grant(&std::iter::once(permission.name).collect())?;
        let grant = RolePermission {
            id: call.new_id(),
            role_id: role.id,
            permission_id: permission.id,
            created_at: call.by.at,
        };
        let taken = Error::new(Code::CONFLICT, "The role holds this permission already.").at_relationship("permission");
        Ok(call.env.grant_permission(grant, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Delete for RolePermission {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        if let Some(permission) = call.env.permission(self.permission_id).await? {
            call.may_grant(&std::iter::once(permission.name).collect())?;
        }
        Ok(call.env.delete_role_permission(self.id, expected, &call.by).await?)
    }
}
