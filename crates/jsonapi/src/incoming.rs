//! Request documents: their structure. What the attributes mean is read afterwards, with [`Incoming::read`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::pointer;
use crate::text::{has_control_characters, refusal, refuse_control_characters};
use crate::{Code, Error, Errors, Identifier, Linkage, json};

/// The resource object of a create or update request, its structure checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The resource type, as the caller expected it.
    pub(crate) kind: &'static str,
    /// `data.attributes` as sent: no text in it has control characters.
    pub attributes: Map<String, Value>,
    /// `data.relationships`, each reduced to its linkage.
    pub relationships: BTreeMap<String, Linkage>,
}

impl Incoming {
    /// Reads the document of a `POST` to a collection of `kind`.
    ///
    /// 400 for anything that is not a resource document (`invalid_body`, `missing_type`), 409 `conflict` for another
    /// type, 403 `forbidden` for an id chosen by the client, 422 `invalid_attribute` for control characters.
    pub fn create(body: &[u8], kind: &'static str) -> Result<Self, Errors> {
        let mut data = resource_object(body, kind)?;
        if data.remove("id").is_some() {
            let error = Error::new(Code::FORBIDDEN, "The server chooses the id of a new resource.");
            return Err(error.at_pointer("/data/id").into());
        }
        Self::from_data(data, kind)
    }

    /// Reads the document of a `PATCH` of the resource `id` of `kind`.
    ///
    /// As [`Incoming::create`], but the id is needed (400) and must be this one (409).
    pub fn update(body: &[u8], kind: &'static str, id: &str) -> Result<Self, Errors> {
        let mut data = resource_object(body, kind)?;
        match data.remove("id") {
            Some(Value::String(given)) if given == id => Self::from_data(data, kind),
            Some(Value::String(_)) => {
                let error = Error::new(Code::CONFLICT, "The id is not the one in the URL.");
                Err(error.at_pointer("/data/id").into())
            }
            Some(_) => Err(invalid("The id must be a string.", "/data/id").into()),
            None => Err(invalid("The id is missing.", "/data/id").into()),
        }
    }

    fn from_data(mut data: Map<String, Value>, kind: &'static str) -> Result<Self, Errors> {
        let attributes = data.remove("attributes").unwrap_or_else(|| Map::new().into());
        let mut errors = Errors::new();
        refuse_control_characters(&attributes, "/data/attributes", &mut errors);
        let attributes = object(attributes, "/data/attributes")?;
        let mut relationships = BTreeMap::new();
        if let Some(given) = data.remove("relationships") {
            for (name, value) in object(given, "/data/relationships")? {
                let at = pointer("/data/relationships", &name);
                let mut relationship = object(value, &at)?;
                refuse_unknown_members(&relationship, &["data", "links", "meta"], &at)?;
                let linkage = relationship.remove("data").ok_or_else(|| invalid("The member data is missing.", &at))?;
                relationships.insert(name, read_linkage(linkage, &format!("{at}/data"))?);
            }
        }
        errors.or(Self { kind, attributes, relationships })
    }
}

/// Reads the document of a `PATCH` of a to-one relationship to `kind`: the id of the related resource, or null.
/// 400 `invalid_body` for any other document, 422 `invalid_relationship` for another type.
pub fn linkage_to_one(body: &[u8], kind: &str) -> Result<Option<String>, Errors> {
    match read_linkage(primary_data(body)?, "/data")? {
        Linkage::One(None) => Ok(None),
        Linkage::One(Some(identifier)) => Ok(Some(id_of(identifier, kind, "/data")?)),
        Linkage::Many(_) => Err(invalid("A resource identifier or null is needed here.", "/data").into()),
    }
}

/// Reads the document of a `POST`, `PATCH` or `DELETE` of a to-many relationship to `kind`: the ids as they stand there.
/// Errors as [`linkage_to_one`].
pub fn linkage_to_many(body: &[u8], kind: &str) -> Result<Vec<String>, Errors> {
    match read_linkage(primary_data(body)?, "/data")? {
        Linkage::Many(identifiers) => ids_of(identifiers, kind, "/data"),
        Linkage::One(_) => Err(invalid("A list of resource identifiers is needed here.", "/data").into()),
    }
}

