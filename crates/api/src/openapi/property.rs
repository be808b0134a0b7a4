//! What the description says of the attributes and relationships of a resource type.

use serde_json::Value;
use utoipa::openapi::{
    Schema,
    schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, SchemaFormat, SchemaType, Type},
};

use crate::entity::Entity;

/// An entity with words for its description.
pub(crate) trait Documented: Entity {
    /// What it is, in a sentence.
    const ABOUT: &'static str;
    /// The last segment of the path of each verb, and what it does.
    const VERBS: &'static [(&'static str, &'static str)] = &[];

    /// Every attribute: those that answers show first, in the order of the schema.
    fn properties() -> Vec<Property>;

    /// Every relationship, in the order of the schema.
    fn relations() -> Vec<Relation> {
        Vec::new()
    }

    /// What the document's `meta` tells when one was made.
    fn meta() -> Vec<Property> {
        Vec::new()
    }

    /// What the `meta` of a document that asks for this verb may say.
    fn asked(_verb: &str) -> Vec<Property> {
        Vec::new()
    }
}

/// Whether a document of a request holds a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It would be refused.
    Never,
    /// As the caller likes.
    Maybe,
    /// It must.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Null {
    Never,
    /// Answers can show null, but nobody may send it.
    Shown,
    Always,
}

/// One attribute. As it is made, answers show it and requests do not hold it.
pub(crate) struct Property {
    pub name: &'static str,
    pub example: Value,
    /// Whether answers show it.
    pub shown: bool,
    /// Whether a document that creates holds it.
    pub create: Given,
    /// Whether a document that updates may hold it.
    pub update: bool,
    /// Whether it takes the place of another attribute, which the example documents give.
    pub alternative: bool,
    schema: Schema,
    null: Null,
}

impl Property {
    pub(crate) fn new(
        name: &'static str,
        description: &'static str,
        schema: impl Into<Schema>,
        example: impl Into<Value>,
    ) -> Self {
        let (mut schema, example) = (schema.into(), example.into());
        let (words, examples) = (Some(description.to_owned()), vec![example.clone()]);
        match &mut schema {
            Schema::Object(object) => (object.description, object.examples) = (words, examples),
            Schema::Array(array) => (array.description, array.examples) = (words, examples),
            Schema::AnyOf(any) => (any.description, any.examples) = (words, examples),
            _ => {}
        }
        let (create, null) = (Given::Never, Null::Never);
        Self { name, example, shown: true, create, update: false, alternative: false, schema, null }
    }

    /// When it was made: every resource has it.
    pub(crate) fn created_at() -> Self {
        Self::new("created_at", "When it was made.", moment(), EXAMPLE_MOMENT)
    }

    /// When it last changed.
    pub(crate) fn updated_at() -> Self {
        Self::new("updated_at", "When it last changed.", moment(), EXAMPLE_MOMENT)
    }

    /// It must be given to create.
    pub(crate) fn required(self) -> Self {
        Self { create: Given::Always, ..self }
    }

    /// It can be given to create.
    pub(crate) fn optional(self) -> Self {
        Self { create: Given::Maybe, ..self }
    }

    /// It can be changed.
    pub(crate) fn changeable(self) -> Self {
        Self { update: true, ..self }
    }

    /// No answer shows it.
    pub(crate) fn never_shown(self) -> Self {
        Self { shown: false, ..self }
    }

    /// It takes the place of another attribute.
    pub(crate) fn instead(self) -> Self {
        Self { alternative: true, ..self }
    }

    /// It can be null, also when it is given.
    pub(crate) fn nullable(self) -> Self {
        Self { null: Null::Always, ..self }
    }

    /// It can be null, but not be given so.
    pub(crate) fn null_if_unknown(self) -> Self {
        Self { null: Null::Shown, ..self }
    }

    /// The example documents show null, because another attribute of theirs excludes it.
    pub(crate) fn null_in_documents(self) -> Self {
        Self { example: Value::Null, ..self }
    }

    /// Its schema in requests.
    pub(super) fn given_schema(&self) -> Schema {
        if self.null == Null::Always { or_null(self.schema.clone()) } else { self.schema.clone() }
    }

    /// Its schema in answers.
    pub(super) fn shown_schema(&self) -> Schema {
        if self.null == Null::Never { self.schema.clone() } else { or_null(self.schema.clone()) }
    }

