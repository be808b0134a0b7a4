//! The `page` family of query parameters: keyset pages as in the cursor pagination profile
//! (<https://jsonapi.org/profiles/ethanresnick/cursor-pagination/>), and `limit`, `offset` and `count` of AshJsonApi.

use crate::cursor::{Cursor, Mac};
use crate::parameters::Parameter;
use crate::{Code, Error, Errors};

/// Rows on a page when the request does not say.
pub const DEFAULT_PAGE_SIZE: usize = 25;
/// Rows on a page, at most.
pub const MAX_PAGE_SIZE: usize = 100;
/// `page[offset]`, at most: skipping rows costs the database as much as reading them.
pub const MAX_OFFSET: usize = 10_000;

const MAX_SIZE_EXCEEDED: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded";
const RANGE_NOT_SUPPORTED: &str =
    "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/range-pagination-not-supported";

/// Which page of a collection is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows wanted: 1 to [`MAX_PAGE_SIZE`].
    pub size: usize,
    /// Where the page starts.
    pub start: Start,
    /// True if the total number of rows is wanted.
    pub count: bool,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the first row.
    First,
    /// With the row that follows this cursor.
    After(String),
    /// So that it ends with the row that comes before this cursor.
    Before(String),
    /// After skipping this many rows; at most [`MAX_OFFSET`].
    Offset(usize),
}

impl Default for Page {
    fn default() -> Self {
        Self { size: DEFAULT_PAGE_SIZE, start: Start::First, count: false }
    }
}

impl Page {
    /// The decoded cursor, if the page starts at one. `context` is the list's
    /// ([`Query::cursor_context`](crate::Query::cursor_context)). 400 `invalid_pagination` if it is not this list's.
    pub fn cursor(&self, context: &str, mac: &Mac<'_>) -> Result<Option<Cursor>, Error> {
        match &self.start {
            Start::After(text) => Cursor::decode(text, context, mac, "page[after]").map(Some),
            Start::Before(text) => Cursor::decode(text, context, mac, "page[before]").map(Some),
            Start::First | Start::Offset(_) => Ok(None),
        }
    }

    /// True if rows are to be read in the opposite of the list's order, starting at the cursor.
    pub fn backwards(&self) -> bool {
        matches!(self.start, Start::Before(_))
    }

    /// Rows to skip.
    pub fn offset(&self) -> usize {
        if let Start::Offset(offset) = self.start { offset } else { 0 }
    }

    /// Turns rows as read (up to `size + 1`, in reading direction) into the page (up to `size`, in the list's order),
    /// and says whether the one more row was there.
    pub fn trim<T>(&self, rows: &mut Vec<T>) -> bool {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        if self.backwards() {
            rows.reverse();
        }
        more
    }
}

/// The parameters of the family that a request gives.
#[derive(Debug, Default)]
pub(crate) struct PageParameters<'p> {
    size: Option<&'p Parameter>,
    limit: Option<&'p Parameter>,
    after: Option<&'p Parameter>,
    before: Option<&'p Parameter>,
    offset: Option<&'p Parameter>,
    count: Option<&'p Parameter>,
}

impl<'p> PageParameters<'p> {
    pub(crate) fn give(&mut self, parameter: &'p Parameter, keys: &[&str]) -> Result<(), Error> {
        let slot = match *keys {
            ["size"] => &mut self.size,
            ["limit"] => &mut self.limit,
            ["after"] => &mut self.after,
            ["before"] => &mut self.before,
            ["offset"] => &mut self.offset,
            ["count"] => &mut self.count,
            _ => return Err(invalid(parameter, "This page parameter is not supported.")),
        };
        *slot = Some(parameter);
        Ok(())
    }

    pub(crate) fn finish(self, errors: &mut Errors) -> Page {
        let mut page = Page::default();
        let results = [
            self.size().map(|size| page.size = size),
            self.start().map(|start| page.start = start),
            self.count().map(|count| page.count = count),
        ];
        errors.extend(results.into_iter().filter_map(Result::err));
        page
    }

    fn size(&self) -> Result<usize, Error> {
        let parameter = match (self.size, self.limit) {
            (Some(_), Some(limit)) => return Err(invalid(limit, "Give page[size] or page[limit], not both.")),
            (Some(parameter), None) | (None, Some(parameter)) => parameter,
            (None, None) => return Ok(DEFAULT_PAGE_SIZE),
        };
        match whole_number(&parameter.value) {
            Some(size @ 1..=MAX_PAGE_SIZE) => Ok(size),
            Some(0) | None => Err(invalid(parameter, "The page size must be a whole number, 1 or more.")),
            Some(_) => {
                let page = serde_json::json!({ "maxSize": MAX_PAGE_SIZE });
                let error = invalid(parameter, &format!("A page has at most {MAX_PAGE_SIZE} resources."));
                Err(error.kind(MAX_SIZE_EXCEEDED).meta("page", page))
            }
        }
    }

    fn start(&self) -> Result<Start, Error> {
        match (self.after, self.before, self.offset) {
            (None, None, None) => Ok(Start::First),
            (Some(after), None, None) => Ok(Start::After(after.value.clone())),
            (None, Some(before), None) => Ok(Start::Before(before.value.clone())),
            (None, None, Some(offset)) => match whole_number(&offset.value) {
                Some(rows) if rows <= MAX_OFFSET => Ok(Start::Offset(rows)),
                Some(_) => Err(invalid(offset, &format!("At most {MAX_OFFSET} rows can be skipped; use page[after]."))),
                None => Err(invalid(offset, "The offset must be a whole number.")),
            },
            (Some(_), Some(before), _) => {
                Err(invalid(before, "Give page[after] or page[before], not both.").kind(RANGE_NOT_SUPPORTED))
            }
            (_, _, Some(offset)) => Err(invalid(offset, "page[offset] does not go with a cursor.")),
        }
    }

    fn count(&self) -> Result<bool, Error> {
        match self.count {
            None => Ok(false),
            Some(parameter) => match parameter.value.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(invalid(parameter, "page[count] must be true or false.")),
            },
        }
    }
}

/// ASCII digits only; a number that does not fit is as good as the largest that does.
fn whole_number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

fn invalid(parameter: &Parameter, detail: &str) -> Error {
    parameter.error(Code::INVALID_PAGINATION, detail)
}
