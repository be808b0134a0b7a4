//! The parameters of operations, read off the schema that checks them.

use paylent_jsonapi::{FilterField, MAX_OFFSET, MAX_PAGE_SIZE, Operator, Schema as Offered};
use serde_json::Value;
use utoipa::openapi::{
    Ref, RefOr, Required, Schema, SchemaFormat,
    path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
    schema::{ArrayBuilder, Object, ObjectBuilder, SchemaType, Type},
};

use super::{
    Parts, examples,
    names::{a, pascal, spaced},
    property::{Documented, Property, flag, id, integer, moment, text, word},
};

/// Bytes of one filter value, at most.
const MAX_VALUE: usize = 1_024;

fn parameter(
    place: ParameterIn,
    name: impl Into<String>,
    description: impl Into<String>,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(description))
        .required(Required::False)
        .schema(Some(schema))
}

fn query(name: impl Into<String>, description: impl Into<String>, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, description, schema).build()
}

/// A list separated by commas.
fn listed(name: impl Into<String>, description: impl Into<String>, list: impl Into<RefOr<Schema>>) -> Parameter {
    let parameter = parameter(ParameterIn::Query, name, description, list);
    parameter.style(Some(ParameterStyle::Form)).explode(Some(false)).build()
}

/// Adds a list of some of these words.
fn some_of(parts: &mut Parts, name: String, words: &[&str], unique: bool) -> Ref {
    let list = ArrayBuilder::new().items(word(words));
    parts.add(&name, || if unique { list.unique_items(true) } else { list })
}

/// The id in the path.
pub(super) fn path_id(kind: &str) -> Parameter {
    let description = format!("The id of {}.", a(kind));
    let parameter = parameter(ParameterIn::Path, "id", description, id()).required(Required::True);
    parameter.example(Some(Value::from(examples::id(kind)))).build()
}

/// `If-Match` (RFC 9110 section 13.1.1).
pub(super) fn if_match() -> Parameter {
    let description = "Does it only if the resource still has this `ETag`; otherwise 412.";
    let tag = r#"(W/)?"[!#-+\--~]*""#;
    let schema = text().pattern(Some(format!(r"^(\*|{tag}( *, *{tag})*)$")));
    parameter(ParameterIn::Header, "If-Match", description, schema).build()
}

/// `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
pub(super) fn idempotency_key() -> Parameter {
    let description = "The same request with the same key gets the same answer for 24 hours, without its secret, and \
                       nothing is made twice.";
    let schema = text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$"));
    parameter(ParameterIn::Header, "Idempotency-Key", description, schema).build()
}

/// `include` and `fields[type]`.
pub(super) fn shape(parts: &mut Parts, offered: &Offered) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    if !offered.includes.is_empty() {
        let description = "Related resources to add to the answer. Takes the right to read them.";
        let paths = some_of(parts, format!("{}Includes", pascal(offered.kind)), offered.includes, false);
        parameters.push(listed("include", description, paths));
    }
    for shown in std::iter::once(offered).chain(offered.others.iter().copied()) {
        let description = format!("Which attributes and relationships to show of {}.", a(shown.kind));
        let fields = [shown.attributes, shown.relationships].concat();
        let fields = some_of(parts, format!("{}Fields", pascal(shown.kind)), &fields, false);
        parameters.push(listed(format!("fields[{}]", shown.kind), description, fields));
    }
    parameters
}

/// `sort`, `filter[...]` and `page[...]` of a list of `E`.
pub(super) fn selection<E: Documented>(parts: &mut Parts) -> Vec<Parameter> {
    let keys: Vec<String> = E::SCHEMA.sorts.iter().flat_map(|key| [(*key).to_owned(), format!("-{key}")]).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let keys = some_of(parts, format!("{}SortKeys", pascal(E::SCHEMA.kind)), &keys, true);
    let sort = listed("sort", "The order; `-` turns it round. Without it, what was made first comes first.", keys);
    let properties = E::properties();
    let filters = E::SCHEMA.filters.iter().flat_map(|field| filters(field, &properties));
    std::iter::once(sort).chain(filters).chain(page()).collect()
}

fn filters(field: &'static FilterField, properties: &[Property]) -> impl Iterator<Item = Parameter> {
    let name = field.name;
    let values = values(name, properties);
    field.operators.iter().map(move |operator| {
        let words = spaced(name).replace('.', " ");
        let one = || values.clone();
        let many = || ArrayBuilder::new().items(non_empty(values.clone())).min_items(Some(1)).max_items(Some(100));
        match operator {
            Operator::Eq => {
                let is_list = field.operators.contains(&Operator::In);
                let value = if is_list { full_items(one()) } else { one() };
                query(format!("filter[{name}]"), format!("Only with this {words}."), value)
            }
            Operator::In => {
                listed(format!("filter[{name}][in]"), format!("Only with one of these as {words}."), many())
            }
            Operator::IsNil => {
                query(format!("filter[{name}][is_nil]"), format!("Only without {words}, or only with one."), flag())
            }
            Operator::Contains => {
                let description = format!("Only with this text in the {words}, in any case of letters.");
                query(format!("filter[{name}][contains]"), description, text().max_length(Some(MAX_VALUE)))
            }
            other => {
                query(format!("filter[{name}][{other}]"), format!("Only where the {words} {}.", than(*other)), one())
            }
        }
    })
}

fn than(operator: Operator) -> &'static str {
    match operator {
        Operator::NotEq => "is another one",
        Operator::Gt => "is after this",
        Operator::Gte => "is this or after it",
        Operator::Lt => "is before this",
        Operator::Lte => "is this or before it",
        _ => "is this",
    }
}

/// The values of a field: those of the attribute of this name, or ids. What cannot be a value matches nothing.
fn values(name: &str, properties: &[Property]) -> Object {
    let attribute = properties.iter().find(|property| property.name == name).map(Property::value_schema);
    let text = || text().max_length(Some(MAX_VALUE));
    let values = match attribute {
        Some(Schema::Object(object)) if object.schema_type == SchemaType::new(Type::Boolean) => flag(),
        Some(Schema::Object(object)) if object.schema_type == SchemaType::new(Type::String) => {
            match (&object.enum_values, &object.format) {
                (Some(words), _) => ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.clone())),
                (None, Some(SchemaFormat::Custom(format))) if format == "date-time" => moment(),
                _ => text(),
            }
        }
        None if name.contains('.') => text(),
        _ => id(),
    };
    values.build()
}

/// A text that is a list when it has commas, and then has no empty items.
fn full_items(mut values: Object) -> Object {
    if values.max_length.is_some() {
        values.pattern = Some("^([^,]+(,[^,]+)*)?$".to_owned());
    }
    values
}

/// Lists have no empty items.
fn non_empty(mut values: Object) -> Object {
    if values.max_length.is_some() {
        (values.min_length, values.pattern) = (Some(1), Some("^[^,]+$".to_owned()));
    }
    values
}

fn page() -> [Parameter; 6] {
    let most = i32::try_from(MAX_PAGE_SIZE).ok();
    let offset = integer(0, i32::try_from(MAX_OFFSET).ok());
    let both = "Resources on the page; 25 if not given. `page[size]` and `page[limit]` are the same: give one.";
    [
        query("page[size]", both, integer(1, most)),
        query("page[limit]", both, integer(1, most)),
        query("page[after]", "The page that follows this cursor. Take cursors from `links`.", text()),
        query("page[before]", "The page that comes before this cursor.", text()),
        query("page[offset]", "Skips so many resources. Does not go with a cursor.", offset),
        query("page[count]", "Whether to count all resources, for `meta.page.total`.", flag()),
    ]
}
