//! The description of each kind of operation.

use paylent_domain::{
    permission::name_of,
    policy::{Action, Resource},
};
use serde_json::Value;
use utoipa::openapi::{
    Content, Ref, Required, ResponseBuilder,
    path::{Operation, OperationBuilder, Parameter},
    request_body::RequestBodyBuilder,
    security::SecurityRequirement,
};

use super::{
    BEARER, JSON_API, OAUTH, Parts, examples,
    names::{self, a, pascal, spaced},
    parameters,
    property::{Documented, Given},
    responses::{content, failing, header, with_request_id},
    schemas,
};
use crate::{
    Endpoint,
    links::Link,
    relationships::{Holds, RelatedTo},
};

/// What can go wrong with every call.
const ANY: [u16; 8] = [400, 401, 403, 406, 414, 429, 500, 503];
/// What can go wrong when a document is sent besides.
const SENT: [u16; 4] = [409, 413, 415, 422];

/// An operation under construction.
struct Draft(OperationBuilder);

impl Draft {
    /// An operation at a path of `E`, with what every operation says. `also` are rights that are needed besides the
    /// endpoint's own.
    fn new<E: Documented>(
        endpoint: &Endpoint,
        id: String,
        summary: String,
        also: &[(Resource, Action)],
        details: &str,
    ) -> Self {
        let rights: Vec<_> = [(endpoint.resource, endpoint.action)].iter().chain(also).copied().collect();
        let scope = |(resource, action): &(Resource, Action)| format!("{}:{}", resource.path(), action.scope());
        let mut scopes: Vec<String> = rights.iter().map(scope).collect();
        scopes.dedup();
        let mut permissions: Vec<String> =
            rights.iter().map(|(resource, action)| name_of(*resource, *action)).collect();
        permissions.dedup();
        let takes = format!("Takes the scope {} and the permission {}.", listed(&scopes), listed(&permissions));
        let operation = OperationBuilder::new()
            .tag(E::MANAGED.path())
            .operation_id(Some(id))
            .summary(Some(summary))
            .description(Some(format!("{details} {takes}").trim_start()))
            .security(SecurityRequirement::new(OAUTH, scopes))
            .security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
        let draft = Self(operation).fails(&ANY);
        match endpoint.path.contains("{id}") {
            true => draft.parameters([parameters::path_id(E::SCHEMA.kind)]).fails(&[404]),
            false => draft,
        }
    }

    fn fails(self, statuses: &[u16]) -> Self {
        let with = |operation: OperationBuilder, status: &u16| operation.response(status.to_string(), failing(*status));
        Self(statuses.iter().fold(self.0, with))
    }

    fn parameters(self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        Self(parameters.into_iter().fold(self.0, OperationBuilder::parameter))
    }

    /// It can be made to depend on the version of the resource.
    fn conditional(self) -> Self {
        self.parameters([parameters::if_match()]).fails(&[412])
    }

    /// It takes a document.
    fn takes(self, document: &Ref, example: Value, required: Required) -> Self {
        let body = RequestBodyBuilder::new().required(Some(required)).content(JSON_API, sent(document, example));
        Self(self.0.request_body(Some(body.build()))).fails(&SENT)
    }

    /// It answers with a document.
    fn answers(self, status: u16, words: &str, document: &Ref, example: Value, headers: &[&str]) -> Operation {
        let response = with_request_id(ResponseBuilder::new().description(words));
        let response = headers.iter().fold(response, |response, name| response.header(*name, header(name)));
        self.0.response(status.to_string(), response.content(JSON_API, sent(document, example))).build()
    }
}

fn sent(document: &Ref, example: Value) -> Content {
    let name = document.ref_location.rsplit('/').next().unwrap_or_default();
    content(name, example)
}

/// `a`, or `a` and `b`, as code.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

pub(super) fn list<E: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    parts.tag::<E>();
    let (kind, path) = (E::SCHEMA.kind, E::MANAGED.path());
    let document = schemas::list::<E>(parts);
    Draft::new::<E>(endpoint, format!("list{}", pascal(path)), format!("List {}", spaced(path)), &[], "")
        .parameters(parameters::shape(parts, E::SCHEMA))
        .parameters(parameters::selection::<E>(parts))
        .answers(200, "One page.", &document, examples::list::<E>(&examples::url(endpoint.path, kind)), &[])
}

