//! One page of a list, cut by key and not by counting rows: as cheap a million rows deep as at the start.
//!
//! Every list is in the order of its ids, which is the order of creation, or in the order of its *name*: the one text
//! that rows of a kind go by, such as a role's name, a user's address or an event's action. Both have an index.

use diesel::{define_sql_function, sql_types::Text};
use paylent_domain::Timestamp;

use crate::key::Key;

/// Which rows of a list to read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// How many rows at most.
    pub limit: i64,
    /// Only rows beyond this one, in reading direction.
    pub beyond: Option<Place>,
    /// Rows to pass over.
    pub offset: i64,
    /// The order to read in.
    pub order: Order,
    /// Count all rows that match, too.
    pub counted: bool,
    /// Only rows of these ids.
    pub ids: Option<Vec<[u8; 16]>>,
    /// Only rows made at this moment or later.
    pub since: Option<Timestamp>,
    /// Only rows made before this moment.
    pub before: Option<Timestamp>,
    /// What must hold for the name, all of it. Empty for lists without one.
    pub name: Vec<NameIs>,
}

/// An order of rows. The id comes last, so that it is total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// By name first: from the first to the last (false) or from the last to the first (true).
    pub by_name: Option<bool>,
    /// By id, from the newest to the oldest.
    pub newest_first: bool,
}

/// The sort key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name, when the order is by name.
    pub name: String,
    /// Its id.
    pub id: [u8; 16],
}

/// A condition on the name of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameIs {
    /// One of these.
    In(Vec<String>),
    /// Another.
    Not(String),
    /// Contains this text; ASCII letters in either case are the same.
    Containing(String),
}

/// The rows of one page, in reading direction.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many rows match in all, if it was asked.
    pub total: Option<i64>,
}

impl Page {
    /// All rows of these ids.
    #[must_use]
    pub fn of_ids(ids: Vec<[u8; 16]>) -> Self {
        Self { limit: i64::try_from(ids.len()).unwrap_or(i64::MAX), ids: Some(ids), ..Self::default() }
    }

    pub(crate) fn keys(&self) -> Option<Vec<Key>> {
        self.ids.as_ref().map(|ids| ids.iter().copied().map(Key).collect())
    }
}

define_sql_function! {
    /// ASCII letters in lower case; the others as they are, in both databases.
    fn lower(text: Text) -> Text;
}

/// A pattern for `LIKE … ESCAPE '\'` that matches texts with `part` in them, given in lower case.
pub(crate) fn containing(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in part.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

/// Reads one page of a boxed query, keyed by `$id` and, for lists that have one, the name `$name`; counts it when asked.
/// `$query` is built anew for each.
macro_rules! page {
    ($c:ident, $page:expr, $id:expr, $columns:expr, $query:expr) => {{
        let page: $crate::Page = $page;
        let query = $crate::page::page!(@within page, $id, $query).select($columns).limit(page.limit).offset(page.offset);
        let beyond = page.beyond.as_ref().map(|place| $crate::key::Key(place.id));
        let query = match (beyond, page.order.newest_first) {
            (Some(id), false) => query.filter($id.gt(id)),
            (Some(id), true) => query.filter($id.lt(id)),
            (None, _) => query,
        };
        let query = match page.order.newest_first {
            false => query.order($id.asc()),
            true => query.order($id.desc()),
        };
        let rows = query.load($c).await?;
        let total = match page.counted {
            true => Some($crate::page::page!(@within page, $id, $query).count().get_result::<i64>($c).await?),
            false => None,
        };
        Ok::<_, $crate::Error>((rows, total))
    }};
    ($c:ident, $page:expr, $id:expr, $name:expr, $columns:expr, $query:expr) => {{
        let page: $crate::Page = $page;
        match page.order.by_name {
            None => {
                let named = || $crate::page::page!(@named page, $name, $query);
                $crate::page::page!($c, page.clone(), $id, $columns, named())
            }
            Some(descending) => {
                let matching = || {
                    let query = $crate::page::page!(@within page, $id, $query);
                    $crate::page::page!(@named page, $name, query)
                };
                let query = matching().select($columns).limit(page.limit).offset(page.offset);
                let newest_first = page.order.newest_first;
                let query = match &page.beyond {
                    None => query,
                    Some(place) => {
                        let (name, id) = (place.name.clone(), $crate::key::Key(place.id));
                        match (descending, newest_first) {
                            (false, false) => query.filter($name.ge(name.clone()).and($name.gt(name).or($id.gt(id)))),
                            (false, true) => query.filter($name.ge(name.clone()).and($name.gt(name).or($id.lt(id)))),
                            (true, false) => query.filter($name.le(name.clone()).and($name.lt(name).or($id.gt(id)))),
                            (true, true) => query.filter($name.le(name.clone()).and($name.lt(name).or($id.lt(id)))),
                        }
                    }
                };
                let query = match (descending, newest_first) {
                    (false, false) => query.order(($name.asc(), $id.asc())),
                    (false, true) => query.order(($name.asc(), $id.desc())),
                    (true, false) => query.order(($name.desc(), $id.asc())),
                    (true, true) => query.order(($name.desc(), $id.desc())),
                };
                let rows = query.load($c).await?;
                let total = match page.counted {
                    true => Some(matching().count().get_result::<i64>($c).await?),
                    false => None,
                };
                Ok::<_, $crate::Error>((rows, total))
            }
        }
    }};
    (@within $page:ident, $id:expr, $query:expr) => {{
        let mut query = $query;
        if let Some(keys) = $page.keys() {
            query = query.filter($id.eq_any(keys));
        }
        let least = |moment| $crate::key::Key::from(paylent_domain::Id::<()>::least_at(moment));
        if let Some(since) = $page.since {
            query = query.filter($id.ge(least(since)));
        }
        if let Some(before) = $page.before {
            query = query.filter($id.lt(least(before)));
        }
        query
    }};
    (@named $page:ident, $name:expr, $query:expr) => {{
        let mut query = $query;
        for condition in &$page.name {
            query = match condition {
                $crate::NameIs::In(names) => query.filter($name.eq_any(names.clone())),
                $crate::NameIs::Not(name) => query.filter($name.ne(name.clone())),
                $crate::NameIs::Containing(part) => {
                    query.filter($crate::page::lower($name).like($crate::page::containing(part)).escape('\\'))
                }
            };
        }
        query
    }};
}
pub(crate) use page;

impl<T> Listed<T> {
    /// Rows as the database gave them, each turned into what it means.
    pub(crate) fn of<R>(
        (rows, total): (Vec<R>, Option<i64>),
        read: impl Fn(R) -> crate::Result<T>,
    ) -> crate::Result<Self> {
        Ok(Self { rows: rows.into_iter().map(read).collect::<Result<_, _>>()?, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ap_filter_a_searched_text_is_matched_literally() {
        assert_eq!(containing("50%_\\A"), "%50\\%\\_\\\\a%");
    }
}
