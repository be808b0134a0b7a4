//! What can stand in a line of the endpoint table: how a call is answered, and what the description says of it.

use utoipa::openapi::path;

use super::{Parts, describe, property::Documented};
use crate::{
    Answering, Endpoint,
    call::Call,
    entity::{Create, Delete, Update},
    handlers,
    links::{self, Link},
    lists,
    relationships::{self, Holds, RelatedTo},
};

/// What is done at an endpoint.
pub(crate) struct Operation {
    pub answer: fn(Call) -> Answering,
    pub describe: Describe,
}

/// Describes the operation of an endpoint, and adds the schemas it speaks of.
pub(crate) type Describe = fn(&Endpoint, &mut Parts) -> path::Operation;

/// `GET /things`
pub(crate) const fn list<E: Documented>() -> Operation {
    Operation { answer: lists::list::<E>, describe: describe::list::<E> }
}

/// `POST /things`
pub(crate) const fn create<E: Create + Documented>() -> Operation {
    Operation { answer: handlers::create::<E>, describe: describe::create::<E> }
}

/// `GET /things/{id}`
pub(crate) const fn show<E: Documented>() -> Operation {
    Operation { answer: handlers::show::<E>, describe: describe::show::<E> }
}

/// `PATCH /things/{id}`
pub(crate) const fn update<E: Update + Documented>() -> Operation {
    Operation { answer: handlers::update::<E>, describe: describe::update::<E> }
}

/// `DELETE /things/{id}`
pub(crate) const fn delete<E: Delete + Documented>() -> Operation {
    Operation { answer: handlers::delete::<E>, describe: describe::delete::<E> }
}

/// `PATCH /things/{id}/{verb}`
pub(crate) const fn verb<E: Documented>(answer: fn(Call) -> Answering) -> Operation {
    Operation { answer, describe: describe::verb::<E> }
}

/// `GET /things/{id}/relationships/{name}` of a to-one relationship
pub(crate) const fn linkage<E: RelatedTo<T> + Documented, T: Documented>() -> Operation {
    linkage_as::<E, T, T>()
}

/// `GET /things/{id}/relationships/{name}` of one of several to-one relationships to one type
pub(crate) const fn linkage_as<E: RelatedTo<T, As> + Documented, T: Documented, As: 'static>() -> Operation {
    Operation { answer: relationships::linkage::<E, T, As>, describe: describe::linkage::<E, T, As> }
}

/// `GET /things/{id}/{name}` of a to-one relationship
pub(crate) const fn related<E: RelatedTo<T> + Documented, T: Documented>() -> Operation {
    related_as::<E, T, T>()
}

/// `GET /things/{id}/{name}` of one of several to-one relationships to one type
pub(crate) const fn related_as<E: RelatedTo<T, As> + Documented, T: Documented, As: 'static>() -> Operation {
    Operation { answer: relationships::related::<E, T, As>, describe: describe::related::<E, T, As> }
}

/// `GET /things/{id}/relationships/{name}` of a to-many relationship
pub(crate) const fn linkages<E: Holds<T> + Documented, T: Documented>() -> Operation {
    Operation { answer: relationships::linkages::<E, T>, describe: describe::linkages::<E, T> }
}

/// `GET /things/{id}/{name}` of a to-many relationship
pub(crate) const fn held<E: Holds<T> + Documented, T: Documented>() -> Operation {
    Operation { answer: relationships::held::<E, T>, describe: describe::held::<E, T> }
}

/// `POST /things/{id}/relationships/{name}`
pub(crate) const fn add<E: Link<T> + Documented, T: Documented>() -> Operation {
    Operation { answer: links::add::<E, T>, describe: describe::add::<E, T> }
}

/// `PATCH /things/{id}/relationships/{name}`
pub(crate) const fn replace<E: Link<T> + Documented, T: Documented>() -> Operation {
    Operation { answer: links::replace::<E, T>, describe: describe::replace::<E, T> }
}

/// `DELETE /things/{id}/relationships/{name}`
pub(crate) const fn remove<E: Link<T> + Documented, T: Documented>() -> Operation {
    Operation { answer: links::remove::<E, T>, describe: describe::remove::<E, T> }
}