pub(super) fn create<E: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let kind = E::SCHEMA.kind;
    let (given, made) = (schemas::create::<E>(parts), schemas::single::<E>(parts));
    let draft = Draft::new::<E>(endpoint, format!("create{}", pascal(kind)), format!("Create {}", a(kind)), &[], "")
        .parameters(parameters::shape(parts, E::SCHEMA))
        .parameters([parameters::idempotency_key()])
        .takes(&given, examples::create::<E>(), Required::True)
        // 412: what is not there yet has no version.
        .fails(&[412]);
    let names_others = E::relations().iter().any(|relation| relation.create != Given::Never);
    let draft = if names_others { draft.fails(&[404]) } else { draft };
    let headers = ["Location", "ETag", "Idempotency-Replayed"];
    draft.answers(201, "It was made.", &made, examples::made::<E>(), &headers)
}

pub(super) fn show<E: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    if E::SINGLE {
        parts.tag::<E>();
    }
    let kind = E::SCHEMA.kind;
    let document = schemas::single::<E>(parts);
    let example = examples::single::<E>(&examples::url(endpoint.path, kind));
    Draft::new::<E>(endpoint, format!("get{}", pascal(kind)), format!("Show {}", a(kind)), &[], "")
        .parameters(parameters::shape(parts, E::SCHEMA))
        .answers(200, "As it is.", &document, example, &["ETag"])
}

pub(super) fn update<E: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let kind = E::SCHEMA.kind;
    let (given, document) = (schemas::update::<E>(parts), schemas::single::<E>(parts));
    let details = "Attributes that are not given stay as they are.";
    let example = examples::single::<E>(&examples::url(endpoint.path, kind));
    Draft::new::<E>(endpoint, format!("update{}", pascal(kind)), format!("Update {}", a(kind)), &[], details)
        .parameters(parameters::shape(parts, E::SCHEMA))
        .conditional()
        .takes(&given, examples::update::<E>(), Required::True)
        .answers(200, "As it is now.", &document, example, &["ETag"])
}

pub(super) fn delete<E: Documented>(endpoint: &Endpoint, _: &mut Parts) -> Operation {
    let kind = E::SCHEMA.kind;
    Draft::new::<E>(endpoint, format!("delete{}", pascal(kind)), format!("Delete {}", a(kind)), &[], "")
        .conditional()
        .fails(&[409])
        .answers(200, "It is gone.", &schemas::schema("MetaDocument"), examples::meta_only(), &[])
}

pub(super) fn verb<E: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let kind = E::SCHEMA.kind;
    let segment = endpoint.path.rsplit('/').next().unwrap_or_default();
    let details = E::VERBS.iter().find(|(verb, _)| *verb == segment).map(|(_, details)| *details).unwrap_or_default();
    let (verb, rest) = segment.split_once('-').unwrap_or((segment, ""));
    let summary = format!("{} {} {}", pascal(verb), a(kind), spaced(rest)).trim_end().to_owned();
    let (given, document) = (schemas::asking::<E>(parts, segment), schemas::single::<E>(parts));
    Draft::new::<E>(endpoint, names::verb(segment, kind), summary, &[], details)
        .parameters(parameters::shape(parts, E::SCHEMA))
        .conditional()
        .takes(&given, examples::asking::<E>(segment), Required::False)
        .answers(200, "As it is now.", &document, examples::made::<E>(), &["ETag"])
}

pub(super) fn linkage<E: RelatedTo<T, As> + Documented, T: Documented, As>(
    endpoint: &Endpoint,
    parts: &mut Parts,
) -> Operation {
    let (kind, other, name) = (E::SCHEMA.kind, T::SCHEMA.kind, E::NAME);
    let document = schemas::linkage(parts, other);
    let id = format!("get{}LinkageOf{}", pascal(name), pascal(kind));
    let example = examples::linkage(&examples::url(endpoint.path, kind), other);
    Draft::new::<E>(endpoint, id, format!("Show which {} {} has", spaced(name), a(kind)), &[], "").answers(
        200,
        "Its identifier, or null.",
        &document,
        example,
        &[],
    )
}

