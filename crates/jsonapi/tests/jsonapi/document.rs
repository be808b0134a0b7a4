//! Answer documents and error documents, as JSON.

use crate::common::USER;
use paylent_jsonapi::{Code, Document, Error, Errors, Linkage, Query, Resource};
use serde::Serialize;
use serde_json::{Value, json};

fn json_of(document: impl Serialize) -> Value {
    serde_json::to_value(document).unwrap()
}

fn query(raw: &str) -> Query {
    Query::resource(raw, &USER).unwrap()
}

fn user() -> Resource {
    Resource::new("user", "7")
        .url("/api/users/7")
        .attribute("email", "a@b.c")
        .attribute("name", None::<String>)
        .relationship("roles")
        .linkage("organization", Linkage::one("organization", Some("3")))
}

fn role(id: &str) -> Resource {
    Resource::new("role", id).attribute("name", "Admin").linkage("permissions", Linkage::many("permission", ["1"]))
}

#[test]
fn a_resource_is_written_whole() {
    assert_eq!(
        json_of(Document::resource("/api/users/7?x=y", user().meta("client_secret", "once"))),
        json!({
            "jsonapi": { "version": "1.1" },
            "data": {
                "type": "user",
                "id": "7",
                "attributes": { "email": "a@b.c", "name": null },
                "relationships": {
                    "roles": {
                        "links": { "self": "/api/users/7/relationships/roles", "related": "/api/users/7/roles" }
                    },
                    "organization": {
                        "links": {
                            "self": "/api/users/7/relationships/organization",
                            "related": "/api/users/7/organization"
                        },
                        "data": { "type": "organization", "id": "3" }
                    },
                },
                "links": { "self": "/api/users/7" },
                "meta": { "client_secret": "once" },
            },
            "links": { "self": "/api/users/7?x=y" },
        })
    );
}

#[test]
fn attributes_keep_the_order_they_were_added_in() {
    let resource = Resource::new("user", "7").attribute("z", 1).attribute("a", 2);
    let text = serde_json::to_string(&Document::resource("/u", resource)).unwrap();
    assert!(text.contains(r#""attributes":{"z":1,"a":2}"#), "{text}");
}

#[test]
fn a_resource_without_members_has_only_type_and_id() {
    let bare = Resource::new("user", "7").relationship("roles");
    assert_eq!(json_of(Document::resource("/u", bare))["data"], json!({ "type": "user", "id": "7" }));
}

#[test]
fn null_lists_linkage_and_meta_are_documents_too() {
    let head = json!({ "version": "1.1" });
    let links = json!({ "self": "/u" });
    assert_eq!(
        json_of(Document::resource("/u", None)),
        json!({ "jsonapi": head.clone(), "data": null, "links": links.clone() })
    );
    assert_eq!(
        json_of(Document::collection("/u", Vec::new())),
        json!({ "jsonapi": head.clone(), "data": [], "links": links.clone() })
    );
    assert_eq!(
        json_of(Document::linkage("/u", Linkage::many("role", ["1"])).link("related", "/r")),
        json!({
            "jsonapi": head.clone(), "data": [{ "type": "role", "id": "1" }], "links": { "self": "/u", "related": "/r" }
        })
    );
    assert_eq!(json_of(Document::linkage("/u", Linkage::one("role", None::<String>)))["data"], Value::Null);
    assert_eq!(json_of(Document::meta_only()), json!({ "jsonapi": head.clone(), "meta": {} }));
    assert_eq!(json_of(Document::meta_only().meta("deleted", 1)), json!({ "jsonapi": head, "meta": { "deleted": 1 } }));
}

#[test]
fn included_is_there_exactly_when_asked_for() {
    let with = |raw: &str, included| json_of(Document::resource("/u", user()).shaped(&query(raw), included));
    assert_eq!(with("include=", Vec::new())["included"], json!([]));
    assert_eq!(with("include=roles", vec![role("1")])["included"][0]["id"], "1");
    assert_eq!(with("", vec![role("1")]).get("included"), None);
}

#[test]
fn each_resource_is_included_once_and_primary_data_not_at_all() {
    let included = vec![role("1"), role("2"), role("1"), user(), Resource::new("role", "7")];
    let document = Document::collection("/u", vec![user()]).shaped(&query("include=roles"), included);
    let document = json_of(document);
    let ids: Vec<_> =
        document["included"].as_array().unwrap().iter().map(|role| role["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "7"]);
}

#[test]
fn sparse_fieldsets_apply_to_primary_and_included_resources() {
    let raw = "include=roles&fields[user]=name,roles&fields[role]=";
    let document = json_of(Document::resource("/u", user()).shaped(&query(raw), vec![role("1")]));
    assert_eq!(document["data"]["attributes"], json!({ "name": null }));
    let relationships = document["data"]["relationships"].as_object().unwrap();
    assert_eq!(relationships.keys().collect::<Vec<_>>(), ["roles"]);
    assert_eq!(document["included"], json!([{ "type": "role", "id": "1" }]));
}

#[test]
fn the_location_of_a_new_resource_is_its_self_link() {
    assert_eq!(Document::resource("/api/users", user()).location(), Some("/api/users/7"));
    assert_eq!(Document::collection("/api/users", vec![user()]).location(), None);
}

#[test]
fn an_error_is_written_whole() {
    let error = Error::new(Code::CONFLICT, "This e-mail address is taken.")
        .at_attribute("a/b")
        .about("https://docs.example/taken")
        .kind("https://docs.example/types/taken")
        .meta("attempt", 2);
    assert_eq!(
        json_of(Errors::from(error).with_id("request-1")),
        json!({
            "jsonapi": { "version": "1.1" },
            "errors": [{
                "id": "request-1",
                "links": { "about": "https://docs.example/taken", "type": "https://docs.example/types/taken" },
                "status": "409",
                "code": "conflict",
                "title": "Conflict",
                "detail": "This e-mail address is taken.",
                "source": { "pointer": "/data/attributes/a~1b" },
                "meta": { "attempt": 2 },
            }],
        })
    );
}

#[test]
fn an_error_names_pointer_parameter_or_header() {
    let source = |error: Error| json_of(error)["source"].clone();
    let error = || Error::new(Code::INVALID_BODY, "x");
    assert_eq!(source(error().at_pointer("/data")), json!({ "pointer": "/data" }));
    assert_eq!(source(error().at_relationship("user")), json!({ "pointer": "/data/relationships/user" }));
    assert_eq!(source(error().at_parameter("page[size]")), json!({ "parameter": "page[size]" }));
    assert_eq!(source(error().at_header("If-Match")), json!({ "header": "If-Match" }));
    assert_eq!(json_of(error()).as_object().unwrap().len(), 4);
}

#[test]
fn several_errors_answer_with_the_most_general_status() {
    let status = |codes: &[Code]| codes.iter().map(|code| Error::new(*code, "x")).collect::<Errors>().status();
    assert_eq!(status(&[Code::REQUIRED, Code::INVALID_ATTRIBUTE]), 422);
    assert_eq!(status(&[Code::CONFLICT]), 409);
    assert_eq!(status(&[Code::REQUIRED, Code::CONFLICT]), 400);
    assert_eq!(status(&[Code::REQUIRED, Code::INTERNAL]), 500);
    assert_eq!(status(&[Code::UNAVAILABLE, Code::REQUIRED]), 500);
    assert_eq!(status(&[Code::UNAVAILABLE, Code::INTERNAL]), 500);
    assert_eq!(status(&[Code::UNAVAILABLE]), 503);
    assert_eq!(status(&[]), 500);
}
