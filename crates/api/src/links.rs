//! Writes to to-many relationships (JSON:API 1.1, "Updating To-Many Relationships"). Adding what is there and removing
//! what is not change nothing, so both can be repeated.

use paylent_domain::{
    Id,
    policy::{self, Action},
};
use paylent_jsonapi::{Document, linkage_to_many};
use paylent_storage::{Links, Page};

use crate::{
    Answering,
    call::Call,
    entity::Entity,
    failure::Failure,
    handlers::{find, url_of},
    relationships::Holds,
};

/// The most that one request can name.
pub(crate) const MAX_LINKS: usize = 100;

/// An entity whose `T` can be added and removed.
pub(crate) trait Link<T: Entity>: Holds<T> {
    /// What a replacement takes the right to besides what its endpoint asks, since it also removes.
    const ALSO: Option<Action>;

    /// Changes them, if the caller may.
    async fn link(&self, call: &Call, links: Links<T>) -> Result<(), Failure>;
}

/// `POST /things/{id}/relationships/{name}`
pub(crate) fn add<E: Link<T>, T: Entity>(call: Call) -> Answering {
    write::<E, T>(call, Links::Add)
}

/// `PATCH /things/{id}/relationships/{name}`
pub(crate) fn replace<E: Link<T>, T: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        if let Some(action) = E::ALSO {
            policy::permits(&call.actor, E::TIE, action)?;
        }
        write::<E, T>(call, |with| Links::Replace { was: None, with }).await
    })
}

/// `DELETE /things/{id}/relationships/{name}`
pub(crate) fn remove<E: Link<T>, T: Entity>(call: Call) -> Answering {
    write::<E, T>(call, Links::Remove)
}

fn write<E: Link<T>, T: Entity>(mut call: Call, change: fn(Vec<Id<T>>) -> Links<T>) -> Answering {
    Box::pin(async move {
        let owner = find::<E>(&call).await?;
        Call::without_include(call.resource_query(T::SCHEMA)?)?;
        call.expects_nothing()?;
        let ids = linkage_to_many(&call.body().await?, T::SCHEMA.kind)?;
        let links = change(known::<T>(&call, &ids).await?);
        owner.link(&call, links).await?;
        let related = format!("{}/{}", url_of(&owner, call.tenant()), E::NAME);
        Ok(call.ok(Document::meta_only().link("related", related)))
    })
}

/// The ids that the document names, all of rows that are there.
async fn known<T: Entity>(call: &Call, texts: &[String]) -> Result<Vec<Id<T>>, Failure> {
    if texts.len() > MAX_LINKS {
        return Err(Failure::too_many_links(MAX_LINKS));
    }
    let ids: Vec<Option<Id<T>>> = texts.iter().map(|text| text.parse().ok()).collect();
    let known: Vec<Id<T>> = ids.iter().copied().flatten().collect();
    let found = if known.is_empty() {
        Vec::new()
    } else {
        let page = Page::of_ids(known.iter().map(|id| *id.as_bytes()).collect());
        T::list(&call.env, T::Filter::default(), page).await?.rows
    };
    let missing = ids.iter().position(|id| id.is_none_or(|id| found.iter().all(|row| row.id() != id)));
    match missing {
        Some(index) => Err(Failure::no_such_link(T::SCHEMA.kind, index)),
        None => Ok(known),
    }
}
