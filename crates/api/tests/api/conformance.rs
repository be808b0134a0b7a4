//! What the API really does, held against its description: a walk over every operation.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{http::Method, test::TestRequest};
use jsonschema::Validator;
use paylent_api::ENDPOINTS;
use paylent_domain::{Clock, clock::SystemClock};
use paylent_tests::seed;
use serde_json::{Value, json};

use crate::{
    harness::{Answer, Api, JSON_API},
    openapi::{description, faults, operations, validator},
};

/// Every resource type that can be made, so that each comes after those it refers to: its path and its type.
const MADE: [(&str, &str); 16] = [
    ("users", "user"),
    ("roles", "role"),
    ("permissions", "permission"),
    ("organizations", "organization"),
    ("resource-servers", "resource_server"),
    ("clients", "client"),
    ("scopes", "scope"),
    ("role-permissions", "role_permission"),
    ("user-roles", "user_role"),
    ("client-grants", "client_grant"),
    ("signing-keys", "signing_key"),
    ("memberships", "membership"),
    ("membership-roles", "membership_role"),
    ("invitations", "invitation"),
    ("applications", "application"),
    ("sessions", "session"),
];

/// Every other type whose resources tests make by other ways, and its path.
const SEEDED: [(&str, &str); 3] = [
    ("mails", "mail"),
    ("application-connections", "application_connection"),
    ("application-tokens", "application_token"),
];

/// The API and its description, in which nothing is allowed that is not described.
struct Described {
    api: Api,
    document: Value,
    /// The id of one resource of each type.
    ids: BTreeMap<&'static str, String>,
    /// The operations that did what they were asked for.
    done: BTreeSet<(String, String)>,
    /// The schemas of answers that were needed so far, by their name.
    validators: BTreeMap<String, Validator>,
}

