//! Example documents, put together from the examples of the properties, so that the two cannot contradict each other.

use paylent_jsonapi::Code;
use serde_json::{Map, Value, json};

use super::property::{Documented, Given, Property, Relation};

/// The address of the environment of all examples.
const BASE: &str = "https://acme.example.com";

/// The id that examples give the resource of a type: always the same one.
pub(super) fn id(kind: &str) -> String {
    let digest = kind.bytes().fold(0_u64, |digest, byte| digest.wrapping_mul(31).wrapping_add(byte.into()));
    format!("019aaaa0-7d80-7000-8000-{:012x}", digest & 0xffff_ffff_ffff)
}

/// The URL of what is at this path under `/api`, as a pattern, in the example of a `kind`.
pub(super) fn url(path: &str, kind: &str) -> String {
    format!("{BASE}/api{}", path.replace("{id}", &id(kind)))
}

fn url_of<E: Documented>() -> String {
    let path = E::MANAGED.path();
    url(&if E::SINGLE { format!("/{path}") } else { format!("/{path}/{{id}}") }, E::SCHEMA.kind)
}

fn identifier(kind: &str) -> Value {
    json!({"type": kind, "id": id(kind)})
}

fn resource<E: Documented>() -> Value {
    let url = url_of::<E>();
    let attributes = E::properties().into_iter().filter(|property| property.shown);
    let attributes = attributes.map(|property| (property.name.to_owned(), property.example)).collect::<Map<_, _>>();
    let mut resource = identifier(E::SCHEMA.kind);
    resource["attributes"] = attributes.into();
    let relationships: Map<String, Value> = E::relations()
        .iter()
        .map(|Relation { name, kind, many, .. }| {
            let mut shown = json!({
                "links": {"self": format!("{url}/relationships/{name}"), "related": format!("{url}/{name}")}
            });
            if !many {
                shown["data"] = identifier(kind);
            }
            ((*name).to_owned(), shown)
        })
        .collect();
    if !relationships.is_empty() {
        resource["relationships"] = relationships.into();
    }
    resource["links"] = json!({"self": url});
    resource
}

fn document(url: &str, data: Value) -> Value {
    let described = format!("{BASE}/api/openapi.json");
    json!({"jsonapi": {"version": "1.1"}, "data": data, "links": {"self": url, "describedby": described}})
}

/// The document that shows one `E` at this URL.
pub(super) fn single<E: Documented>(url: &str) -> Value {
    document(url, resource::<E>())
}

/// The document that shows an `E` just made, or one with a new secret.
pub(super) fn made<E: Documented>() -> Value {
    let mut document = single::<E>(&url_of::<E>());
    let meta =
        E::meta().into_iter().map(|property| (property.name.to_owned(), property.example)).collect::<Map<_, _>>();
    if !meta.is_empty() {
        document["meta"] = meta.into();
    }
    document
}

/// One page of `E` at this URL.
pub(super) fn list<E: Documented>(url: &str) -> Value {
    let mut item = resource::<E>();
    item["meta"] = json!({"page": {"cursor": "b3BhcXVlIGN1cnNvcg"}});
    paged(document(url, json!([item])))
}

fn paged(mut document: Value) -> Value {
    let url = document["links"]["self"].clone();
    document["links"]["first"] = url;
    for end in ["prev", "next", "last"] {
        document["links"][end] = Value::Null;
    }
    document["meta"] = json!({"page": {"size": 25, "limit": 25}});
    document
}

/// The linkage of a to-one relationship.
pub(super) fn linkage(url: &str, kind: &str) -> Value {
    related(document(url, identifier(kind)))
}

/// One page of the linkage of a to-many relationship.
pub(super) fn linkages(url: &str, kind: &str) -> Value {
    related(paged(document(url, json!([identifier(kind)]))))
}

fn related(mut document: Value) -> Value {
    let related = document["links"]["self"].as_str().unwrap_or_default().replace("/relationships", "");
    document["links"]["related"] = related.into();
    document
}

/// The linkage that a request gives.
pub(super) fn given_linkage(kind: &str) -> Value {
    json!({"data": [identifier(kind)]})
}

/// A document without data.
pub(super) fn meta_only() -> Value {
    let described = format!("{BASE}/api/openapi.json");
    json!({"jsonapi": {"version": "1.1"}, "links": {"describedby": described}, "meta": {}})
}

/// The document that makes an `E`.
pub(super) fn create<E: Documented>() -> Value {
    let mut data = json!({"type": E::SCHEMA.kind});
    let given = |property: &Property| property.create != Given::Never && !property.alternative;
    let attributes = E::properties().into_iter().filter(given);
    let attributes = attributes.map(|property| (property.name.to_owned(), property.example)).collect::<Map<_, _>>();
    let given = E::relations().into_iter().filter(|relation| relation.create != Given::Never);
    let relationships = given
        .map(|relation| (relation.name.to_owned(), json!({"data": identifier(relation.kind)})))
        .collect::<Map<_, _>>();
    for (name, members) in [("attributes", attributes), ("relationships", relationships)] {
        if !members.is_empty() {
            data[name] = members.into();
        }
    }
    json!({"data": data})
}

/// The document that changes every attribute of an `E` that can change.
pub(super) fn update<E: Documented>() -> Value {
    let changed = E::properties().into_iter().filter(|property| property.update && !property.alternative);
    let attributes = changed.map(|property| (property.name.to_owned(), property.example)).collect::<Map<_, _>>();
    let mut data = identifier(E::SCHEMA.kind);
    data["attributes"] = attributes.into();
    json!({"data": data})
}

/// A document that asks for this verb on an `E`.
pub(super) fn asking<E: Documented>(verb: &str) -> Value {
    let mut document = json!({"data": identifier(E::SCHEMA.kind)});
    let asked = E::asked(verb).into_iter().map(|property| (property.name.to_owned(), property.example));
    let asked = asked.collect::<Map<_, _>>();
    if !asked.is_empty() {
        document["meta"] = asked.into();
    }
    document
}

/// The document of one error.
pub(super) fn error(code: Code, detail: &str, source: Value) -> Value {
    let mut error = json!({
        "id": "4f1a2b3c4d5e6f70-2a",
        "status": code.status.to_string(),
        "code": code.word,
        "title": code.title,
        "detail": detail,
    });
    if !source.is_null() {
        error["source"] = source;
    }
    json!({"jsonapi": {"version": "1.1"}, "errors": [error]})
}
