//! One page of a list, cut by key and not by counting rows: as cheap a million rows deep as at the start.

use crate::key::Key;

/// Which rows of a list to read. Lists are in the order of their ids, which is the order of creation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Page {
    /// How many rows at most.
    pub limit: i64,
    /// Only rows beyond this id, in reading direction.
    pub beyond: Option<[u8; 16]>,
    /// Rows to pass over.
    pub offset: i64,
    /// Read from the newest to the oldest.
    pub newest_first: bool,
    /// Count all rows that match, too.
    pub counted: bool,
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
    pub(crate) fn beyond(&self) -> Option<Key> {
        self.beyond.map(Key)
    }
}

/// Reads one page of a boxed query, keyed by `$id`, and counts it when asked. `$query` is built anew for each.
macro_rules! page {
    ($c:ident, $page:expr, $id:expr, $columns:expr, $query:expr) => {{
        let page = $page;
        let query = $query.select($columns).limit(page.limit).offset(page.offset);
        let query = match (page.beyond(), page.newest_first) {
            (Some(id), false) => query.filter($id.gt(id)),
            (Some(id), true) => query.filter($id.lt(id)),
            (None, _) => query,
        };
        let rows = match page.newest_first {
            false => query.order($id.asc()).load($c).await?,
            true => query.order($id.desc()).load($c).await?,
        };
        let total = match page.counted {
            true => Some($query.count().get_result::<i64>($c).await?),
            false => None,
        };
        Ok::<_, $crate::Error>((rows, total))
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