pub(super) fn related<E: RelatedTo<T, As> + Documented, T: Documented, As>(
    endpoint: &Endpoint,
    parts: &mut Parts,
) -> Operation {
    let (kind, name) = (E::SCHEMA.kind, E::NAME);
    let document = schemas::related::<T>(parts);
    let id = format!("get{}Of{}", pascal(name), pascal(kind));
    let example = examples::single::<T>(&examples::url(endpoint.path, kind));
    Draft::new::<E>(
        endpoint,
        id,
        format!("Show the {} of {}", spaced(name), a(kind)),
        &[(T::MANAGED, Action::Read)],
        "",
    )
    .parameters(parameters::shape(parts, T::SCHEMA))
    .answers(200, "As it is, or null.", &document, example, &[])
}

pub(super) fn linkages<E: Holds<T> + Documented, T: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let (kind, other, name) = (E::SCHEMA.kind, T::SCHEMA.kind, E::NAME);
    let document = schemas::linkages(parts, other);
    let id = format!("list{}LinkageOf{}", pascal(name), pascal(kind));
    let example = examples::linkages(&examples::url(endpoint.path, kind), other);
    let summary = format!("List which {} {} has", spaced(name), a(kind));
    Draft::new::<E>(endpoint, id, summary, &[(T::MANAGED, Action::Read)], "")
        .parameters(parameters::selection::<T>(parts))
        .answers(200, "One page of identifiers.", &document, example, &[])
}

pub(super) fn held<E: Holds<T> + Documented, T: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let (kind, name) = (E::SCHEMA.kind, E::NAME);
    let document = schemas::list::<T>(parts);
    let id = format!("list{}Of{}", pascal(name), pascal(kind));
    let example = examples::list::<T>(&examples::url(endpoint.path, kind));
    let summary = format!("List the {} of {}", spaced(name), a(kind));
    Draft::new::<E>(endpoint, id, summary, &[(T::MANAGED, Action::Read)], "")
        .parameters(parameters::shape(parts, T::SCHEMA))
        .parameters(parameters::selection::<T>(parts))
        .answers(200, "One page.", &document, example, &[])
}

pub(super) fn add<E: Link<T> + Documented, T: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let (of, name) = (E::SCHEMA.kind, <E as Holds<T>>::NAME);
    let id = format!("add{}To{}", pascal(name), pascal(of));
    let summary = format!("Add {} to {}", spaced(name), a(of));
    links::<T>(Draft::new::<E>(endpoint, id, summary, &[], "What is there already stays."), parts)
}

pub(super) fn replace<E: Link<T> + Documented, T: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let (of, name) = (E::SCHEMA.kind, <E as Holds<T>>::NAME);
    let id = format!("replace{}Of{}", pascal(name), pascal(of));
    let summary = format!("Replace the {} of {}", spaced(name), a(of));
    let also: Vec<_> = E::ALSO.into_iter().map(|action| (E::TIE, action)).collect();
    links::<T>(Draft::new::<E>(endpoint, id, summary, &also, "What is not named goes."), parts)
}

pub(super) fn remove<E: Link<T> + Documented, T: Documented>(endpoint: &Endpoint, parts: &mut Parts) -> Operation {
    let (of, name) = (E::SCHEMA.kind, <E as Holds<T>>::NAME);
    let id = format!("remove{}From{}", pascal(name), pascal(of));
    let summary = format!("Remove {} from {}", spaced(name), a(of));
    links::<T>(Draft::new::<E>(endpoint, id, summary, &[], "What is not there need not be."), parts)
}

fn links<T: Documented>(draft: Draft, parts: &mut Parts) -> Operation {
    let kind = T::SCHEMA.kind;
    let given = schemas::given_linkage(parts, kind);
    draft
        .takes(&given, examples::given_linkage(kind), Required::True)
        // 412: a relationship has no version.
        .fails(&[412])
        .answers(200, "It is as asked.", &schemas::schema("MetaDocument"), examples::meta_only(), &[])
}
