//! Relationships: the linkage in a resource, the addresses it names, and what `include` adds.

use std::{collections::HashMap, future::Future, pin::Pin};

use paylent_domain::{
    Id,
    policy::{self, Action, Resource as Managed},
};
use paylent_jsonapi::{Code, Document, Error, Linkage, Query, Resource};
use paylent_storage::{Env, Page};

use crate::{
    Answering,
    call::Call,
    entity::Entity,
    failure::Failure,
    handlers::{base, find, url_of},
    lists,
};

/// An entity that refers to at most one `T`; one that does so in two ways says in which by `As`.
pub(crate) trait RelatedTo<T: Entity, As = T>: Entity {
    /// What the relationship is called.
    const NAME: &'static str;

    /// Which `T`.
    fn related(&self) -> Option<Id<T>>;
}

/// An entity that any number of `T` hang on.
pub(crate) trait Holds<T: Entity>: Entity {
    /// What the relationship is called.
    const NAME: &'static str;
    /// What the policy calls the tie between the two.
    const TIE: Managed;

    /// Narrows a filter of `T` to those of this owner; `None` when nothing can match.
    fn held(filter: T::Filter, owner: Id<Self>) -> Option<T::Filter>;
}

/// An entity whose `T` are few enough to be included.
pub(crate) trait Includes<T: Entity>: Holds<T> {
    /// Each owner with each of its `T`.
    async fn pairs(env: &Env, owners: Vec<Id<Self>>) -> paylent_storage::Result<Vec<(Id<Self>, Id<T>)>>;
}

/// One relationship of `E`, without saying to what.
pub(crate) struct Relationship<E> {
    pub name: &'static str,
    /// The linkage that every answer shows, where it costs nothing.
    linkage: Option<fn(&E) -> Linkage>,
    include: Option<Include<E>>,
    /// Whether the caller may include it, and what the query includes below it.
    permitted: Option<Permitted>,
}

type Permitted = fn(&Call, &Query, &str) -> Result<(), Failure>;

type Include<E> = for<'a> fn(&'a Call, &'a Query, &'a [E], &'a str) -> Including<'a>;
type Including<'a> = Pin<Box<dyn Future<Output = Result<Included, Failure>> + 'a>>;

/// What one relationship adds to an answer: the linkage of each row, where it was not known, and the resources.
struct Included {
    linkages: Option<Vec<Linkage>>,
    resources: Vec<Resource>,
}

/// The relationship of `E` to one `T`.
pub(crate) const fn one<E: RelatedTo<T>, T: Entity>() -> Relationship<E> {
    one_as::<E, T, T>()
}

/// One of the relationships of `E` to one `T`.
pub(crate) const fn one_as<E: RelatedTo<T, As>, T: Entity, As: 'static>() -> Relationship<E> {
    let linkage = Some(linkage_of::<E, T, As> as fn(&E) -> Linkage);
    let include = Some(include_one::<E, T, As> as Include<E>);
    Relationship { name: E::NAME, linkage, include, permitted: Some(readable::<T>) }
}

/// The relationship of `E` to many `T`, shown as links alone.
pub(crate) const fn many<E: Holds<T>, T: Entity>() -> Relationship<E> {
    Relationship { name: E::NAME, linkage: None, include: None, permitted: None }
}

/// The relationship of `E` to a few `T`, which can be included.
pub(crate) const fn few<E: Includes<T>, T: Entity>() -> Relationship<E> {
    Relationship {
        name: E::NAME,
        linkage: None,
        include: Some(include_few::<E, T>),
        permitted: Some(readable_with_tie::<E, T>),
    }
}

