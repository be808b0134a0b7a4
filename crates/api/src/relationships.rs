//! To-one relationships: the linkage in a resource, and the two addresses it names.

use actix_web::http::StatusCode;
use paylent_domain::{Id, policy};
use paylent_jsonapi::{Document, Linkage, Resource};

use crate::{
    Answering,
    call::Call,
    failure::Failure,
    handlers::{Entity, find, resource, url_of},
    respond::response,
};

/// An entity that refers to at most one `T`.
pub(crate) trait RelatedTo<T: Entity>: Entity {
    /// What the relationship is called.
    const NAME: &'static str;

    /// Which `T`.
    fn related(&self) -> Option<Id<T>>;
}

/// `resource` of `row` with its relationship to `T`.
pub(crate) fn with<E: RelatedTo<T>, T: Entity>(resource: Resource, row: &E) -> Resource {
    resource.linkage(E::NAME, linkage_of(row))
}

/// `GET /things/{id}/relationships/{name}`
pub(crate) fn linkage<E: RelatedTo<T>, T: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        call.resource_query(T::SCHEMA)?;
        let related = format!("{}/{}", url_of(&row, call.tenant()), E::NAME);
        let document = Document::linkage(call.url(), linkage_of(&row)).link("related", related);
        Ok(response(StatusCode::OK).json(document))
    })
}

/// `GET /things/{id}/{name}`. Takes the right to read both.
pub(crate) fn related<E: RelatedTo<T>, T: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        policy::permits(&call.actor, T::MANAGED, policy::Action::Read)?;
        let row = find::<E>(&call).await?;
        let query = call.resource_query(T::SCHEMA)?;
        let other = match row.related() {
            Some(id) => T::find(&call.env, id).await?,
            None => None,
        };
        let other = other.map(|other| resource(&other, call.tenant()));
        Ok(response(StatusCode::OK).json(Document::resource(call.url(), other).shaped(&query, Vec::new())))
    })
}

fn linkage_of<E: RelatedTo<T>, T: Entity>(row: &E) -> Linkage {
    Linkage::one(T::SCHEMA.kind, row.related().map(|id| id.to_string()))
}

/// The row that a relationship of the document names.
///
/// # Errors
/// 404 with a pointer to the relationship, the same for what is no id, unknown, or of another environment.
pub(crate) async fn existing<T: Entity>(call: &Call, relationship: &str, id: &str) -> Result<T, Failure> {
    let found = match id.parse() {
        Ok(id) => T::find(&call.env, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Failure::related_not_found(relationship))
}