/// Forbids members that an object schema does not name.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) && members.get("type") == Some(&json!("object"))
            {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl Described {
    async fn new() -> Self {
        let api = Api::new().await;
        let mut document = description(&api).await;
        close(&mut document["components"]["schemas"]);
        Self { api, document, ids: BTreeMap::new(), done: BTreeSet::new(), validators: BTreeMap::new() }
    }

    fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        &self.document["paths"][format!("/api{path}")][method.to_lowercase()]
    }

    /// The example of what an operation takes, about the resources at hand.
    fn example(&self, method: &str, path: &str) -> Value {
        let mut example = self.operation(method, path)["requestBody"]["content"][JSON_API]["example"].clone();
        let data = &mut example["data"];
        if method == "PATCH" && data["id"].is_string() {
            data["id"] = json!(self.ids[data["type"].as_str().unwrap()]);
        }
        if data["attributes"]["role_ids"].is_array() {
            data["attributes"]["role_ids"] = json!([self.ids["role"]]);
        }
        if data["attributes"]["expires_at"].is_string() {
            data["attributes"]["expires_at"] = json!(SystemClock.now().plus_seconds(86_400).to_string());
        }
        let related = data.get_mut("relationships").and_then(Value::as_object_mut);
        let named = related.into_iter().flatten().map(|(_, relationship)| &mut relationship["data"]);
        for identifier in named {
            identifier["id"] = json!(self.ids[identifier["type"].as_str().unwrap()]);
        }
        for identifier in data.as_array_mut().into_iter().flatten() {
            identifier["id"] = json!(self.ids[identifier["type"].as_str().unwrap()]);
        }
        example
    }

    /// Checks that the operation may answer so.
    fn check(&mut self, method: &str, path: &str, answer: &Answer) {
        let (status, line) = (answer.status.as_u16(), format!("{method} {path}"));
        let described = &self.operation(method, path)["responses"][status.to_string()];
        assert!(described.is_object(), "{line}: {status} is not described: {}", answer.body);
        let described = self.resolved(described).clone();
        assert_eq!(answer.header("content-type"), Some(JSON_API), "{line}");
        let schema = &described["content"][JSON_API]["schema"];
        let name = schema["$ref"].as_str().unwrap().to_owned();
        let validator = self.validators.entry(name).or_insert_with(|| validator(&self.document, schema));
        assert_eq!(faults(validator, &answer.body), Vec::<String>::new(), "{line}: {}", answer.body);
        for name in ["ETag", "Location", "WWW-Authenticate"] {
            let headers = &described["headers"];
            assert!(headers[name].is_object() || answer.header(name).is_none(), "{line}: {status} with {name}");
            let always = status < 300 || status == 401;
            assert!(!headers[name].is_object() || answer.header(name).is_some() || !always, "{line}: no {name}");
        }
    }

    /// The path of the endpoint for the resource at hand.
    fn target(&self, path: &str) -> String {
        let kind = path.split('/').nth(1).unwrap();
        let kind = MADE.iter().find(|(made, _)| *made == kind).map(|(_, kind)| *kind);
        let seeded = SEEDED.iter().find(|(seeded, _)| path.split('/').nth(1) == Some(*seeded)).map(|(_, kind)| *kind);
        let kind = kind.or(seeded).unwrap_or("audit_event");
        let id = self.ids.get(kind).cloned().unwrap_or_default();
        format!("/api{}", path.replace("{id}", &id))
    }

    /// Asks for it with this query, and expects to get it as described.
    async fn read(&mut self, path: &str, query: &str) -> Answer {
        let answer = self.api.get(&format!("{}{query}", self.target(path))).await.expect(200);
        self.check("GET", path, &answer);
        self.done.insert(("GET".to_owned(), path.to_owned()));
        answer
    }

    /// Does it with the example, and expects it to be done as described.
    async fn write(&mut self, method: &str, path: &str) -> Answer {
        let target = self.target(path);
        let answer = match self.example(method, path) {
            Value::Null => self.api.send(self.api.request(method.parse().unwrap(), &target)).await,
            document => self.api.write(method.parse().unwrap(), &target, &self.api.token, document).await,
        };
        let status = if method == "POST" && !path.contains('{') { 201 } else { 200 };
        let answer = answer.expect(status);
        self.check(method, path, &answer);
        self.done.insert((method.to_owned(), path.to_owned()));
        answer
    }

    /// Makes one of each.
    async fn make_all(&mut self) {
        for (path, kind) in MADE {
            let made = self.write("POST", &format!("/{path}")).await;
            self.ids.insert(kind, made.id().to_owned());
        }
        let events = self.read("/audit-events", "").await;
        self.ids.insert("audit_event", events.body["data"][0]["id"].as_str().unwrap().to_owned());
        let mail = seed::failed_mail(&self.api.database.db(), self.api.env(), "jane@example.com").await;
        self.ids.insert("mail", mail.to_string());
        let env = self.api.env();
        let application = seed::application(env).await;
        let [user, organization] = ["user", "organization"].map(|kind| self.ids[kind].clone());
        let (user, organization) = (user.parse().unwrap(), organization.parse().unwrap());
        let connection = seed::connection(env, &application, user, organization, false).await;
        let token = seed::static_token(env, self.ids["application"].parse().unwrap()).await;
        self.ids.insert("application_connection", connection.to_string());
        self.ids.insert("application_token", token.to_string());
        let environment = self.read("/environment", "").await;
        self.ids.insert("environment", environment.id().to_owned());
    }

    /// The values of a parameter that takes some of a few words.
    fn words(&self, path: &str, parameter: &str) -> Option<String> {
        let parameters = self.operation("GET", path)["parameters"].as_array()?;
        let found = parameters.iter().find(|found| found["name"] == parameter)?;
        let words = self.resolved(&found["schema"])["items"]["enum"].as_array()?;
        Some(words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(","))
    }
}

/// Verbs come before changes, which may end what they need, and what ends something comes last.
fn when(path: &str) -> usize {
    match path.rsplit('/').next() {
        Some("revoke" | "deactivate") => 2,
        Some("{id}") => 1,
        _ => 0,
    }
}

#[actix_web::test]
async fn every_operation_takes_its_example_and_answers_as_described() {
    let mut api = Described::new().await;
    api.make_all().await;
    let of = |method: &'static str| ENDPOINTS.iter().filter(move |endpoint| endpoint.method == method);
    for path in of("POST").map(|endpoint| endpoint.path).filter(|path| path.contains("{id}")) {
        api.write("POST", path).await;
    }
    for endpoint in of("GET") {
        api.read(endpoint.path, "").await;
        let (include, fields) = (api.words(endpoint.path, "include"), api.words(endpoint.path, "fields[role]"));
        if let Some(paths) = include {
            let answer = api.read(endpoint.path, &format!("?include={paths}")).await;
            assert!(answer.body["included"].is_array(), "{}", endpoint.path);
        }
        if fields.is_some() {
            api.read(endpoint.path, "?fields[role]=name").await;
        }
        if let Some(keys) = api.words(endpoint.path, "sort") {
            let key = keys.rsplit(',').next().unwrap();
            api.read(endpoint.path, &format!("?sort={key}&page[count]=true&page[offset]=0&page[limit]=1")).await;
        }
    }
    let mut patched: Vec<&str> = of("PATCH").map(|endpoint| endpoint.path).collect();
    patched.sort_by_key(|path| when(path));
    for path in patched {
        api.write("PATCH", path).await;
    }
    for path in of("DELETE").map(|endpoint| endpoint.path).filter(|path| path.contains("/relationships/")) {
        api.write("DELETE", path).await;
    }
    // They went with the links.
    for (path, kind) in [("/role-permissions", "role_permission"), ("/user-roles", "user_role")] {
        let again = api.write("POST", path).await;
        api.ids.insert(kind, again.id().to_owned());
    }
    for path in ["application-connections", "application-tokens"] {
        api.write("DELETE", &format!("/{path}/{{id}}")).await;
    }
    for (path, _) in MADE.into_iter().rev() {
        api.write("DELETE", &format!("/{path}/{{id}}")).await;
    }
    let described: BTreeSet<(String, String)> = operations(&api.document)
        .map(|(path, method, _)| (method.to_uppercase(), path.trim_start_matches("/api").to_owned()))
        .collect();
    assert_eq!(described, api.done);
}

