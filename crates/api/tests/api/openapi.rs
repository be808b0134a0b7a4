//! The description of the API, as a document: that it is the one in git, whole, and true of its own examples.

use std::collections::BTreeSet;

use actix_web::{http::Method, test::TestRequest};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::harness::Api;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The description as anybody gets it.
pub(crate) async fn description(api: &Api) -> Value {
    let answer = api.send(TestRequest::with_uri("/api/openapi.json")).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    answer.body
}

/// Every operation: its path, its method and itself.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| Some((path.as_str(), *method, item.get(*method)?)))
    })
}

/// Calls `visit` with every object in `value`, and with its JSON Pointer.
fn walk<'v>(value: &'v Value, at: &str, visit: &mut impl FnMut(&str, &'v Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(at, members);
            for (name, member) in members {
                walk(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{index}"), visit);
            }
        }
        _ => {}
    }
}

/// What tells whether something is as a `schema` of the document says, whose references it resolves.
pub(crate) fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Everything that is wrong with it.
pub(crate) fn faults(validator: &Validator, instance: &Value) -> Vec<String> {
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[actix_web::test]
async fn the_description_in_git_is_the_one_that_is_served() {
    let served = description(&Api::new().await).await;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, serde_json::to_string_pretty(&served).unwrap() + "\n").unwrap();
    }
    let kept: Value = std::fs::read(FILE).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let rewrite = "UPDATE_DOCS=1 cargo test -p paylent-api --test api openapi";
    assert!(kept == served, "docs/openapi.json is not what the code describes. Rewrite it: {rewrite}");
}

#[actix_web::test]
async fn the_description_is_read_without_a_token_and_not_written() {
    let api = Api::new().await;
    let send = |method: Method| api.send(TestRequest::with_uri("/api/openapi.json").method(method));
    send(Method::HEAD).await.expect(200);
    assert_eq!(send(Method::OPTIONS).await.expect(204).header("allow"), Some("GET, HEAD, OPTIONS"));
    let refused = send(Method::POST).await.expect(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(refused.code(), "method_not_allowed");
}

#[actix_web::test]
async fn the_description_is_whole() {
    let document = description(&Api::new().await).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"], json!([{"url": "/"}]));

    let described: BTreeSet<(String, String)> =
        operations(&document).map(|(path, method, _)| (method.to_uppercase(), path.to_owned())).collect();
    let mounted = paylent_api::ENDPOINTS.iter();
    let mounted = mounted.map(|endpoint| (endpoint.method.to_owned(), format!("/api{}", endpoint.path))).collect();
    assert_eq!(described, mounted);

    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let line = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{line}: {} twice", operation["operationId"]);
        assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{line}");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let keys: Vec<_> = parameters.iter().map(|parameter| (&parameter["in"], &parameter["name"])).collect();
        assert!(keys.iter().enumerate().all(|(index, key)| !keys[..index].contains(key)), "{line}: {keys:?}");
        let given: BTreeSet<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared: BTreeSet<&str> = in_path.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(given, declared, "{line}");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == tag), "{line}: {tag}");
    }
}

#[actix_web::test]
async fn every_reference_leads_to_something_and_every_component_is_referred_to() {
    let document = description(&Api::new().await).await;
    let mut referred = BTreeSet::new();
    walk(&document, "", &mut |at, members| {
        let targets = members.get("$ref").into_iter().chain(
            members
                .get("mapping")
                .into_iter()
                .flat_map(|mapping| mapping.as_object().into_iter().flat_map(Map::values)),
        );
        for target in targets {
            let pointer = target.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{at}: {pointer}");
            referred.insert(pointer.to_owned());
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let pointer = format!("/components/{kind}/{name}");
            assert!(referred.contains(&pointer), "{pointer} is for nothing");
        }
    }
}

#[actix_web::test]
async fn every_schema_is_one_and_every_example_is_valid() {
    let document = description(&Api::new().await).await;
    let mut examples = Vec::new();
    walk(&document, "", &mut |at, members| {
        let is_data = at.contains("/example");
        if let Some(schema) = members.get("schema").filter(|_| !is_data) {
            assert!(jsonschema::draft202012::meta::is_valid(schema), "{at}/schema");
            examples.extend(members.get("example").map(|example| (format!("{at}/example"), schema.clone(), example)));
        }
        let is_schema = at.starts_with("/components/schemas/") && !is_data;
        if let Some(Value::Array(given)) = members.get("examples").filter(|_| is_schema) {
            let mut schema = Value::from(members.clone());
            schema.as_object_mut().unwrap().remove("examples");
            examples.extend(given.iter().map(|example| (format!("{at}/examples"), schema.clone(), example)));
        }
    });
    assert!(examples.len() > 200, "only {} examples were found", examples.len());
    for (at, schema, example) in examples {
        assert_eq!(faults(&validator(&document, &schema), example), Vec::<String>::new(), "{at}: {example}");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
    }
}

#[actix_web::test]
async fn every_document_has_an_example() {
    let document = description(&Api::new().await).await;
    let mut contents = Vec::new();
    walk(&document, "", &mut |at, members| {
        if at.ends_with("/content") {
            contents.push((at.to_owned(), members));
        }
    });
    assert!(contents.len() > 150, "only {} documents were found", contents.len());
    for (at, content) in contents {
        let types: Vec<&String> = content.keys().collect();
        assert_eq!(types, ["application/vnd.api+json"], "{at}");
        assert!(content.values().all(|document| document["example"].is_object()), "{at}");
    }
}
