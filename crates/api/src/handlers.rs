//! List, show, create, update and delete, once for all resources.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::LOCATION},
};
use paylent_crypto::seal;
use paylent_domain::{Id, policy::Resource as Managed};
use paylent_jsonapi::{Cursor, CursorValue, Document, Incoming, Query, Resource, Schema};
use paylent_storage::{Env, Listed, Page, Tenant};

use crate::{Answering, call::Call, failure::Failure, filters::Filters, respond::response};

/// A row that the API shows as a resource.
pub(crate) trait Entity: Sized + 'static {
    /// What the policy calls it; also its path.
    const MANAGED: Managed;
    /// What readers may ask for.
    const SCHEMA: &'static Schema;
    /// Which rows to list.
    type Filter;

    /// Its id.
    fn id(&self) -> Id<Self>;
    /// Its attributes and relationships.
    fn show(&self, resource: Resource, tenant: &Tenant) -> Resource;
    /// What the filters of a query ask for; `None` when nothing can match.
    fn filter(filters: &Filters<'_>, tenant: &Tenant) -> Option<Self::Filter>;
    /// The row of this id.
    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>>;
    /// One page of the rows that match.
    async fn list(env: &Env, filter: Self::Filter, page: Page) -> paylent_storage::Result<Listed<Self>>;
}

/// A row that the API makes.
pub(crate) trait Create: Entity {
    /// Makes it from the document.
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure>;
}

/// A row just made, and what its answer tells this once.
pub(crate) struct Created<E> {
    pub row: E,
    pub meta: Vec<(&'static str, String)>,
}

impl<E> From<E> for Created<E> {
    fn from(row: E) -> Self {
        Self { row, meta: Vec::new() }
    }
}

/// A row that the API changes.
pub(crate) trait Update: Entity {
    /// Changes it as the document says; `None` when it is gone.
    async fn update(self, call: &Call, document: Incoming) -> Result<Option<Self>, Failure>;
}

/// A row that the API deletes.
pub(crate) trait Delete: Entity {
    /// Deletes it; `false` when it is gone.
    async fn delete(self, call: &Call) -> Result<bool, Failure>;
}

/// `GET /things`
pub(crate) fn list<E: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let query = call.collection_query(E::SCHEMA)?;
        let environment = call.tenant().environment.id.to_string();
        let context = query.cursor_context(&environment);
        let mac = |message: &[u8]| seal::mac(&call.settings.cursor_key, message);
        let page = page_of::<E>(&query, query.page.cursor(&context, &mac)?);
        let mut listed = match E::filter(&Filters(&query.filter), call.tenant()) {
            Some(filter) => E::list(&call.env, filter, page).await?,
            None => Listed { rows: Vec::new(), total: page.counted.then_some(0) },
        };
        let more = query.page.trim(&mut listed.rows);
        let resources = listed.rows.iter().map(|row| {
            let key = Cursor { values: vec![CursorValue::Text(row.id().to_string())] };
            resource(row, call.tenant()).cursor(key.encode(&context, &mac))
        });
        let total = listed.total.and_then(|total| u64::try_from(total).ok());
        let document = Document::page(call.url(), resources.collect(), &query.page, more, total);
        Ok(response(StatusCode::OK).json(document.shaped(&query, Vec::new())))
    })
}

/// `GET /things/{id}`
pub(crate) fn show<E: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        let query = call.resource_query(E::SCHEMA)?;
        Ok(shown(&call, &query, &row))
    })
}

/// `POST /things`
pub(crate) fn create<E: Create>(mut call: Call) -> Answering {
    Box::pin(async move {
        let query = call.resource_query(E::SCHEMA)?;
        let document = Incoming::create(&call.body().await?, E::SCHEMA.kind)?;
        let Created { row, meta } = E::create(&call, document).await?;
        let location = url_of(&row, call.tenant());
        let answer = Document::resource(call.url(), resource(&row, call.tenant())).shaped(&query, Vec::new());
        let answer = meta.into_iter().fold(answer, |answer, (name, value)| answer.meta(name, value));
        Ok(response(StatusCode::CREATED).insert_header((LOCATION, location)).json(answer))
    })
}

/// `PATCH /things/{id}`
pub(crate) fn update<E: Update>(mut call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        let query = call.resource_query(E::SCHEMA)?;
        let document = Incoming::update(&call.body().await?, E::SCHEMA.kind, &row.id().to_string())?;
        let row = row.update(&call, document).await?.ok_or(Failure::NotFound)?;
        Ok(shown(&call, &query, &row))
    })
}

/// `DELETE /things/{id}`
pub(crate) fn delete<E: Delete>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        call.resource_query(E::SCHEMA)?;
        match row.delete(&call).await? {
            true => Ok(response(StatusCode::OK).json(Document::meta_only())),
            false => Err(Failure::NotFound),
        }
    })
}

/// The row that the path names.
///
/// # Errors
/// 404, the same for what is no id, unknown, or of another environment.
pub(crate) async fn find<E: Entity>(call: &Call) -> Result<E, Failure> {
    E::find(&call.env, call.id()?).await?.ok_or(Failure::NotFound)
}

/// The answer that shows one row.
pub(crate) fn shown<E: Entity>(call: &Call, query: &Query, row: &E) -> HttpResponse {
    let document = Document::resource(call.url(), resource(row, call.tenant())).shaped(query, Vec::new());
    response(StatusCode::OK).json(document)
}

/// A row as a resource.
pub(crate) fn resource<E: Entity>(row: &E, tenant: &Tenant) -> Resource {
    row.show(Resource::new(E::SCHEMA.kind, row.id().to_string()).url(url_of(row, tenant)), tenant)
}

/// The address of a row.
pub(crate) fn url_of<E: Entity>(row: &E, tenant: &Tenant) -> String {
    format!("{}/api/{}/{}", tenant.base_url, E::MANAGED.path(), row.id())
}

/// What to read from the database. Rows are in the order of their ids, which is the order of creation, so the id alone
/// is the key of either order. One more row than wanted tells whether there is a next page.
fn page_of<E>(query: &Query, cursor: Option<Cursor>) -> Page {
    let beyond = cursor.and_then(|cursor| match cursor.values.as_slice() {
        [CursorValue::Text(id)] => id.parse::<Id<E>>().ok().map(|id| *id.as_bytes()),
        _ => None,
    });
    let descending = query.sort.first().is_some_and(|key| key.descending);
    Page {
        limit: i64::try_from(query.page.size).unwrap_or(i64::MAX).saturating_add(1),
        beyond,
        offset: i64::try_from(query.page.offset()).unwrap_or(i64::MAX),
        newest_first: descending != query.page.backwards(),
        counted: query.page.count,
    }
}
