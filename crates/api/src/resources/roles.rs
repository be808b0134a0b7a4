//! `role`: named groups of permissions.

use paylent_domain::{
    Id, Timestamp,
    permission::Permission,
    policy::{Action, Resource as Managed},
    role::{MAX_DESCRIPTION, MAX_NAME, Role},
    text,
    user::User,
};
use paylent_jsonapi::{Code, Error, Field, Fieldsets, Incoming, Reader, Resource, Schema};
use paylent_storage::{
    Env, Error as StorageError, Expected, Links, Listed, NewRole, Page, PermissionFilter, Refusal, RoleChange,
    RoleFilter, UserFilter,
};

use super::{BY_ID, BY_NAME, BY_TIME, by, by_name, changed, permissions};
use crate::{
    attributes::{nullable, optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    links::Link,
    relationships::{Holds, Includes, Relationship, few, many},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "role",
    attributes: &["name", "description", "system", "created_at", "updated_at", "user_count", "permission_count"],
    relationships: &["permissions", "users"],
    includes: &["permissions"],
    sorts: BY_NAME,
    filters: &[BY_ID, BY_TIME, by_name("name"), by("system"), by("user"), by("permission")],
    others: &[&permissions::SCHEMA],
};

impl Entity for Role {
    const MANAGED: Managed = Managed::Roles;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[few::<Self, Permission>(), many::<Self, User>()];
    const NAMED_BY: Option<&'static str> = Some("name");
    const TELLING: &'static [(&'static str, Managed)] =
        &[("user", Managed::UserRoles), ("permission", Managed::RolePermissions)];
    type Filter = RoleFilter;

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

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<RoleFilter> {
        Some(RoleFilter {
            user_ids: filters.one("user")?.into_iter().collect(),
            permission_ids: filters.one("permission")?.into_iter().collect(),
            membership_id: None,
            system: filters.one("system")?,
        })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.role(id).await
    }

    async fn list(env: &Env, filter: RoleFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.roles(filter, page).await
    }

    async fn complete(&self, resource: Resource, fields: &Fieldsets, env: &Env) -> paylent_storage::Result<Resource> {
        if !["user_count", "permission_count"].iter().any(|count| fields.allow(SCHEMA.kind, count)) {
            return Ok(resource);
        }
        let (users, permissions) = env.role_counts(self.id).await?;
        Ok(resource.attribute("user_count", users).attribute("permission_count", permissions))
    }
}

impl Holds<Permission> for Role {
    const NAME: &'static str = "permissions";
    const TIE: Managed = Managed::RolePermissions;

    fn held(mut filter: PermissionFilter, owner: Id<Role>) -> Option<PermissionFilter> {
        filter.role_ids.push(owner);
        Some(filter)
    }
}

impl Includes<Permission> for Role {
    async fn pairs(env: &Env, owners: Vec<Id<Role>>) -> paylent_storage::Result<Vec<(Id<Role>, Id<Permission>)>> {
        env.permissions_of_roles(owners).await
    }
}

impl Holds<User> for Role {
    const NAME: &'static str = "users";
    const TIE: Managed = Managed::UserRoles;

    fn held(mut filter: UserFilter, owner: Id<Role>) -> Option<UserFilter> {
        filter.role_ids.push(owner);
        Some(filter)
    }
}

impl Link<Permission> for Role {
    const ALSO: Option<Action> = Some(Action::Delete);

    async fn link(&self, call: &Call, mut links: Links<Permission>) -> Result<(), Failure> {
        let touched = match &mut links {
            Links::Add(permissions) | Links::Remove(permissions) => permissions.clone(),
            Links::Replace { was, with } => {
                let held = call.env.permissions_of_roles(vec![self.id]).await?.into_iter().map(|(_, id)| id);
                changed(was.insert(held.collect()), with)
            }
        };
        let page = Page::of_ids(touched.iter().map(|id| *id.as_bytes()).collect());
        let named = call.env.permissions(PermissionFilter::default(), page).await?.rows;
        call.may_grant(&named.into_iter().map(|permission| permission.name).collect())?;
        Ok(call.env.link_role_permissions(self.id, links, &call.by).await?)
    }
}

impl Create for Role {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (name, description) = read(document, |given| {
            let name = required(given, "name", named);
            let description = described(given);
            Some((name?, description.value()))
        })?;
        let role = NewRole { id: call.new_id(), name, description, permissions: Default::default() };
        Ok(call.env.create_role(role, &call.by).await.map_err(|error| or_conflict(error, taken()))?.into())
    }
}

impl Update for Role {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let change = read(document, |given| {
            Some(RoleChange { name: optional(given, "name", named), description: described(given).change() })
        })?;
        refuse_system(self.system)?;
        let updated = call.env.update_role(self.id, change, expected, &call.by).await;
        updated.map_err(|error| or_conflict(error, taken()))
    }
}

impl Delete for Role {
    /// Whoever deletes a role takes it from all who hold it, so they must hold what it holds.
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        refuse_system(self.system)?;
        call.may_give_roles(vec![self.id], None).await?;
        Ok(call.env.delete_role(self.id, expected, &call.by).await?)
    }
}

/// What came with the environment stays as it is, whoever asks.
pub(super) fn refuse_system(system: bool) -> Result<(), StorageError> {
    if system { Err(StorageError::Refused(Refusal::System)) } else { Ok(()) }
}

fn named(name: String) -> Result<String, paylent_domain::Invalid> {
    text::one_line(&name, MAX_NAME).map(|()| name)
}

fn described(given: &mut Reader) -> Field<String> {
    nullable(given, "description", |words: String| text::optional_line(&words, MAX_DESCRIPTION).map(|()| words))
}

fn taken() -> Error {
    Error::new(Code::CONFLICT, "Another role has this name.").at_attribute("name")
}
