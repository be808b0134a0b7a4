//! `permission`: what users can be allowed to do. A name is fixed; only its description changes.

use paylent_domain::{
    Id, Timestamp,
    permission::{MAX_DESCRIPTION, Permission, PermissionName},
    policy::Resource as Managed,
    role::Role,
    text,
};
use paylent_jsonapi::{Code, Error, Field, Incoming, Reader, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, NewPermission, Page, PermissionChange, PermissionFilter, RoleFilter};

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, roles::refuse_system};
use crate::{
    attributes::{nullable, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    relationships::{Holds, Relationship, many},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "permission",
    attributes: &["name", "description", "system", "created_at", "updated_at"],
    relationships: &["roles"],
    includes: &[],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), by("system"), by("role")],
    others: &[],
};

impl Entity for Permission {
    const MANAGED: Managed = Managed::Permissions;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[many::<Self, Role>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    const TELLING: &'static [(&'static str, Managed)] = &[("role", Managed::RolePermissions)];
    type Filter = PermissionFilter;

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
            .attribute("name", self.name.as_str())
            .attribute("description", self.description.as_deref())
            .attribute("system", self.system)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<PermissionFilter> {
        Some(PermissionFilter { role_ids: filters.one("role")?.into_iter().collect(), system: filters.one("system")? })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.permission(id).await
    }

    async fn list(env: &Env, filter: PermissionFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.permissions(filter, page).await
    }
}

impl Holds<Role> for Permission {
    const NAME: &'static str = "roles";
    const TIE: Managed = Managed::RolePermissions;

    fn held(mut filter: RoleFilter, owner: Id<Permission>) -> Option<RoleFilter> {
        filter.permission_ids.push(owner);
        Some(filter)
    }
}

impl Create for Permission {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let id = call.new_id();
        let new = read(document, |given| {
            let name = required(given, "name", |name: String| name.parse::<PermissionName>());
            let description = described(given).value();
            Some(NewPermission { id, name: name?.as_str().to_owned(), description })
        })?;
        let taken = Error::new(Code::CONFLICT, "Another permission has this name.").at_attribute("name");
        Ok(call.env.create_permission(new, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

impl Update for Permission {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let change = read(document, |given| Some(PermissionChange { description: described(given).change() }))?;
        refuse_system(self.system)?;
        Ok(call.env.update_permission(self.id, change, expected, &call.by).await?)
    }
}

impl Delete for Permission {
    /// Whoever deletes a permission takes it from all who hold it, so they must hold it.
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        refuse_system(self.system)?;
        call.may_grant(&std::iter::once(self.name.clone()).collect())?;
        Ok(call.env.delete_permission(self.id, expected, &call.by).await?)
    }
}

/// Reads the description of a permission or a scope.
pub(super) fn described(given: &mut Reader) -> Field<String> {
    nullable(given, "description", |words: String| text::optional_line(&words, MAX_DESCRIPTION).map(|()| words))
}
