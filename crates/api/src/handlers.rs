//! Show, create, update and delete, once for all resources.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::LOCATION},
};
use paylent_domain::Id;
use paylent_jsonapi::{Document, Incoming, Query, Resource};
use paylent_storage::{Expected, Tenant};

use crate::{
    Answering,
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    etag,
    failure::Failure,
    idempotency::{self, Start},
    relationships::{permit_includes, resources},
};

/// `GET /things/{id}`
pub(crate) fn show<E: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        let query = call.resource_query(E::SCHEMA)?;
        let document = shown(&call, &query, &row).await?;
        Ok(versioned(&call, &row, document))
    })
}

/// `POST /things`
pub(crate) fn create<E: Create>(mut call: Call) -> Answering {
    Box::pin(async move {
        let query = call.resource_query(E::SCHEMA)?;
        permit_includes::<E>(&call, &query, "")?;
        call.expects_nothing()?;
        let body = call.body().await?;
        let attempt = match idempotency::start(&mut call, &body).await? {
            Start::Answered(answer) => return Ok(answer),
            Start::Attempt(attempt) => attempt,
        };
        let made = make::<E>(&call, attempt.is_some_and(|attempt| attempt.resumed), &body).await;
        let Created { row, meta, secret } = idempotency::released_unless_made(&call, attempt.as_ref(), made).await?;
        let mut document = shown(&call, &query, &row).await?;
        for (name, value) in meta {
            document = document.meta(name, value);
        }
        document = call.described(document);
        let (location, tag) = (url_of(&row, call.tenant()), etag::of(&row));
        idempotency::finish(&call, attempt.as_ref(), &location, &tag.1, &document).await;
        if let Some((name, value)) = secret {
            document = document.meta(name, value);
        }
        Ok(call.answer(StatusCode::CREATED).insert_header((LOCATION, location)).insert_header(tag).json(document))
    })
}

/// Makes the resource, unless an attempt that broke off has made it already.
async fn make<E: Create>(call: &Call, resumed: bool, body: &[u8]) -> Result<Created<E>, Failure> {
    if resumed && let Some(row) = E::find(&call.env, call.new_id()).await? {
        return Ok(row.into());
    }
    E::create(call, Incoming::create(body, E::SCHEMA.kind)?).await
}

/// `PATCH /things/{id}`
pub(crate) fn update<E: Update>(mut call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        let query = call.resource_query(E::SCHEMA)?;
        permit_includes::<E>(&call, &query, "")?;
        let expected = call.expected()?;
        let document = Incoming::update(&call.body().await?, E::SCHEMA.kind, &row.id().to_string())?;
        let row = row.update(&call, document, &expected).await?.ok_or(Failure::NotFound)?;
        let document = shown(&call, &query, &row).await?;
        Ok(versioned(&call, &row, document))
    })
}

/// `DELETE /things/{id}`
pub(crate) fn delete<E: Delete>(call: Call) -> Answering {
    Box::pin(async move {
        let row = find::<E>(&call).await?;
        Call::without_include(call.resource_query(E::SCHEMA)?)?;
        match row.delete(&call, &call.expected()?).await? {
            true => Ok(call.ok(Document::meta_only())),
            false => Err(Failure::NotFound),
        }
    })
}

/// `PATCH /things/{id}/{verb}`. A body is not needed; if there is one, it changes nothing else. What `act` answers
/// besides the row is told this once, in `meta`.
pub(crate) async fn verb<E: Entity>(
    call: Call,
    act: impl AsyncFnOnce(&Call, E, &Expected) -> Result<Option<Created<E>>, Failure>,
) -> Result<HttpResponse, Failure> {
    let named = |body: &[u8], row: &E| {
        if !body.is_empty() {
            Incoming::update(body, E::SCHEMA.kind, &row.id().to_string())?.read(|_| ())?;
        }
        Ok(())
    };
    verb_with(call, named, async move |call, row, expected, ()| act(call, row, expected).await).await
}

/// `PATCH /things/{id}/{verb}` whose body says more, which `read` finds out. It may be empty.
pub(crate) async fn verb_with<E: Entity, M>(
    mut call: Call,
    read: impl FnOnce(&[u8], &E) -> Result<M, Failure>,
    act: impl AsyncFnOnce(&Call, E, &Expected, M) -> Result<Option<Created<E>>, Failure>,
) -> Result<HttpResponse, Failure> {
    let row = find::<E>(&call).await?;
    let query = call.resource_query(E::SCHEMA)?;
    permit_includes::<E>(&call, &query, "")?;
    let expected = call.expected()?;
    let said = read(&call.body().await?, &row)?;
    let Created { row, meta, secret } = act(&call, row, &expected, said).await?.ok_or(Failure::NotFound)?;
    let mut document = shown(&call, &query, &row).await?;
    for (name, value) in meta.into_iter().chain(secret) {
        document = document.meta(name, value);
    }
    Ok(versioned(&call, &row, document))
}

/// The row that the path names.
///
/// # Errors
/// 404, the same for what is no id, unknown, of another environment, or out of reach.
pub(crate) async fn find<E: Entity>(call: &Call) -> Result<E, Failure> {
    let id: Id<E> = match E::SINGLE {
        true => Id::from_bytes(*call.tenant().environment.id.as_bytes()),
        false => call.id()?,
    };
    let row = E::find(&call.env, id).await?;
    row.filter(|row| !E::MANAGED.is_of_organizations() || call.reach.covers(row.organization()))
        .ok_or(Failure::NotFound)
}

/// The document that shows one row.
pub(crate) async fn shown<E: Entity>(call: &Call, query: &Query, row: &E) -> Result<Document, Failure> {
    let mut included = Vec::new();
    let resource = resources(call, query, std::slice::from_ref(row), "", &mut included).await?.pop();
    let resource = match resource {
        Some(resource) => Some(row.complete(resource, &query.fields, &call.env).await?),
        None => None,
    };
    Ok(Document::resource(call.url(), resource).shaped(query, included))
}

fn versioned<E: Entity>(call: &Call, row: &E, document: Document) -> HttpResponse {
    call.answer(StatusCode::OK).insert_header(etag::of(row)).json(call.described(document))
}

/// A row as a resource without relationships.
pub(crate) fn base<E: Entity>(row: &E, call: &Call) -> Resource {
    row.show(Resource::new(E::SCHEMA.kind, row.id().to_string()).url(url_of(row, call.tenant())), call)
}

/// The address of a row.
pub(crate) fn url_of<E: Entity>(row: &E, tenant: &Tenant) -> String {
    match E::SINGLE {
        true => format!("{}/api/{}", tenant.base_url, E::MANAGED.path()),
        false => format!("{}/api/{}/{}", tenant.base_url, E::MANAGED.path(), row.id()),
    }
}
