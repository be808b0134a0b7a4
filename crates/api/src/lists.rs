//! Collections: from the query's filter, sort and page to one page of rows, and back to links and cursors.

use paylent_crypto::seal;
use paylent_domain::{
    Id,
    policy::{self, Action, Reach},
};
use paylent_jsonapi::{Cursor, CursorValue, Document, Query};
use paylent_storage::{Listed, Order, Page, Place};

use crate::{Answering, call::Call, entity::Entity, failure::Failure, filters::Filters, relationships::resources};

/// `GET /things`
pub(crate) fn list<E: Entity>(call: Call) -> Answering {
    Box::pin(async move {
        let query = call.collection_query(E::SCHEMA)?;
        Ok(call.ok(page::<E>(&call, &query, &call.reach, Some).await?))
    })
}

/// The page that the query asks for, of the rows within reach that `narrow` leaves.
pub(crate) async fn page<E: Entity>(
    call: &Call,
    query: &Query,
    reach: &Reach,
    narrow: impl FnOnce(E::Filter) -> Option<E::Filter>,
) -> Result<Document, Failure> {
    let reach = &told::<E>(call, query, reach.clone())?;
    // A list below another resource is another list: the path keeps their cursors apart.
    let context = query.cursor_context(&format!("{} {}", call.tenant().environment.id, call.path()));
    let mac = |message: &[u8]| seal::mac(&call.settings.cursor_key, message);
    let order = order_of::<E>(query);
    let cursor = query.page.cursor(&context, &mac)?;
    let filters = Filters(&query.filter);
    let filter = E::filter(&filters, call).and_then(narrow).and_then(|filter| confined::<E>(filter, reach));
    let wanted = Page {
        limit: i64::try_from(query.page.size).unwrap_or(i64::MAX).saturating_add(1),
        beyond: cursor.and_then(|cursor| place_of::<E>(&cursor, order)),
        offset: i64::try_from(query.page.offset()).unwrap_or(i64::MAX),
        order: if query.page.backwards() { reversed(order) } else { order },
        counted: query.page.count,
        ..Page::default()
    };
    let mut listed = match (filter, filters.narrow::<E>(wanted)?) {
        (Some(filter), Some(page)) => E::list(&call.env, filter, page).await?,
        _ => Listed { rows: Vec::new(), total: query.page.count.then_some(0) },
    };
    let more = query.page.trim(&mut listed.rows);
    let mut included = Vec::new();
    let shown = resources(call, query, &listed.rows, "", &mut included).await?;
    let with_cursor = shown
        .into_iter()
        .zip(&listed.rows)
        .map(|(resource, row)| resource.cursor(cursor_of(row, order).encode(&context, &mac)));
    let total = listed.total.and_then(|total| u64::try_from(total).ok());
    let document = Document::page(call.url(), with_cursor.collect(), &query.page, more, total);
    Ok(document.shaped(query, included))
}

/// How far a list reaches whose filters may tell of more than its rows: as far as the right to read that, too.
///
/// # Errors
/// 403 for what the caller may not read at all.
fn told<E: Entity>(call: &Call, query: &Query, mut reach: Reach) -> Result<Reach, Failure> {
    for (_, told) in E::TELLING.iter().filter(|(field, _)| query.filter.iter().any(|filter| filter.field == *field)) {
        reach = match (reach, policy::permits(&call.actor, *told, Action::Read)?) {
            (Reach::Environment, reach) | (reach, Reach::Environment) => reach,
            (Reach::Organizations(left), Reach::Organizations(right)) => Reach::Organizations(&left & &right),
        };
    }
    Ok(reach)
}

/// A filter that leaves only rows within reach; `None` when there can be none.
pub(crate) fn confined<E: Entity>(filter: E::Filter, reach: &Reach) -> Option<E::Filter> {
    match reach {
        Reach::Environment => Some(filter),
        Reach::Organizations(organizations) => E::within(filter, organizations.iter().copied().collect()),
    }
}

/// The order that the query's sort keys ask for. Ids are in the order of creation, so the id stands for `created_at`,
/// and whatever follows it decides nothing.
fn order_of<E: Entity>(query: &Query) -> Order {
    let mut by_name = None;
    for key in &query.sort {
        if Some(key.field) != E::NAMED_BY {
            return Order { by_name, newest_first: key.descending };
        }
        by_name = Some(key.descending);
    }
    Order { by_name, newest_first: by_name.unwrap_or_default() }
}

fn reversed(order: Order) -> Order {
    Order { by_name: order.by_name.map(|descending| !descending), newest_first: !order.newest_first }
}

fn cursor_of<E: Entity>(row: &E, order: Order) -> Cursor {
    let name = order.by_name.map(|_| CursorValue::Text(row.name_key()));
    Cursor { values: name.into_iter().chain([CursorValue::Text(row.id().to_string())]).collect() }
}

fn place_of<E>(cursor: &Cursor, order: Order) -> Option<Place> {
    let (name, id) = match (cursor.values.as_slice(), order.by_name) {
        ([CursorValue::Text(id)], None) => (String::new(), id),
        ([CursorValue::Text(name), CursorValue::Text(id)], Some(_)) => (name.clone(), id),
        _ => return None,
    };
    Some(Place { name, id: *id.parse::<Id<E>>().ok()?.as_bytes() })
}