/// Whether the caller may read all that the query includes below `path`, whatever there is of it. A write asks before
/// it changes anything.
///
/// # Errors
/// 403 naming the first right the caller lacks.
pub(crate) fn permit_includes<E: Entity>(call: &Call, query: &Query, path: &str) -> Result<(), Failure> {
    for relationship in E::RELATIONSHIPS {
        let at = below(path, relationship.name);
        match relationship.permitted {
            Some(permitted) if query.includes(&at) => permitted(call, query, &at)?,
            _ => {}
        }
    }
    Ok(())
}

fn readable<T: Entity>(call: &Call, query: &Query, path: &str) -> Result<(), Failure> {
    policy::permits(&call.actor, T::MANAGED, Action::Read)?;
    permit_includes::<T>(call, query, path)
}

fn readable_with_tie<E: Holds<T>, T: Entity>(call: &Call, query: &Query, path: &str) -> Result<(), Failure> {
    policy::permits(&call.actor, E::TIE, Action::Read)?;
    readable::<T>(call, query, path)
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Rows as resources with their relationships. What the query includes, at `path` and below, is added to `included`.
pub(crate) async fn resources<E: Entity>(
    call: &Call,
    query: &Query,
    rows: &[E],
    path: &str,
    included: &mut Vec<Resource>,
) -> Result<Vec<Resource>, Failure> {
    if path.is_empty() {
        permit_includes::<E>(call, query, path)?;
    }
    let mut resources: Vec<Resource> = rows.iter().map(|row| base(row, call)).collect();
    for relationship in E::RELATIONSHIPS {
        let at = below(path, relationship.name);
        let mut linkages = match relationship.include {
            Some(include) if query.includes(&at) => {
                let more = include(call, query, rows, &at).await?;
                included.extend(more.resources);
                more.linkages
            }
            _ => None,
        };
        if linkages.is_none() {
            linkages = relationship.linkage.map(|linkage| rows.iter().map(linkage).collect());
        }
        let mut linkages = linkages.map(Vec::into_iter);
        let with = |resource: Resource| match linkages.as_mut().and_then(Iterator::next) {
            Some(linkage) => resource.linkage(relationship.name, linkage),
            None => resource.relationship(relationship.name),
        };
        resources = resources.into_iter().map(with).collect();
    }
    Ok(resources)
}

fn include_one<'a, E: RelatedTo<T, As>, T: Entity, As>(
    call: &'a Call,
    query: &'a Query,
    rows: &'a [E],
    path: &'a str,
) -> Including<'a> {
    Box::pin(async move {
        let ids = rows.iter().filter_map(RelatedTo::<T, As>::related).collect();
        Ok(Included { linkages: None, resources: included_rows::<T>(call, query, ids, path).await? })
    })
}

fn include_few<'a, E: Includes<T>, T: Entity>(
    call: &'a Call,
    query: &'a Query,
    rows: &'a [E],
    path: &'a str,
) -> Including<'a> {
    Box::pin(async move {
        let pairs = E::pairs(&call.env, rows.iter().map(Entity::id).collect()).await?;
        let mut held = HashMap::<Id<E>, Vec<String>>::new();
        for (owner, id) in &pairs {
            held.entry(*owner).or_default().push(id.to_string());
        }
        let linkage = |row: &E| Linkage::many(T::SCHEMA.kind, held.remove(&row.id()).unwrap_or_default());
        let linkages = Some(rows.iter().map(linkage).collect());
        let ids = pairs.into_iter().map(|(_, id)| id).collect();
        Ok(Included { linkages, resources: included_rows::<T>(call, query, ids, path).await? })
    })
}

/// The most resources that one path of `include` may add to an answer.
const MAX_INCLUDED: usize = 10_000;