#[actix_web::test]
async fn attributes_that_are_not_described_for_a_request_are_refused() {
    let mut api = Described::new().await;
    api.make_all().await;
    for (path, kind) in MADE {
        let (create, update) = (format!("/{path}"), format!("/{path}/{{id}}"));
        let shown = api.operation("GET", &update)["responses"]["200"]["content"][JSON_API]["example"].clone();
        let mut every = shown["data"]["attributes"].as_object().unwrap().clone();
        every.extend(api.example("POST", &create)["data"]["attributes"].as_object().cloned().unwrap_or_default());
        every.insert("environment_id".to_owned(), json!("x"));
        for (method, endpoint) in [("POST", create), ("PATCH", update)] {
            if api.operation(method, &endpoint).is_null() {
                continue;
            }
            let given = api.example(method, &endpoint)["data"]["attributes"].as_object().cloned().unwrap_or_default();
            for (name, value) in every.iter().filter(|(name, _)| !given.contains_key(*name)) {
                let mut document = api.example(method, &endpoint);
                document["data"]["attributes"][name] = value.clone();
                let target = api.target(&endpoint);
                let refused = api.api.write(method.parse().unwrap(), &target, &api.api.token, document).await;
                let refused = refused.expect(422);
                assert_eq!(refused.pointers(), [format!("/data/attributes/{name}")], "{method} {kind}");
                api.check(method, &endpoint, &refused);
            }
        }
    }
}

#[actix_web::test]
async fn every_kind_of_failure_is_answered_as_described() {
    let mut api = Described::new().await;
    api.make_all().await;
    let (_, powerless, _) = api.api.weak_client().await;
    for endpoint in ENDPOINTS {
        let (method, target): (Method, _) = (endpoint.method.parse().unwrap(), api.target(endpoint.path));
        let request = || api.api.request(method.clone(), &target);
        let takes = api.operation(endpoint.method, endpoint.path)["requestBody"].is_object();
        let mut answers = vec![
            (401, api.api.send(TestRequest::with_uri(&target).method(method.clone())).await),
            (401, api.api.write(method.clone(), &target, "none", Value::Null).await),
            (403, api.api.write(method.clone(), &target, &powerless, Value::Null).await),
            (406, api.api.send(request().insert_header(("accept", "application/vnd.api+json;x=1"))).await),
            (400, api.api.send(api.api.request(method.clone(), &format!("{target}?unknown=1"))).await),
            (414, api.api.send(api.api.request(method.clone(), &format!("{target}?{}", "a".repeat(9_000)))).await),
        ];
        if endpoint.path.contains("{id}") {
            let nobody = format!("/api{}", endpoint.path.replace("{id}", "nobody"));
            answers.push((404, api.api.send(api.api.request(method.clone(), &nobody)).await));
        }
        if takes {
            let text = || request().insert_header(("content-type", "text/plain")).set_payload("{}");
            let large = || request().insert_header(("content-type", JSON_API)).set_payload(vec![b' '; 1024 * 1024 + 1]);
            let broken = || request().insert_header(("content-type", JSON_API)).set_payload("{");
            answers.push((415, api.api.send(text()).await));
            answers.push((413, api.api.send(large()).await));
            answers.push((400, api.api.send(broken()).await));
        }
        if method != Method::GET {
            let stale = request().insert_header(("if-match", r#""0""#)).insert_header(("content-type", JSON_API));
            let body = api.example(endpoint.method, endpoint.path);
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = api.api.send(stale.set_payload(body)).await;
            // RFC 9110 section 13.2.1: what would not be done anyway is refused for that.
            let status = if answer.status == 409 { 409 } else { 412 };
            answers.push((status, answer));
        }
        for (status, answer) in answers {
            let line = format!("{method} {}", endpoint.path);
            assert_eq!(answer.status.as_u16(), status, "{line}: {}", answer.body);
            api.check(endpoint.method, endpoint.path, &answer);
        }
    }
}
