//! Resource objects of answers.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};
use serde_json::{Map, Value};

use crate::{Fieldsets, Linkage};

/// A resource object under construction.
///
/// ```
/// use paylent_jsonapi::{Linkage, Resource};
/// let user = Resource::new("user", "7")
///     .url("https://auth.example/api/users/7")
///     .attribute("email", "a@b.c")
///     .attribute("name", None::<String>)
///     .relationship("roles")
///     .linkage("organization", Linkage::one("organization", Some("3")));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    kind: &'static str,
    id: String,
    url: Option<String>,
    attributes: Vec<(&'static str, Value)>,
    relationships: Vec<(&'static str, Option<Linkage>)>,
    cursor: Option<String>,
    meta: Map<String, Value>,
}

impl Resource {
    /// A resource with type and id only.
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            url: None,
            attributes: Vec::new(),
            relationships: Vec::new(),
            cursor: None,
            meta: Map::new(),
        }
    }

    /// Sets `links.self`; the links of the relationships are made from it (`{url}/relationships/{name}` and
    /// `{url}/{name}`).
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Adds a relationship that shows links only.
    #[must_use]
    pub fn relationship(mut self, name: &'static str) -> Self {
        self.relationships.push((name, None));
        self
    }

    /// Adds a relationship with its data: needed wherever related resources are included.
    #[must_use]
    pub fn linkage(mut self, name: &'static str, linkage: Linkage) -> Self {
        self.relationships.push((name, Some(linkage)));
        self
    }

    /// Sets `meta.page.cursor`; the links of a page are made from the cursors of its first and last rows.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }

    /// Adds one member to `meta`.
    #[must_use]
    pub fn meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn identity(&self) -> (&'static str, &str) {
        (self.kind, &self.id)
    }

    pub(crate) fn cursor_text(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    pub(crate) fn self_link(&self) -> Option<&str> {
        self.url.as_deref()
    }
}

/// A resource as the request's sparse fieldsets show it.
pub(crate) struct Shown<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) fields: &'a Fieldsets,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Resource { kind, id, url, attributes, relationships, cursor, meta } = self.resource;
        let fields = self.fields.of(kind);
        let attributes = Attributes { attributes, fields };
        let relationships = Relationships { relationships, fields, url: url.as_deref() };
        let mut object = serializer.serialize_struct("Resource", 6)?;
        object.serialize_field("type", kind)?;
        object.serialize_field("id", id)?;
        if attributes.shown().next().is_some() {
            object.serialize_field("attributes", &attributes)?;
        }
        if relationships.shown().next().is_some() {
            object.serialize_field("relationships", &relationships)?;
        }
        if let Some(url) = url {
            object.serialize_field("links", &SelfLink { url })?;
        }
        if cursor.is_some() || !meta.is_empty() {
            let page = cursor.as_deref().map(|cursor| PageMeta { cursor });
            object.serialize_field("meta", &Meta { page, rest: meta })?;
        }
        object.end()
    }
}

fn shows(fields: Option<&[&'static str]>, name: &str) -> bool {
    fields.is_none_or(|fields| fields.contains(&name))
}

struct Attributes<'a> {
    attributes: &'a [(&'static str, Value)],
    fields: Option<&'a [&'static str]>,
}

impl<'a> Attributes<'a> {
    fn shown(&self) -> impl Iterator<Item = (&'static str, &'a Value)> {
        let fields = self.fields;
        let shown = self.attributes.iter().filter(move |(name, _)| shows(fields, name));
        shown.map(|(name, value)| (*name, value))
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown())
    }
}

struct Relationships<'a> {
    relationships: &'a [(&'static str, Option<Linkage>)],
    fields: Option<&'a [&'static str]>,
    url: Option<&'a str>,
}

impl<'a> Relationships<'a> {
    /// A relationship object needs links or data: without either it stays out.
    fn shown(&self) -> impl Iterator<Item = Relationship<'a>> {
        let (fields, url) = (self.fields, self.url);
        let shown = self
            .relationships
            .iter()
            .filter(move |(name, data)| shows(fields, name) && (url.is_some() || data.is_some()));
        shown.map(move |(name, data)| Relationship { name, url, data: data.as_ref() })
    }
}

impl Serialize for Relationships<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for relationship in self.shown() {
            map.serialize_entry(relationship.name, &relationship)?;
        }
        map.end()
    }
}

struct Relationship<'a> {
    name: &'static str,
    url: Option<&'a str>,
    data: Option<&'a Linkage>,
}

impl Serialize for Relationship<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Links {
            #[serde(rename = "self")]
            itself: String,
            related: String,
        }
        let mut object = serializer.serialize_struct("Relationship", 2)?;
        if let Some(url) = self.url {
            let name = self.name;
            let links = Links { itself: format!("{url}/relationships/{name}"), related: format!("{url}/{name}") };
            object.serialize_field("links", &links)?;
        }
        if let Some(data) = self.data {
            object.serialize_field("data", data)?;
        }
        object.end()
    }
}

#[derive(Serialize)]
struct SelfLink<'a> {
    #[serde(rename = "self")]
    url: &'a str,
}

#[derive(Serialize)]
struct PageMeta<'a> {
    cursor: &'a str,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<PageMeta<'a>>,
    #[serde(flatten)]
    rest: &'a Map<String, Value>,
}
