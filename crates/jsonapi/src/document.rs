//! Answer documents (JSON:API 1.1, "Document Structure").

use std::collections::HashSet;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::{Map, Value, json};

use crate::page::{Page, Start};
use crate::pagination::{Extent, PageLinks};
use crate::resource::Shown;
use crate::{Fieldsets, Identifier, Linkage, Query, Resource};

/// A whole answer, to be serialised as [`MEDIA_TYPE`](crate::media_type::MEDIA_TYPE). Errors have their own document:
/// [`Errors`](crate::Errors).
///
/// `url` is always the URL of the request with its query string: it becomes `links.self`.
#[derive(Debug)]
pub struct Document {
    data: Data,
    links: Vec<(&'static str, Option<String>)>,
    included: Option<Vec<Resource>>,
    meta: Map<String, Value>,
    fields: Fieldsets,
}

#[derive(Debug)]
enum Data {
    /// The document has no primary data, only meta.
    Nothing,
    One(Option<Box<Resource>>),
    Many(Vec<Resource>),
    Linkage(Linkage),
}

impl Document {
    fn new(url: Option<String>, data: Data) -> Self {
        let links = url.map(|url| ("self", Some(url))).into_iter().collect();
        Self { data, links, included: None, meta: Map::new(), fields: Fieldsets::default() }
    }

    /// One resource, or null: a to-one relationship may lead nowhere.
    pub fn resource(url: impl Into<String>, resource: impl Into<Option<Resource>>) -> Self {
        Self::new(Some(url.into()), Data::One(resource.into().map(Box::new)))
    }

    /// A list without pages.
    pub fn collection(url: impl Into<String>, resources: Vec<Resource>) -> Self {
        Self::new(Some(url.into()), Data::Many(resources))
    }

    /// One page of a list: `rows` and `more` as [`Page::trim`] gives them, `total` if it was counted. Adds the
    /// pagination links (from the rows' [cursors](Resource::cursor)), `meta.page` and `meta.total`.
    pub fn page(url: impl Into<String>, rows: Vec<Resource>, page: &Page, more: bool, total: Option<u64>) -> Self {
        let url = url.into();
        let first = rows.first().and_then(Resource::cursor_text);
        let last = rows.last().and_then(Resource::cursor_text);
        let links = PageLinks::new(&url, page, &Extent { more, first, last, total });
        let mut document = Self::collection(url, rows);
        document.links.extend([
            ("first", Some(links.first)),
            ("prev", links.prev),
            ("next", links.next),
            ("last", links.last),
        ]);
        let mut meta = json!({ "size": page.size, "limit": page.size });
        if let Start::Offset(offset) = page.start {
            meta["offset"] = offset.into();
        }
        if let Some(total) = total {
            meta["total"] = total.into();
            document = document.meta("total", total);
        }
        document.meta("page", meta)
    }

    /// The same list as linkage: the answer of a to-many relationship URL.
    #[must_use]
    pub fn identifiers_only(mut self) -> Self {
        if let Data::Many(resources) = &self.data {
            let identities = resources.iter().map(Resource::identity);
            let identifiers = identities.map(|(kind, id)| Identifier::new(kind, id)).collect();
            self.data = Data::Linkage(Linkage::Many(identifiers));
        }
        self
    }

    /// The answer of a to-one relationship URL: an identifier or null.
    pub fn linkage(url: impl Into<String>, linkage: Linkage) -> Self {
        Self::new(Some(url.into()), Data::Linkage(linkage))
    }

    /// No data, only meta: the answer to a deletion. Add members with [`Document::meta`].
    pub fn meta_only() -> Self {
        Self::new(None, Data::Nothing)
    }

    /// Applies what the query asks of any document: the sparse fieldsets, and `included` if `include` was given, even
    /// if it is empty. `included` may hold resources more than once and primary data; each is written once.
    #[must_use]
    pub fn shaped(mut self, query: &Query, included: Vec<Resource>) -> Self {
        self.fields = query.fields.clone();
        self.included = query.include.is_some().then(|| self.without_repetitions(included));
        self
    }

    /// Adds a member to the top-level `links`, such as `describedby` or `related`.
    #[must_use]
    pub fn link(mut self, name: &'static str, url: impl Into<String>) -> Self {
        self.links.push((name, Some(url.into())));
        self
    }

    /// Adds one member to the top-level `meta`.
    #[must_use]
    pub fn meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// `links.self` of the primary resource: the `Location` of a 201 answer.
    pub fn location(&self) -> Option<&str> {
        if let Data::One(Some(resource)) = &self.data { resource.self_link() } else { None }
    }

    fn without_repetitions(&self, included: Vec<Resource>) -> Vec<Resource> {
        let primary = match &self.data {
            Data::One(Some(resource)) => std::slice::from_ref(resource.as_ref()),
            Data::Many(resources) => resources.as_slice(),
            Data::One(None) | Data::Nothing | Data::Linkage(_) => &[],
        };
        let mut seen: HashSet<_> = primary.iter().map(Resource::identity).collect();
        let first: Vec<bool> = included.iter().map(|resource| seen.insert(resource.identity())).collect();
        included.into_iter().zip(first).filter_map(|(resource, first)| first.then_some(resource)).collect()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = &self.fields;
        let mut document = serializer.serialize_struct("Document", 5)?;
        document.serialize_field("jsonapi", &VERSION)?;
        match &self.data {
            Data::Nothing => {}
            Data::One(resource) => {
                let shown = resource.as_deref().map(|resource| Shown { resource, fields });
                document.serialize_field("data", &shown)?;
            }
            Data::Many(resources) => document.serialize_field("data", &List { resources, fields })?,
            Data::Linkage(linkage) => document.serialize_field("data", linkage)?,
        }
        if let Some(resources) = &self.included {
            document.serialize_field("included", &List { resources, fields })?;
        }
        if !self.links.is_empty() {
            document.serialize_field("links", &Links(&self.links))?;
        }
        if !self.meta.is_empty() || matches!(self.data, Data::Nothing) {
            document.serialize_field("meta", &self.meta)?;
        }
        document.end()
    }
}

/// The top-level member `jsonapi`.
#[derive(Serialize)]
pub(crate) struct Version {
    version: &'static str,
}

/// What we speak. No `profile`: naming one here would oblige `Content-Type` to name it too.
pub(crate) const VERSION: Version = Version { version: "1.1" };

struct List<'a> {
    resources: &'a [Resource],
    fields: &'a Fieldsets,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.resources.len()))?;
        for resource in self.resources {
            list.serialize_element(&Shown { resource, fields: self.fields })?;
        }
        list.end()
    }
}

struct Links<'a>(&'a [(&'static str, Option<String>)]);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, url) in self.0 {
            map.serialize_entry(name, url)?;
        }
        map.end()
    }
}
