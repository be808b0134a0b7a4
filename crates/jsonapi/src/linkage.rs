//! Resource linkage: how documents of both directions name other resources.

use std::borrow::Cow;

use serde::Serialize;

/// A resource identifier object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Identifier {
    /// The member `type`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The member `id`.
    pub id: String,
}

impl Identifier {
    /// Names the resource `id` of type `kind`.
    pub fn new(kind: impl Into<Cow<'static, str>>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

/// The `data` of a relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Linkage {
    /// To-one: an identifier, or null.
    One(Option<Identifier>),
    /// To-many: identifiers, perhaps none.
    Many(Vec<Identifier>),
}

impl Linkage {
    /// To-one linkage to `id`, or null.
    pub fn one(kind: &'static str, id: Option<impl Into<String>>) -> Self {
        Self::One(id.map(|id| Identifier::new(kind, id)))
    }

    /// To-many linkage to `ids`, all of one type.
    pub fn many<I: Into<String>>(kind: &'static str, ids: impl IntoIterator<Item = I>) -> Self {
        Self::Many(ids.into_iter().map(|id| Identifier::new(kind, id)).collect())
    }
}
