//! Links to the neighbours of a page.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::page::{MAX_OFFSET, Page, Start};
use crate::parameters::decode;

/// The four pagination links; all are always written, null when there is no such page.
#[derive(Debug)]
pub(crate) struct PageLinks {
    pub(crate) first: String,
    pub(crate) prev: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) last: Option<String>,
}

/// What was read of a page: is there more in the direction of reading, and the cursors of its outermost rows.
#[derive(Debug, Default)]
pub(crate) struct Extent<'a> {
    pub(crate) more: bool,
    pub(crate) first: Option<&'a str>,
    pub(crate) last: Option<&'a str>,
    pub(crate) total: Option<u64>,
}

impl PageLinks {
    /// Links from the page at `url`, keeping every parameter except where the page starts.
    pub(crate) fn new(url: &str, page: &Page, extent: &Extent<'_>) -> Self {
        let (prev, next) = match page.start {
            Start::First => (None, after(extent).filter(|_| extent.more)),
            Start::After(_) => (before(extent), after(extent).filter(|_| extent.more)),
            Start::Before(_) => (before(extent).filter(|_| extent.more), after(extent)),
            Start::Offset(offset) => {
                let next = Some(offset + page.size).filter(|next| extent.more && *next <= MAX_OFFSET);
                let prev = (offset > 0).then(|| offset.saturating_sub(page.size));
                (prev.map(Start::Offset), next.map(Start::Offset))
            }
        };
        let last = extent.total.and_then(|total| last_offset(page, total));
        let link = |start: Option<Start>| start.map(|start| starting_at(url, &start));
        Self { first: starting_at(url, &Start::First), prev: link(prev), next: link(next), last: link(last) }
    }
}

fn after(extent: &Extent<'_>) -> Option<Start> {
    extent.last.map(|cursor| Start::After(cursor.to_owned()))
}

fn before(extent: &Extent<'_>) -> Option<Start> {
    extent.first.map(|cursor| Start::Before(cursor.to_owned()))
}

/// The last page is known only to a client that counts rows, and only while offsets reach it.
fn last_offset(page: &Page, total: u64) -> Option<Start> {
    let Start::Offset(_) = page.start else { return None };
    let size = page.size as u64;
    let offset = usize::try_from(total.saturating_sub(1) / size * size).ok()?;
    (offset <= MAX_OFFSET).then_some(Start::Offset(offset))
}

/// `url` with its start replaced; the other parameters stay byte for byte.
fn starting_at(url: &str, start: &Start) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_start(pair)).collect();
    let start = match start {
        Start::First => None,
        Start::After(cursor) => Some(format!("page%5Bafter%5D={}", encoded(cursor))),
        Start::Before(cursor) => Some(format!("page%5Bbefore%5D={}", encoded(cursor))),
        Start::Offset(offset) => Some(format!("page%5Boffset%5D={offset}")),
    };
    parameters.extend(start.as_deref());
    if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) }
}

fn is_start(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    matches!(decode(name).as_deref(), Some("page[after]" | "page[before]" | "page[offset]"))
}

fn encoded(cursor: &str) -> String {
    const KEEP: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(cursor, KEEP).to_string()
}