/// Reads the document that asks for an action on the resource `id` of `kind`: its `meta`, which says how. The document may
/// also name the resource, but not change it. Errors as [`Incoming::update`].
pub fn action(body: &[u8], kind: &'static str, id: &str) -> Result<Map<String, Value>, Errors> {
    let mut document = object(json::parse(body)?, "")?;
    let meta = document.remove("meta");
    if meta.is_none() || document.contains_key("data") {
        Incoming::update(body, kind, id)?.read(|_| ())?;
    }
    refuse_unknown_members(&document, &["data", "jsonapi", "links"], "")?;
    let mut errors = Errors::new();
    let meta = meta.unwrap_or_else(|| Map::new().into());
    refuse_control_characters(&meta, "/meta", &mut errors);
    errors.or(object(meta, "/meta")?)
}

/// The id of `identifier`, which must be of type `kind`.
pub(crate) fn id_of(identifier: Identifier, kind: &str, at: &str) -> Result<String, Error> {
    if identifier.kind == kind {
        return Ok(identifier.id);
    }
    let detail = format!("The related resource must be of type {kind}.");
    Err(Error::new(Code::INVALID_RELATIONSHIP, detail).at_pointer(format!("{at}/type")))
}

/// The ids of `identifiers`, in the order given.
pub(crate) fn ids_of(identifiers: Vec<Identifier>, kind: &str, at: &str) -> Result<Vec<String>, Errors> {
    let mut errors = Errors::new();
    let mut ids = Vec::with_capacity(identifiers.len());
    for (index, identifier) in identifiers.into_iter().enumerate() {
        match id_of(identifier, kind, &format!("{at}/{index}")) {
            Ok(id) => ids.push(id),
            Err(error) => errors.push(error),
        }
    }
    errors.or(ids)
}

/// The member `data` of a request document.
fn primary_data(body: &[u8]) -> Result<Value, Error> {
    let mut document = object(json::parse(body)?, "")?;
    refuse_unknown_members(&document, &["data", "jsonapi", "meta", "links"], "")?;
    document.remove("data").ok_or_else(|| invalid("The member data is missing.", "/data"))
}

/// The primary data, as a resource object of type `kind`.
fn resource_object(body: &[u8], kind: &str) -> Result<Map<String, Value>, Error> {
    let mut data = object(primary_data(body)?, "/data")?;
    refuse_unknown_members(&data, &["type", "id", "lid", "attributes", "relationships", "links", "meta"], "/data")?;
    match data.remove("type") {
        Some(Value::String(given)) if given == kind => Ok(data),
        Some(Value::String(_)) => {
            let detail = format!("This collection holds resources of type {kind}.");
            Err(Error::new(Code::CONFLICT, detail).at_pointer("/data/type"))
        }
        Some(_) => Err(invalid("The type must be a string.", "/data/type")),
        None => Err(Error::new(Code::MISSING_TYPE, "The resource has no type.").at_pointer("/data/type")),
    }
}

fn read_linkage(value: Value, at: &str) -> Result<Linkage, Error> {
    match value {
        Value::Null => Ok(Linkage::One(None)),
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items
                .map(|(index, item)| read_identifier(item, &format!("{at}/{index}")))
                .collect::<Result<_, _>>()
                .map(Linkage::Many)
        }
        value => read_identifier(value, at).map(Some).map(Linkage::One),
    }
}

fn read_identifier(value: Value, at: &str) -> Result<Identifier, Error> {
    let mut identifier = object(value, at)?;
    refuse_unknown_members(&identifier, &["type", "id", "lid", "meta"], at)?;
    let mut text = |name: &str| {
        let at = format!("{at}/{name}");
        match identifier.remove(name) {
            Some(Value::String(text)) if has_control_characters(&text) => Err(refusal(&at)),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(invalid(format!("The {name} must be a string."), &at)),
            None if name == "type" => Err(Error::new(Code::MISSING_TYPE, "The type is missing.").at_pointer(at)),
            None => Err(invalid(format!("The {name} is missing."), &at)),
        }
    };
    Ok(Identifier::new(text("type")?, text("id")?))
}

/// `value` as an object, without its @-members: these are to be ignored (JSON:API 1.1, "@-Members").
fn object(value: Value, at: &str) -> Result<Map<String, Value>, Error> {
    let Value::Object(mut members) = value else { return Err(invalid("An object is needed here.", at)) };
    members.retain(|name, _| !name.starts_with('@'));
    Ok(members)
}

fn refuse_unknown_members(object: &Map<String, Value>, known: &[&str], at: &str) -> Result<(), Error> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid("This member is not allowed here.", &pointer(at, name))),
        None => Ok(()),
    }
}

fn invalid(detail: impl Into<String>, at: &str) -> Error {
    Error::new(Code::INVALID_BODY, detail).at_pointer(at)
}