    /// Its schema without what makes it nullable.
    pub(super) fn value_schema(&self) -> &Schema {
        &self.schema
    }
}

/// One relationship. As it is made, no request holds it.
pub(crate) struct Relation {
    pub name: &'static str,
    /// The type at the other end.
    pub kind: &'static str,
    /// Whether there can be any number of them.
    pub many: bool,
    /// Whether a document that creates holds it.
    pub create: Given,
    pub description: &'static str,
}

impl Relation {
    pub(crate) const fn to_one(name: &'static str, kind: &'static str, description: &'static str) -> Self {
        Self { name, kind, many: false, create: Given::Never, description }
    }

    pub(crate) const fn to_many(name: &'static str, kind: &'static str, description: &'static str) -> Self {
        Self { name, kind, many: true, create: Given::Never, description }
    }

    /// It must be given to create.
    pub(crate) const fn required(self) -> Self {
        Self { create: Given::Always, ..self }
    }

    /// It can be given to create.
    pub(crate) const fn optional(self) -> Self {
        Self { create: Given::Maybe, ..self }
    }
}

/// The moment of all examples.
pub(super) const EXAMPLE_MOMENT: &str = "2026-11-22T10:00:00.000000Z";

/// Characters that no line of text may hold (`paylent_domain::text`), for a regular expression (ECMA-262).
const UNSAFE: &str = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff";
/// The other characters that are white space.
const SPACES: &str = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000";

pub(crate) fn typed(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// Any text.
pub(crate) fn text() -> ObjectBuilder {
    typed(Type::String)
}

/// A text of a known form.
pub(crate) fn formatted(format: &str) -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom(format.to_owned())))
}

/// A line of 1 to `max` characters, not only spaces.
pub(crate) fn line(max: usize) -> ObjectBuilder {
    let pattern = format!("^[^{UNSAFE}]*[^{UNSAFE}{SPACES}][^{UNSAFE}]*$");
    text().min_length(Some(1)).max_length(Some(max)).pattern(Some(pattern))
}

/// A line of at most `max` characters.
pub(crate) fn optional_line(max: usize) -> ObjectBuilder {
    text().max_length(Some(max)).pattern(Some(format!("^[^{UNSAFE}]*$")))
}

/// An e-mail address. It may hold letters of any script.
pub(crate) fn email() -> ObjectBuilder {
    formatted("idn-email").max_length(Some(254))
}

/// A moment.
pub(crate) fn moment() -> ObjectBuilder {
    formatted("date-time")
}

/// An id.
pub(crate) fn id() -> ObjectBuilder {
    formatted("uuid")
}

/// True or false.
pub(crate) fn flag() -> ObjectBuilder {
    typed(Type::Boolean)
}

/// One of these words.
pub(crate) fn word(words: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(words.iter().copied()))
}

/// A whole number.
pub(crate) fn integer(least: i32, most: Option<i32>) -> ObjectBuilder {
    typed(Type::Integer).minimum(Some(least)).maximum(most)
}

/// The address of a machine: IPv4 or IPv6.
pub(crate) fn ip_address() -> AnyOfBuilder {
    AnyOfBuilder::new().item(formatted("ipv4")).item(formatted("ipv6"))
}

/// A list of at most `max` items, none of them twice.
pub(crate) fn set(items: ObjectBuilder, max: usize) -> ArrayBuilder {
    ArrayBuilder::new().items(items).max_items(Some(max)).unique_items(true)
}

/// The schema of null.
pub(super) fn null() -> ObjectBuilder {
    typed(Type::Null)
}

/// The schema, or null.
pub(crate) fn or_null(schema: Schema) -> Schema {
    match schema {
        Schema::Object(mut object) => {
            object.schema_type = with_null(object.schema_type);
            object.enum_values.iter_mut().for_each(|values| values.push(Value::Null));
            Schema::Object(object)
        }
        Schema::Array(mut array) => {
            array.schema_type = with_null(array.schema_type);
            Schema::Array(array)
        }
        Schema::AnyOf(mut any) => {
            any.items.push(null().into());
            Schema::AnyOf(any)
        }
        other => AnyOfBuilder::new().item(other).item(null()).into(),
    }
}

fn with_null(kind: SchemaType) -> SchemaType {
    match kind {
        SchemaType::Type(kind) => [kind, Type::Null].into_iter().collect(),
        other => other,
    }
}
