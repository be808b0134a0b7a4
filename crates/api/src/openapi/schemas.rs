//! The schemas of documents: those that all resource types share, and those of one.

use utoipa::openapi::{
    Ref, RefOr, Schema,
    schema::{AdditionalProperties, ArrayBuilder, Discriminator, ObjectBuilder, OneOfBuilder, Type},
};

use super::{
    Parts, examples,
    names::{a, pascal},
    property::{Documented, Given, Relation, formatted, id, integer, null, or_null, text, typed, word},
};

/// The most identifiers in a document that changes a relationship.
const MAX_LINKS: usize = crate::links::MAX_LINKS;

fn object() -> ObjectBuilder {
    typed(Type::Object)
}

fn closed() -> ObjectBuilder {
    object().additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

pub(super) fn schema(name: &str) -> Ref {
    Ref::from_schema_name(name)
}

/// The members `required` of an object.
fn with_all(object: ObjectBuilder, members: impl IntoIterator<Item = (&'static str, RefOr<Schema>)>) -> ObjectBuilder {
    members.into_iter().fold(object, |object, (name, member)| object.property(name, member).required(name))
}

/// What every document has: `jsonapi`, and `data` before whatever follows.
fn document(data: impl Into<RefOr<Schema>>, links: &str) -> ObjectBuilder {
    with_all(object(), [("jsonapi", schema("JsonApi").into()), ("data", data.into()), ("links", schema(links).into())])
}

/// Adds the schemas that do not depend on a resource type.
pub(super) fn shared(parts: &mut Parts) {
    let version = word(&["1.1"]);
    parts.add("JsonApi", || with_all(object(), [("version", version.into())]));
    let link = |name| (name, text());
    let links = |names: [(&'static str, ObjectBuilder); 3]| {
        names.into_iter().fold(object(), |object, (name, schema)| object.property(name, schema))
    };
    parts.add("DocumentLinks", || links([link("self"), link("related"), link("describedby")]));
    parts.add("PageLinks", || {
        let neighbour = || RefOr::from(or_null(text().into()));
        let ends = ["prev", "next", "last"].map(|name| (name, neighbour()));
        let always = ["self", "first"].map(|name| (name, text().into()));
        with_all(links([link("related"), link("describedby"), link("self")]), always.into_iter().chain(ends))
    });
    parts.add("ListMeta", || {
        let page = ["size", "limit"].map(|name| (name, integer(1, Some(100)).into()));
        let page = with_all(object(), page).property("offset", integer(0, None)).property("total", integer(0, None));
        with_all(object(), [("page", page.into())]).property("total", integer(0, None))
    });
    parts.add("ResourceLinks", || with_all(object(), [("self", formatted("uri").into())]));
    parts.add("RelationshipLinks", || {
        with_all(object(), ["self", "related"].map(|name| (name, formatted("uri").into())))
    });
    parts.add("ResourceMeta", || {
        let cursor =
            with_all(object(), [("cursor", text().description(Some("For `page[after]` and `page[before]`.")).into())]);
        object().property("page", cursor)
    });
    parts.add("MetaDocument", || {
        let meta = [("jsonapi", schema("JsonApi").into()), ("meta", object().into())];
        with_all(object(), meta).property("links", schema("DocumentLinks"))
    });
    parts.add("Error", error);
    parts.add("ErrorDocument", || {
        let errors = ArrayBuilder::new().items(schema("Error")).min_items(Some(1)).max_items(Some(64));
        with_all(object(), [("jsonapi", schema("JsonApi").into()), ("errors", errors.into())])
    });
}

fn error() -> ObjectBuilder {
    let described = |description| text().description(Some(description));
    let source = object()
        .property("pointer", described("JSON Pointer (RFC 6901) into the request's document."))
        .property("parameter", described("The query parameter at fault."))
        .property("header", described("The request header at fault."));
    let links = object().property("about", formatted("uri")).property("type", formatted("uri"));
    let members = [
        ("status", text().pattern(Some("^[45][0-9]{2}$")).into()),
        ("code", described("A word for programs: it stays the same.").into()),
        ("title", described("The same as `code`, for people.").into()),
        ("detail", described("What is wrong with this request.").into()),
    ];
    let error =
        with_all(object().property("id", described("The id of the request.")).property("links", links), members);
    error.property("source", source).property("meta", object())
}

/// Adds what names a resource of a type.
fn identifier(parts: &mut Parts, kind: &'static str) -> Ref {
    parts.add(&format!("{}Identifier", pascal(kind)), || {
        with_all(closed(), [("type", word(&[kind]).into()), ("id", id().into())])
    })
}

/// Adds what a resource says of a relationship to this type.
fn relationship(parts: &mut Parts, relation: &Relation) -> Ref {
    let identifier = identifier(parts, relation.kind);
    let links = ("links", schema("RelationshipLinks").into());
    let name = pascal(relation.kind);
    match relation.many {
        true => parts.add(&format!("{name}ToMany"), || {
            with_all(object(), [links]).property("data", ArrayBuilder::new().items(identifier))
        }),
        false => parts.add(&format!("{name}ToOne"), || with_all(object(), [links, ("data", nullable(identifier))])),
    }
}

fn nullable(reference: Ref) -> RefOr<Schema> {
    OneOfBuilder::new().item(reference).item(null()).into()
}

/// Adds `E` as answers show it.
pub(super) fn resource<E: Documented>(parts: &mut Parts) -> Ref {
    let (mut attributes, mut relationships) = (object(), object());
    for property in E::properties().into_iter().filter(|property| property.shown) {
        attributes = attributes.property(property.name, property.shown_schema());
    }
    for relation in E::relations() {
        relationships = relationships.property(relation.name, relationship(parts, &relation));
    }
    parts.add(&format!("{}Resource", pascal(E::SCHEMA.kind)), || {
        let resource = with_all(object(), [("type", word(&[E::SCHEMA.kind]).into()), ("id", id().into())]);
        let mut resource = resource.description(Some(E::ABOUT)).property("attributes", attributes);
        if !E::SCHEMA.relationships.is_empty() {
            resource = resource.property("relationships", relationships);
        }
        with_all(resource, [("links", schema("ResourceLinks").into())]).property("meta", schema("ResourceMeta"))
    })
}

/// The member `included`, for types that something can be included with.
fn with_included<E: Documented>(document: ObjectBuilder) -> ObjectBuilder {
    if E::SCHEMA.includes.is_empty() {
        return document;
    }
    let others = E::SCHEMA.others.iter().map(|other| (other.kind, format!("{}Resource", pascal(other.kind))));
    let any = others.clone().fold(OneOfBuilder::new(), |any, (_, name)| any.item(schema(&name)));
    let mapping = others.map(|(kind, name)| (kind, format!("#/components/schemas/{name}")));
    let any = any.discriminator(Some(Discriminator::with_mapping("type", mapping)));
    document.property("included", ArrayBuilder::new().items(any))
}

/// Adds the document that shows one `E`.
pub(super) fn single<E: Documented>(parts: &mut Parts) -> Ref {
    let resource = resource::<E>(parts);
    parts.add(&format!("{}Document", pascal(E::SCHEMA.kind)), || {
        let document = with_included::<E>(document(resource, "DocumentLinks"));
        let told = E::meta();
        if told.is_empty() {
            return document;
        }
        let meta = told.iter().fold(object(), |meta, property| meta.property(property.name, property.shown_schema()));
        document.property("meta", meta.description(Some("Told when it is made, and with each new secret.")))
    })
}

/// Adds the document that shows one `E` or none: where a to-one relationship leads.
pub(super) fn related<E: Documented>(parts: &mut Parts) -> Ref {
    let resource = resource::<E>(parts);
    parts.add(&format!("Related{}Document", pascal(E::SCHEMA.kind)), || {
        with_included::<E>(document(nullable(resource), "DocumentLinks"))
    })
}

/// Adds the document that shows one page of `E`.
pub(super) fn list<E: Documented>(parts: &mut Parts) -> Ref {
    let resource = resource::<E>(parts);
    parts.add(&format!("{}ListDocument", pascal(E::SCHEMA.kind)), || {
        let items = ArrayBuilder::new().items(resource).max_items(Some(100));
        with_all(with_included::<E>(document(items, "PageLinks")), [("meta", schema("ListMeta").into())])
    })
}

/// Adds the linkage of a to-one relationship to this type.
pub(super) fn linkage(parts: &mut Parts, kind: &'static str) -> Ref {
    let identifier = identifier(parts, kind);
    parts.add(&format!("{}LinkageDocument", pascal(kind)), || document(nullable(identifier), "DocumentLinks"))
}

/// Adds one page of the linkage of a to-many relationship to this type.
pub(super) fn linkages(parts: &mut Parts, kind: &'static str) -> Ref {
    let identifier = identifier(parts, kind);
    parts.add(&format!("{}ListLinkageDocument", pascal(kind)), || {
        let items = ArrayBuilder::new().items(identifier).max_items(Some(100));
        with_all(document(items, "PageLinks"), [("meta", schema("ListMeta").into())])
    })
}

/// Adds the document that changes a to-many relationship to this type.
pub(super) fn given_linkage(parts: &mut Parts, kind: &'static str) -> Ref {
    let identifier = identifier(parts, kind);
    parts.add(&format!("{}Links", pascal(kind)), || {
        let items = ArrayBuilder::new().items(identifier).max_items(Some(MAX_LINKS));
        with_all(closed(), [("data", items.into())])
    })
}

/// Adds the document that makes an `E`.
pub(super) fn create<E: Documented>(parts: &mut Parts) -> Ref {
    let (mut attributes, mut relationships) = (closed(), closed());
    let properties: Vec<_> = E::properties().into_iter().filter(|property| property.create != Given::Never).collect();
    for property in &properties {
        attributes = attributes.property(property.name, property.given_schema());
        if property.create == Given::Always {
            attributes = attributes.required(property.name);
        }
    }
    let relations: Vec<_> = E::relations().into_iter().filter(|relation| relation.create != Given::Never).collect();
    for relation in &relations {
        let linkage = identifier(parts, relation.kind);
        let linkage = if relation.create == Given::Always { linkage.into() } else { nullable(linkage) };
        let member = with_all(closed(), [("data", linkage)]).description(Some(relation.description));
        relationships = relationships.property(relation.name, member);
        if relation.create == Given::Always {
            relationships = relationships.required(relation.name);
        }
    }
    let needed = [
        ("attributes", properties.iter().any(|property| property.create == Given::Always)),
        ("relationships", relations.iter().any(|relation| relation.create == Given::Always)),
    ];
    parts.add(&format!("{}Create", pascal(E::SCHEMA.kind)), || {
        let mut data =
            with_all(closed(), [("type", word(&[E::SCHEMA.kind]).into())]).property("attributes", attributes);
        if !relations.is_empty() {
            data = data.property("relationships", relationships);
        }
        let data = needed.iter().filter(|(_, needed)| *needed).fold(data, |data, (name, _)| data.required(*name));
        with_all(closed(), [("data", data.into())])
    })
}

/// Adds the document that changes an `E`.
pub(super) fn update<E: Documented>(parts: &mut Parts) -> Ref {
    parts.add(&format!("{}Update", pascal(E::SCHEMA.kind)), || {
        let changeable = E::properties().into_iter().filter(|property| property.update);
        let attributes =
            changeable.fold(closed(), |all, property| all.property(property.name, property.given_schema()));
        with_all(closed(), [("data", named(E::SCHEMA.kind).property("attributes", attributes).into())])
    })
}

/// Adds the document that asks for this verb: it only says which resource is meant, and in `meta` how where that can be
/// said.
pub(super) fn asking<E: Documented>(parts: &mut Parts, verb: &str) -> Ref {
    let about = format!("Names {} and changes nothing else.", a(E::SCHEMA.kind));
    let asked = E::asked(verb);
    let name = if asked.is_empty() { "Named".to_owned() } else { pascal(verb) };
    parts.add(&format!("{}{name}", pascal(E::SCHEMA.kind)), || {
        let document = with_all(closed(), [("data", named(E::SCHEMA.kind).into())]).description(Some(about));
        if asked.is_empty() {
            return document;
        }
        let meta = asked.iter().fold(closed(), |meta, property| meta.property(property.name, property.given_schema()));
        document.property("meta", meta)
    })
}

fn named(kind: &str) -> ObjectBuilder {
    let id = id().description(Some("The id in the path.")).examples([examples::id(kind)]);
    with_all(closed(), [("type", word(&[kind]).into()), ("id", id.into())])
}
