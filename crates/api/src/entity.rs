//! What a row must tell for the API to show it, and to make, change and delete rows of its kind.

use paylent_domain::{Id, Timestamp, organization::Organization, policy::Resource as Managed};
use paylent_jsonapi::{Fieldsets, Incoming, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, Page};

use crate::{call::Call, failure::Failure, filters::Filters, relationships::Relationship};

/// A row that the API shows as a resource.
pub(crate) trait Entity: Sized + 'static {
    /// What the policy calls it; also its path.
    const MANAGED: Managed;
    /// What readers may ask for.
    const SCHEMA: &'static Schema;
    /// Whether there is one in each environment, found at the path itself.
    const SINGLE: bool = false;
    /// Its relationships, in the order of the schema.
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[];
    /// The attribute that lists can be sorted and searched by besides the time of creation: the row's name.
    const NAMED_BY: Option<&'static str> = None;
    /// The attribute that tells when it was made.
    const TIME: &'static str = "created_at";
    /// The filters that tell of more than these rows, such as who holds a role, and what the policy calls that.
    const TELLING: &'static [(&'static str, Managed)] = &[];
    /// Which rows to list, by what only these rows have.
    type Filter: Default;

    /// Its id.
    fn id(&self) -> Id<Self>;
    /// When it last changed: its version.
    fn version(&self) -> Timestamp;
    /// Its attributes.
    fn show(&self, resource: Resource, call: &Call) -> Resource;
    /// What the filters of a query ask for; `None` when nothing can match.
    fn filter(filters: &Filters<'_>, call: &Call) -> Option<Self::Filter>;
    /// The row of this id.
    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>>;
    /// One page of the rows that match.
    async fn list(env: &Env, filter: Self::Filter, page: Page) -> paylent_storage::Result<Listed<Self>>;

    /// The organization it belongs to, for kinds whose rows belong to organizations.
    fn organization(&self) -> Option<Id<Organization>> {
        None
    }

    /// Confines a filter to rows of these organizations; `None` when nothing can match, as for kinds whose rows belong
    /// to none.
    fn within(filter: Self::Filter, organizations: Vec<Id<Organization>>) -> Option<Self::Filter> {
        let _ = (filter, organizations);
        None
    }

    /// Its name as lists compare it.
    fn name_key(&self) -> String {
        String::new()
    }

    /// The name that a filter's text means; `None` when it can be nobody's.
    fn name_meant(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    /// Adds what costs a query and is shown only where one row is.
    async fn complete(&self, resource: Resource, fields: &Fieldsets, env: &Env) -> paylent_storage::Result<Resource> {
        let _ = (fields, env);
        Ok(resource)
    }
}

/// A row that the API makes.
pub(crate) trait Create: Entity {
    /// Makes it from the document, with the id [`Call::new_id`] gives.
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure>;
}

/// A row just made, and what its answer tells this once.
pub(crate) struct Created<E> {
    pub row: E,
    /// Members of `meta` that may be told again.
    pub meta: Vec<(&'static str, String)>,
    /// A secret and its name in `meta`: told this once.
    pub secret: Option<(&'static str, String)>,
}

impl<E> From<E> for Created<E> {
    fn from(row: E) -> Self {
        Self { row, meta: Vec::new(), secret: None }
    }
}

/// A row that the API changes.
pub(crate) trait Update: Entity {
    /// Changes it as the document says, if it is as expected; `None` when it is gone.
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure>;
}

/// A row that the API deletes.
pub(crate) trait Delete: Entity {
    /// Deletes it, if it is as expected; `false` when it is gone.
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure>;
}
