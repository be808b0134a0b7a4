//! What a resource type offers to readers, as static data.

use std::fmt;

/// Names that query parameters may use for one resource type. Anything not listed is refused with 400.
///
/// ```
/// use paylent_jsonapi::{FilterField, Operator, Schema};
/// static USER: Schema = Schema {
///     kind: "user",
///     attributes: &["email", "name", "created_at"],
///     relationships: &["organization", "roles"],
///     includes: &["organization", "roles", "roles.permissions"],
///     sorts: &["id", "email", "created_at"],
///     filters: &[FilterField { name: "id", operators: &[Operator::Eq, Operator::In] }],
///     others: &[],
/// };
/// ```
#[derive(Debug)]
pub struct Schema {
    /// The resource type.
    pub kind: &'static str,
    /// Attributes that answers show.
    pub attributes: &'static [&'static str],
    /// Relationships that answers show.
    pub relationships: &'static [&'static str],
    /// Dotted paths that `include` accepts. A path does not imply its prefixes.
    pub includes: &'static [&'static str],
    /// Fields that `sort` accepts.
    pub sorts: &'static [&'static str],
    /// Fields that `filter` accepts.
    pub filters: &'static [FilterField],
    /// Types that can be included, so that `fields[type]` accepts them. Statics may refer to each other.
    pub others: &'static [&'static Schema],
}

/// A field that `filter` accepts.
#[derive(Debug)]
pub struct FilterField {
    /// Attribute, relationship, or dotted path such as `role.name`.
    pub name: &'static str,
    /// Operators it accepts. With `In`, a value with commas and without an operator is a list.
    pub operators: &'static [Operator],
}

/// What a filter compares; written as in AshJsonApi, `filter[name][operator]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`, and the one meant when none is written.
    Eq,
    /// `not_eq`
    NotEq,
    /// `in`: a list separated by commas.
    In,
    /// `gt`
    Gt,
    /// `gte`
    Gte,
    /// `lt`
    Lt,
    /// `lte`
    Lte,
    /// `contains`
    Contains,
    /// `is_nil`: `true` or `false`.
    IsNil,
}

impl Operator {
    const ALL: [Self; 9] =
        [Self::Eq, Self::NotEq, Self::In, Self::Gt, Self::Gte, Self::Lt, Self::Lte, Self::Contains, Self::IsNil];

    /// The word used in query parameters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::NotEq => "not_eq",
            Self::In => "in",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Contains => "contains",
            Self::IsNil => "is_nil",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.word() == word)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Schema {
    /// This schema or one of the others, by type.
    pub(crate) fn of_kind(&self, kind: &str) -> Option<&Schema> {
        if self.kind == kind {
            return Some(self);
        }
        self.others.iter().find(|other| other.kind == kind).copied()
    }

    /// The static name of an attribute or a relationship.
    pub(crate) fn field(&self, name: &str) -> Option<&'static str> {
        listed(self.attributes, name).or_else(|| listed(self.relationships, name))
    }
}

/// The static twin of `name`, if it is listed.
pub(crate) fn listed(names: &'static [&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}
