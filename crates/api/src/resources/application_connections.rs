//! `application_connection`: what an organization, or one person, lets an application do. Made on the pages alone, by those
//! who agree; narrowed and withdrawn here, too.

use paylent_domain::{
    Id, Invalid, Timestamp,
    application::{Application, Connection},
    organization::Organization,
    policy::Resource as Managed,
    user::User,
};
use paylent_jsonapi::{Code, Error, Incoming, Resource, Schema};
use paylent_oauth::OIDC_SCOPES;
use paylent_storage::{ConnectionFilter, Env, Error as StorageError, Expected, Listed, Page, Refusal};

use super::{BY_CREATION, BY_ID, BY_TIME, applications, by, organizations, users};
use crate::{
    attributes::{distinct, read},
    call::Call,
    entity::{Delete, Entity, Update},
    failure::Failure,
    filters::Filters,
    relationships::{RelatedTo, Relationship, one, one_as},
};

static SCHEMA: Schema = Schema {
    kind: "application_connection",
    attributes: &["permissions", "for_organization", "last_used_at", "last_used_ip", "created_at", "updated_at"],
    relationships: &["application", "organization", "user", "connected_by"],
    includes: &["application", "organization", "user", "connected_by"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("application"), by("organization"), by("user")],
    others: &[&applications::SCHEMA, &organizations::SCHEMA, &users::SCHEMA],
};

/// A user as the one who made a connection.
pub(crate) struct ConnectedBy;

/// The permissions of an API among its scopes: the others are OpenID Connect's, and stay with the connection.
fn permissions(connection: &Connection) -> Vec<String> {
    let of_the_api = connection.permissions.iter().filter(|name| !OIDC_SCOPES.contains(name));
    of_the_api.map(str::to_owned).collect()
}

impl Entity for Connection {
    const MANAGED: Managed = Managed::ApplicationConnections;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[
        one::<Self, Application>(),
        one::<Self, Organization>(),
        one::<Self, User>(),
        one_as::<Self, User, ConnectedBy>(),
    ];
    type Filter = ConnectionFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    /// The one that connected, not the one that owns the application.
    fn organization(&self) -> Option<Id<Organization>> {
        self.organization_id
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("permissions", permissions(self))
            .attribute("for_organization", self.user_id.is_none())
            .attribute("last_used_at", self.last_used_at.map(|at| at.to_string()))
            .attribute("last_used_ip", self.last_used_ip.as_deref())
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<ConnectionFilter> {
        Some(ConnectionFilter {
            application_id: filters.one("application")?,
            organization_id: filters.one("organization")?,
            user_id: filters.one("user")?,
            within: None,
        })
    }

    fn within(filter: ConnectionFilter, organizations: Vec<Id<Organization>>) -> Option<ConnectionFilter> {
        Some(ConnectionFilter { within: Some(organizations.into_iter().collect()), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.application_connection(id).await
    }

    async fn list(env: &Env, filter: ConnectionFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.application_connections(filter, page).await
    }
}

impl RelatedTo<Application> for Connection {
    const NAME: &'static str = "application";

    fn related(&self) -> Option<Id<Application>> {
        Some(self.application_id)
    }
}

impl RelatedTo<Organization> for Connection {
    const NAME: &'static str = "organization";

    fn related(&self) -> Option<Id<Organization>> {
        self.organization_id
    }
}

impl RelatedTo<User> for Connection {
    const NAME: &'static str = "user";

    fn related(&self) -> Option<Id<User>> {
        self.user_id
    }
}

impl RelatedTo<User, ConnectedBy> for Connection {
    const NAME: &'static str = "connected_by";

    fn related(&self) -> Option<Id<User>> {
        Some(self.connected_by)
    }
}

impl Update for Connection {
    /// Leaves it some of its permissions. Nobody but those who agree gives it more.
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let has = permissions(&self);
        let left = read(document, |given| {
            // No more can be right than it has, so the list needs no limit of its own.
            let left = given.optional::<Vec<String>>("permissions").map(|names| {
                distinct(given, "permissions", names, |name| match has.contains(&name) {
                    true => Ok(name),
                    false => Err(Invalid("is no permission of this connection")),
                })
            });
            Some(left.unwrap_or_else(|| has.clone()))
        })?;
        match call.env.narrow_connection(self.id, left.into_iter().collect(), expected, &call.by).await {
            Err(StorageError::Refused(refusal @ Refusal::NothingLeft)) => {
                Err(Error::new(Code::INVALID_ATTRIBUTE, refusal.to_string()).at_attribute("permissions").into())
            }
            narrowed => Ok(narrowed?),
        }
    }
}

impl Delete for Connection {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.disconnect(self.id, expected, &call.by).await?)
    }
}