/// The rows of these ids that the caller may read, each once, with what is included below them.
async fn included_rows<T: Entity>(
    call: &Call,
    query: &Query,
    mut ids: Vec<Id<T>>,
    path: &str,
) -> Result<Vec<Resource>, Failure> {
    let reach = policy::permits(&call.actor, T::MANAGED, Action::Read)?;
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_INCLUDED {
        let detail = format!("{path} would include more than {MAX_INCLUDED} resources. Ask for a smaller page.");
        return Err(Error::new(Code::INVALID_INCLUDES, detail).at_parameter("include").into());
    }
    let Some(filter) = lists::confined::<T>(T::Filter::default(), &reach).filter(|_| !ids.is_empty()) else {
        return Ok(Vec::new());
    };
    let page = Page::of_ids(ids.iter().map(|id| *id.as_bytes()).collect());
    let rows = T::list(&call.env, filter, page).await?.rows;
    let mut below = Vec::new();
    let mut resources = resources(call, query, &rows, path, &mut below).await?;
    resources.append(&mut below);
    Ok(resources)
}

/// `GET /things/{id}/relationships/{name}`
pub(crate) fn linkage<E: RelatedTo<T, As>, T: Entity, As>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        Call::without_include(call.resource_query(T::SCHEMA)?)?;
        let related = format!("{}/{}", url_of(&row, call.tenant()), E::NAME);
        Ok(call.ok(Document::linkage(call.url(), linkage_of::<E, T, As>(&row)).link("related", related)))
    })
}

/// `GET /things/{id}/{name}` of a to-one relationship. Takes the right to read both.
pub(crate) fn related<E: RelatedTo<T, As>, T: Entity, As>(call: Call) -> Answering {
    Box::pin(async move {
        let reach = policy::permits(&call.actor, T::MANAGED, Action::Read)?;
        let row = find::<E>(&call).await?;
        let query = call.resource_query(T::SCHEMA)?;
        let other = match row.related() {
            Some(id) => T::find(&call.env, id).await?.filter(|other| reach.covers(other.organization())),
            None => None,
        };
        let mut included = Vec::new();
        let others: Vec<T> = other.into_iter().collect();
        let other = resources(&call, &query, &others, "", &mut included).await?.pop();
        Ok(call.ok(Document::resource(call.url(), other).shaped(&query, included)))
    })
}

/// `GET /things/{id}/{name}` of a to-many relationship. Takes the right to read the tie and the other end.
pub(crate) fn held<E: Holds<T>, T: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let reach = policy::permits(&call.actor, T::MANAGED, Action::Read)?;
        let owner = find::<E>(&call).await?.id();
        let query = call.collection_query(T::SCHEMA)?;
        let document = lists::page::<T>(&call, &query, &reach, |filter| E::held(filter, owner)).await?;
        Ok(call.ok(document))
    })
}

/// `GET /things/{id}/relationships/{name}` of a to-many relationship: one page of it.
pub(crate) fn linkages<E: Holds<T>, T: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let reach = policy::permits(&call.actor, T::MANAGED, Action::Read)?;
        let row = find::<E>(&call).await?;
        let query = Call::without_include(call.collection_query(T::SCHEMA)?)?;
        let document = lists::page::<T>(&call, &query, &reach, |filter| E::held(filter, row.id())).await?;
        let related = format!("{}/{}", url_of(&row, call.tenant()), E::NAME);
        Ok(call.ok(document.identifiers_only().link("related", related)))
    })
}

fn linkage_of<E: RelatedTo<T, As>, T: Entity, As>(row: &E) -> Linkage {
    Linkage::one(T::SCHEMA.kind, row.related().map(|id| id.to_string()))
}

/// The row that a relationship of the document names.
///
/// # Errors
/// 404 with a pointer to the relationship, the same for what is no id, unknown, of another environment, or of an
/// organization that the caller's right does not reach.
pub(crate) async fn existing<T: Entity>(call: &Call, relationship: &str, id: &str) -> Result<T, Failure> {
    let found = match id.parse() {
        Ok(id) => T::find(&call.env, id).await?,
        Err(_) => None,
    };
    let reached = found.filter(|row| !T::MANAGED.is_of_organizations() || call.reach.covers(row.organization()));
    reached.ok_or_else(|| Failure::related_not_found(relationship))
}
